"""The receiving hosts (rxpath): knobs, counters, records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from falcon_ctl.capture.trace import Trace, load
from falcon_ctl.systems.system import System, merge_knobs
from rxpath.config.knobs import FalconKnobs
from rxpath.errors import ControlError
from rxpath.live.control import Client
from rxpath.live.records import Recording, read
from topo.protocol.status import MachineInfo

# A driver that delivers late by the wall clock does not distort the model's own times.
LATE_BUDGET_NS = 30_000_000
ANSWER_SECONDS = 8.0  # a recording of many frames takes a second
RESTORE_SECONDS = 2.0  # setting knobs takes milliseconds


class Host:
    """One machine's receive path, through its control socket."""

    def __init__(self, info: MachineInfo) -> None:
        self.name = info.name
        self._client = Client(info.control_socket, ANSWER_SECONDS)
        self._found = self.get()

    @property
    def found(self) -> Mapping[str, Any]:
        """The knobs that were there when the connection was opened."""
        return self._found

    def use(self, system: System, dilation: int, **knobs: Any) -> None:
        """Run `system`; what neither it nor `knobs` set of FALCON has its default."""
        falcon = {"falcon": asdict(FalconKnobs())}
        budget = {"late_budget_ns": LATE_BUDGET_NS // dilation, "dilation": dilation}
        policy = {"policy": system.custom.spec} if system.custom else {}
        costs = {"costs": system.costs}
        layers = (
            self._found,
            falcon,
            costs,
            system.knobs,
            policy,
            system.live_knobs,
            knobs,
            budget,
        )
        self._client.call("set", **merge_knobs(*layers))

    def get(self) -> dict[str, Any]:
        """All knobs."""
        knobs: dict[str, Any] = self._client.call("get")
        return knobs

    def stats(self) -> dict[str, Any]:
        """Counters since the last `reset`."""
        stats: dict[str, Any] = self._client.call("stats")
        return stats

    def status(self) -> dict[str, Any]:
        """Clock, lateness, uptime."""
        status: dict[str, Any] = self._client.call("status")
        return status

    def reset(self) -> None:
        """Zero the counters."""
        self._client.call("reset")

    @contextmanager
    def recording(self, limit: int) -> Iterator[list[Trace]]:
        """Record up to `limit` frames; the list holds the trace when the block is left."""
        traces: list[Trace] = []
        with self._recorded(limit) as files:
            yield traces
        traces += map(load, files)
        _remove(files)

    @contextmanager
    def recorded(self, limit: int) -> Iterator[list[Recording]]:
        """As `recording`, as arrays: for more frames than objects are made of in a run's time."""
        found: list[Recording] = []
        with self._recorded(limit) as files:
            yield found
        found += map(read, files)
        _remove(files)

    @contextmanager
    def _recorded(self, limit: int) -> Iterator[list[Path]]:
        files: list[Path] = []
        self._client.call("record", action="start", limit=limit)
        try:
            yield files
        finally:
            files.append(Path(self._client.call("record", action="stop")["path"]))

    def ask_to_restore(self, seconds: float) -> None:
        """Request the knobs that were found at first; `await_restored` waits up to `seconds`.

        Over another connection, as that one may be aborted, or a request be waiting there: a host
        that could not send its reply would not read on.
        """
        self._client.close()
        self._client = Client(self._client.path, seconds)
        self._client.request("set", **self._found)

    def await_restored(self) -> None:
        """Wait until `ask_to_restore` was done; after a timeout nothing more can be asked."""
        self._client.result()

    def abort(self) -> None:
        """Make a request that is waiting fail now, and all later ones."""
        self._client.abort()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _remove(files: Iterable[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)


def restore_all(hosts: Iterable[Host], seconds: float = RESTORE_SECONDS) -> None:
    """Restore all hosts' knobs, and wait up to `seconds` for each to have done so.

    All are asked before one is waited for: a host that is stopped restores its knobs when it goes
    on. A dead host has none.
    """
    asked = []
    for host in hosts:
        with suppress(ControlError):
            host.ask_to_restore(seconds)
            asked.append(host)
    for host in asked:
        with suppress(ControlError):
            host.await_restored()
