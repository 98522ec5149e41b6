"""Liveness of switches: probes those with a session, and reconnects to those that are gone."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterable, Iterator

import grpc

from falcon_ctl.background import Background
from falcon_ctl.errors import SwitchError
from falcon_ctl.p4rt.client import Client

HANGS_AFTER = 5.0  # s without an answer; a busy switch takes milliseconds
_PROBE_EVERY = 1.0  # s
_RETRY_EVERY = 0.2  # s
ANSWER = 1.0  # s that a switch which came back has to answer


class LivenessProbe(Background):
    """Context manager: probes the switches in turn, once a second, and reports one that hangs.

    Args:
        clients: returns the present sessions.
        tell: called with the session of a switch that hangs. When it aborts the session, the stream
            ends like that of a switch that died.
    """

    def __init__(
        self, clients: Callable[[], Iterable[Client]], tell: Callable[[Client], None]
    ) -> None:
        super().__init__("liveness")
        self._clients, self._tell = clients, tell

    def _loop(self) -> None:
        while not self._stop.wait(_PROBE_EVERY):
            for client in self._clients():
                if not self._stop.is_set() and hangs(client, HANGS_AFTER):
                    self._tell(client)


class Reconnector(Background):
    """Context manager: reconnects to switches that are gone as soon as they answer.

    Args:
        open_session: (switch, timeout in s) → a session; raises SwitchError.
        tell: called after a session was put into `opened`.
    """

    def __init__(
        self, open_session: Callable[[str, float], Client], tell: Callable[[], None]
    ) -> None:
        super().__init__("reconnector")
        self._open, self._tell = open_session, tell
        self._gone: set[str] = set()
        self._opened: queue.SimpleQueue[Client] = queue.SimpleQueue()

    def expect(self, name: str) -> None:
        """Try to reconnect to this switch until a session is open."""
        self._gone.add(name)

    def opened(self) -> Iterator[Client]:
        """Sessions that were opened since the last call."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._opened.get_nowait()

    def _loop(self) -> None:
        while not self._stop.wait(_RETRY_EVERY):
            for name in sorted(self._gone):
                if not self._stop.is_set():
                    self._reconnect(name)

    def _reconnect(self, name: str) -> None:
        try:
            client = self._open(name, ANSWER)
        except SwitchError:
            return
        self._gone.discard(name)
        self._opened.put(client)
        self._tell()

    def _finish(self) -> None:
        for client in self.opened():
            client.close()


def hangs(client: Client, seconds: float) -> bool:
    """Whether the switch gives no answer within `seconds`; an error counts as an answer."""
    try:
        client.verify_answers(seconds)
    except SwitchError as error:
        return error.code is grpc.StatusCode.DEADLINE_EXCEEDED
    return False
