"""Where observations come from, and the thread that asks for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from falcon_ctl.errors import CtlError, NoNetwork
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.observation import Observation

FLOWS = 64  # of each host, where there is room for as many as one likes
SMOOTHING = 0.1
JUMP_S = 0.005  # by which a single one may be above what they take: a dialog is opened
SLOWEST_S = 1.0  # between two observations, whatever they cost
RETRY_S = 0.5  # between two attempts while the network is down


class Source(Protocol):
    """What the screen and the plain output are fed by."""

    name: str
    is_live: bool

    def observe(self, flows: int) -> Observation | None:
        """The next observation, with so many flows of each host at most; None: that was all.

        Raises CtlError while there is nothing to observe.
        """

    def use(self, choice: Choice) -> None:
        """Make the network run it. Raises CtlError; may be called from another thread."""

    def close(self) -> None:
        """Close what was opened."""


class Feed:
    """A thread that observes at an interval until it is stopped; nobody waits for it.

    Args:
        source: of the observations; the thread closes it.
        interval: s between two observations.
        share: of a core that this process may use at most: in a network of many machines
            observations are further apart.
        got: called in the thread with each observation.
        lost: called in the thread with the reason when there was none.
        failed: called in the thread with an error that is none of ours; then it ends.
        ended: called in the thread when there will be no more observations.

    Attributes:
        flows: most flows of each host to ask for; each costs time, and a screen has few rows.
    """

    def __init__(
        self,
        source: Source,
        interval: float,
        share: float,
        got: Callable[[Observation], object],
        lost: Callable[[str], object],
        failed: Callable[[Exception], object],
        ended: Callable[[], object],
    ) -> None:
        self._source, self._interval, self._share = source, interval, share
        self._got, self._lost, self._failed, self._ended = got, lost, failed, ended
        self.flows = FLOWS
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observe", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon: a host that hangs may keep the thread waiting for some seconds."""
        self._stop.set()

    def _run(self) -> None:
        try:
            self._loop()
        except Exception as error:  # noqa: BLE001  # the main thread raises it
            self._failed(error)
        finally:
            self._source.close()

    def _loop(self) -> None:
        due = time.monotonic()
        cost, used = 0.0, time.process_time()
        while not self._stop.is_set():
            before, used = used, time.process_time()
            took = min(used - before, cost + JUMP_S)  # of an observation with all that it causes
            cost += SMOOTHING * (took - cost)
            wait = max(self._interval, min(cost / self._share, SLOWEST_S))
            try:
                seen = self._source.observe(self.flows)
            except CtlError as error:
                wait = max(wait, RETRY_S)
                if not self._stop.is_set():
                    self._lost(explained(error))
            else:
                if seen is None:
                    self._ended()
                    return
                if not self._stop.is_set():
                    self._got(seen)
            due = max(due + wait, time.monotonic())
            self._stop.wait(due - time.monotonic())


def explained(error: CtlError) -> str:
    """Why nothing is seen: how a line goes on that begins with "network"."""
    if isinstance(error, NoNetwork):
        return "down; waiting for it (`make topo` brings it up)"
    return f"not observed: {error}"
