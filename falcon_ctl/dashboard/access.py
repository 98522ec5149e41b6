"""Access control of the dashboard: token, Host and Origin of a request. Pure.

The server listens on 127.0.0.1 only, but every program and every web page on this computer can
reach that. A page of another site could have the browser send requests here (cross-site request
forgery), or have a name of its own resolve to 127.0.0.1 (DNS rebinding): so the Host has to be
ours, and the Origin, where the browser names one. Other users of the computer do not know the
token.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from http.cookies import CookieError, SimpleCookie

NAMES = ("127.0.0.1", "localhost")
_SAFE = ("GET", "HEAD")


class Verdict(Enum):
    """The decision on a request: HTTP status and the one line of the response."""

    PASS = 200, ""
    ENTER = 303, ""  # the token was right: it goes into a cookie and out of the address
    WRONG_HOST = 421, "wrong host; open the address that falcon_ctl dashboard printed"
    WRONG_TOKEN = 401, "wrong token; open the address that falcon_ctl dashboard printed"
    WRONG_ORIGIN = 403, "a page of another site may not ask this"

    @property
    def status(self) -> int:
        """HTTP status."""
        return int(self.value[0])

    @property
    def line(self) -> str:
        """The answer's text."""
        return str(self.value[1])


@dataclass(frozen=True)
class Access:
    """Access control of one server: its token and its port."""

    token: str
    port: int

    @property
    def cookie(self) -> str:
        """The cookie's name. Cookies know no ports, and two dashboards may run."""
        return f"falcon-dashboard-{self.port}"

    @property
    def address(self) -> str:
        """What the user opens."""
        return f"http://{NAMES[0]}:{self.port}/?token={self.token}"

    def check(
        self,
        method: str,
        headers: Mapping[str, str],
        token: str | None = None,
        *,
        websocket: bool = False,
    ) -> Verdict:
        """Decide whether a request is allowed.

        Args:
            method: of HTTP.
            headers: with lower-case names.
            token: what the address had as ``token``.
            websocket: it asks for a WebSocket, to which browsers let every page connect.
        """
        if headers.get("host", "") not in {f"{name}:{self.port}" for name in NAMES}:
            return Verdict.WRONG_HOST
        if token is not None:
            return Verdict.ENTER if self._is_ours(token) else Verdict.WRONG_TOKEN
        bearer = headers.get("authorization", "")
        by_header = self._is_ours(bearer.removeprefix("Bearer "))
        if not by_header and not self._is_ours(self._in_cookie(headers.get("cookie", ""))):
            return Verdict.WRONG_TOKEN
        origin = headers.get("origin")
        acts = websocket or method not in _SAFE
        if origin is None:  # browsers name it in every request that acts; a program has the header
            return Verdict.PASS if by_header or not acts else Verdict.WRONG_ORIGIN
        return Verdict.PASS if origin == f"http://{headers['host']}" else Verdict.WRONG_ORIGIN

    def _is_ours(self, token: str) -> bool:
        """Compared in constant time, so that its duration tells nothing."""
        return hmac.compare_digest(token.encode(errors="replace"), self.token.encode())

    def _in_cookie(self, header: str) -> str:
        try:
            morsel = SimpleCookie(header).get(self.cookie)
        except CookieError:
            return ""
        return morsel.value if morsel else ""
