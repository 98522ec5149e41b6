"""Which switches are there: sessions that end, switches that hang, and those that come back."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterable, Iterator

import grpc

from falcon_ctl.background import Background
from falcon_ctl.errors import SwitchError
from falcon_ctl.p4rt.client import Client

HANGS_AFTER = 5.0  # s without an answer; a busy switch takes milliseconds
_ASK_EVERY = 1.0  # s
_KNOCK_EVERY = 0.2  # s
ANSWER = 1.0  # s that a switch which came back has to answer


class Questions(Background):
    """Context manager: asks the switches for an answer, one after the other, again and again.

    Args:
        clients: the sessions with them, now.
        tell: called with the session of one that hangs. When it aborts the session, the stream
            ends like that of a switch that died.
    """

    def __init__(
        self, clients: Callable[[], Iterable[Client]], tell: Callable[[Client], None]
    ) -> None:
        super().__init__("questions")
        self._clients, self._tell = clients, tell

    def _loop(self) -> None:
        while not self._stop.wait(_ASK_EVERY):
            for client in self._clients():
                if not self._stop.is_set() and hangs(client, HANGS_AFTER):
                    self._tell(client)


class Knocks(Background):
    """Context manager: opens sessions with switches that are gone, as soon as they answer.

    Args:
        open_session: opens one, within so many seconds; raises SwitchError.
        tell: called after a session was put into `opened`.
    """

    def __init__(
        self, open_session: Callable[[str, float], Client], tell: Callable[[], None]
    ) -> None:
        super().__init__("knocks")
        self._open, self._tell = open_session, tell
        self._gone: set[str] = set()
        self._opened: queue.SimpleQueue[Client] = queue.SimpleQueue()

    def expect(self, name: str) -> None:
        """From now on try this switch, until a session is open."""
        self._gone.add(name)

    def opened(self) -> Iterator[Client]:
        """Sessions that were opened since the last call."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._opened.get_nowait()

    def _loop(self) -> None:
        while not self._stop.wait(_KNOCK_EVERY):
            for name in sorted(self._gone):
                if not self._stop.is_set():
                    self._knock(name)

    def _knock(self, name: str) -> None:
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
    """The switch does not answer; an error is an answer, or an end that shows otherwise."""
    try:
        client.verify_answers(seconds)
    except SwitchError as error:
        return error.code is grpc.StatusCode.DEADLINE_EXCEEDED
    return False
