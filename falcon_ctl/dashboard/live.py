"""Follows a network in a thread: up, observed, down, up again; and acts on it."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from falcon_ctl.background import Background
from falcon_ctl.dashboard.clock import now_ms
from falcon_ctl.dashboard.messages import Message, event, network_down
from falcon_ctl.dashboard.source import Opener, Source
from falcon_ctl.errors import CtlError, NoNetwork, UsageError
from rxpath.errors import RxPathError
from topo.errors import TopoError

log = logging.getLogger("falcon_ctl")

PERIOD = 0.2  # s between two observations
RETRY = 1.0  # s until the network is looked for again
MOST_FLOWS = 16  # at a time
FAILURES = (CtlError, TopoError, RxPathError, OSError)

Tell = Callable[[Message], None]


class Live(Background):
    """Context manager: reports what happens on the network, and sends flows on it.

    Args:
        opener: connects to the network.
        tell: takes messages, from any thread.
        period: s between two observations.
        retry: s between two attempts to connect.
    """

    def __init__(
        self, opener: Opener, tell: Tell, period: float = PERIOD, retry: float = RETRY
    ) -> None:
        super().__init__("dashboard")
        self._open, self._tell = opener, tell
        self._period, self._retry = period, retry
        self._source: Source | None = None
        self._numbers = itertools.count(1)
        self._flows: dict[str, _Flow] = {}
        self._lock = threading.Lock()  # of `_flows`

    def use(self, wanted: Mapping[str, Any]) -> Message:
        """`Source.use` on the network that is up. Raises NoNetwork when there is none."""
        choice = self._there().use(wanted)
        self._tell(choice)
        return choice

    def start_flow(self, wanted: Mapping[str, Any]) -> Message:
        """Begin to send a flow; returns its message. Raises as `Source.prepare` and `use`."""
        source = self._there()
        request = source.prepare(wanted)
        with self._lock:
            self._flows = {key: one for key, one in self._flows.items() if one.is_alive()}
            if len(self._flows) >= MOST_FLOWS:
                raise UsageError("flow", f"{MOST_FLOWS} are running", "one of them stopped first")
            flow = _Flow(f"flow-{next(self._numbers)}", source, request, self._tell)
            self._flows[flow.key] = flow
            flow.start()
        return flow.message

    def stop_flow(self, ident: str) -> None:
        """Stop a flow that is being sent. Raises UsageError when there is none of that name."""
        flow = self._flows.get(ident)
        if flow is None or not flow.is_alive():
            raise UsageError("flow", ident, "one that is being sent")
        flow.stop.set()

    def _there(self) -> Source:
        source = self._source
        if source is None:
            raise NoNetwork("no network is up (bring one up: make topo)")
        return source

    def _loop(self) -> None:
        why = ""
        while not self._stop.is_set():
            try:
                self._source = self._open()
                self._follow(self._source)
            except FAILURES as error:
                was_up = self._source is not None
                self._end_flows(str(error))
                if was_up:
                    self._tell(event(now_ms(), "network", f"the network is down: {error}"))
                if was_up or str(error) != why:
                    self._tell(network_down(str(error), isinstance(error, NoNetwork)))
                why = str(error)
            except Exception as error:  # the page goes on, says so, and looks again
                log.exception("the network cannot be followed")
                self._tell(event(now_ms(), "error", f"{type(error).__name__}: {error}"))
                self._tell(network_down(f"it cannot be followed: {error}"))
            finally:
                self._leave()
            self._stop.wait(self._retry)

    def _follow(self, source: Source) -> None:
        self._tell(source.describe())
        self._tell(event(now_ms(), "network", "the network is up"))
        while not self._stop.wait(self._period):
            for message in source.observe():
                self._tell(message)

    def _end_flows(self, why: str) -> None:
        for flow in list(self._flows.values()):
            flow.fail(why)

    def _leave(self) -> None:
        self._end_flows("the dashboard ended")
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def _finish(self) -> None:
        for flow in self._flows.values():
            flow.join(timeout=1.0)


class _Flow(threading.Thread):
    """Sends one flow and reports its progress."""

    def __init__(self, ident: str, source: Source, request: Mapping[str, Any], tell: Tell) -> None:
        super().__init__(name=ident, daemon=True)
        self.key = ident
        self.stop = threading.Event()
        self._source, self._request, self._tell = source, request, tell
        self._progress: Mapping[str, Any] = {}
        self._why = ""
        self.message = self._message("running")

    def fail(self, why: str) -> None:
        """End it early, as failed."""
        self._why = self._why or why
        self.stop.set()

    def run(self) -> None:
        """Send, to the end or until `stop`."""
        self._tell(self.message)
        try:
            report = self._source.send(self._request, self._on, self.stop)
        except FAILURES as error:
            self._say("failed", error=str(error))
            self._tell(event(now_ms(), "flow", f"{self.key} failed: {error}"))
        except Exception as error:
            self._say("failed", error=f"{type(error).__name__}: {error}")
            raise
        else:
            if self._why:
                self._say("failed", report=report, error=self._why)
            else:
                self._say("stopped" if report["stopped"] else "done", report=report)

    def _on(self, progress: Mapping[str, Any]) -> None:
        self._progress = progress
        self._say("running")

    def _say(self, state: str, **more: Any) -> None:
        self.message = self._message(state, **more)
        self._tell(self.message)

    def _message(self, state: str, **more: Any) -> Message:
        shown = {"id": self.key, "request": self._request, "state": state}
        return {"type": "flow", "flow": {**shown, **self._progress, **more}}
