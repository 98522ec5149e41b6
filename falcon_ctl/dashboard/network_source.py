"""The running network as a source of the dashboard: `falcon_ctl.steering` does the work."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from falcon_ctl.dashboard.clock import now_ms
from falcon_ctl.dashboard.frames import (
    SLICES,
    Framer,
    choice_message,
    network_message,
    trouble_messages,
)
from falcon_ctl.dashboard.links import LinkRates
from falcon_ctl.dashboard.messages import Message
from falcon_ctl.errors import CtlError
from falcon_ctl.live import watch
from falcon_ctl.steering import choice as choices
from falcon_ctl.steering import flow as flows
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.flow_report import FlowProgress
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.steering.session import Session
from topo.protocol.status import Status

_LOOK = 5.0  # s between two looks at the network's parts
_ACTING = 5.0  # s that closing waits for what is being written to switches


class NetworkSource:
    """See `falcon_ctl.dashboard.source.Source`.

    Raises NoNetwork when none is up in `run_dir`.
    """

    def __init__(self, run_dir: Path | None = None) -> None:
        self._run_dir = run_dir
        self._stack = ExitStack()
        self._numbers = itertools.count(1)
        self._looked = time.monotonic()
        self._acting = threading.Lock()  # one `use` at a time
        try:
            self._network = self._stack.enter_context(watch.connect(run_dir))
            self._watching = self._stack.enter_context(Session.open(self._network))
            self._using = self._stack.enter_context(Session.open(self._network))
            self._links = LinkRates(self._network.spec, self._network.socket)
            self._stack.callback(self._links.close)
            self._status = self._network.status()
            self._cores: dict[str, int] = {}
            self._failed: Mapping[str, str] = {}
            self._framer = Framer(self._cores)
            threading.Thread(target=self._read_switches, name="switches", daemon=True).start()
        except BaseException:
            self._stack.close()
            raise

    def _read_switches(self) -> None:
        """Have the first control that is used act as fast as the others."""
        with self._acting, suppress(CtlError):  # `use` says what is wrong
            self._using.read_switches()

    def describe(self) -> Message:
        """The message ``network``."""
        return network_message(self._network.spec, self._status)

    def observe(self) -> list[Message]:
        """What happened since the last call; now and then also whether a part is in trouble."""
        seen = self._watching.observe(slices=SLICES)
        for name in seen.hosts:
            if name not in self._cores:
                self._cores[name] = int(self._watching.call(name, "get")["cpus"])
        found = list(self._framer.messages(seen, self._links.read()))
        now = time.monotonic()
        if now - self._looked >= _LOOK or seen.failed != self._failed:
            self._looked, before = now, self._status.troubles
            self._failed, self._status = seen.failed, self._look()
            if self._status.troubles != before:
                found += trouble_messages(self._status, now_ms())
        return found

    def _look(self) -> Status:
        """The state of all parts; one that runs and does not answer is in trouble, too."""
        status = self._network.status()
        parts = [
            part.model_copy(update={"trouble": self._failed[part.node]})
            if part.kind == "rxpath" and part.state == "running" and part.node in self._failed
            else part
            for part in status.parts
        ]
        return status.model_copy(update={"parts": tuple(parts)})

    def use(self, wanted: Mapping[str, Any]) -> Message:
        """Make the network run a choice."""
        read = Choice.from_json(dict(wanted))
        chosen = choices.from_arguments(
            **{one.name: getattr(read, one.name) for one in fields(read)}
        )
        with self._acting:
            applied = self._using.use(chosen)
        return choice_message(replace(chosen, dilation=applied.dilation))

    def prepare(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """A flow's request, verified. Each has another seed, so ports and cores differ."""
        number = next(self._numbers)
        request = FlowRequest.from_json({"seed": number, **wanted})
        request.verify(self._network.spec)
        return request.to_json()

    def send(
        self,
        request: Mapping[str, Any],
        tell: Callable[[Mapping[str, Any]], None],
        stop: threading.Event,
    ) -> Mapping[str, Any]:
        """Send a flow."""

        def on(progress: FlowProgress) -> None:
            shown = ("sent", "received", "lost", "reordered")
            tell({key: getattr(progress, key) for key in shown})

        with watch.connect(self._run_dir) as network, Session.open(network) as session:
            report = flows.send(session, FlowRequest.from_json(request), on, stop)
        return report.to_json()

    def close(self) -> None:
        """Close all connections; the network goes on."""
        acted = self._acting.acquire(timeout=_ACTING)
        try:
            self._stack.close()
        finally:
            if acted:
                self._acting.release()
