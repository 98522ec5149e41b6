"""The receiving hosts (rxpath): knobs, counters, records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from falcon_ctl.capture.trace import Trace, load
from falcon_ctl.intent.systems import System
from rxpath.control import Client
from topo.state import MachineInfo


class Host:
    """One machine's receive path, through its control socket."""

    def __init__(self, info: MachineInfo) -> None:
        self.name = info.name
        self._client = Client(info.control_socket)
        self._original = {key: self.get()[key] for key in _RESTORED}

    def use(self, system: System, **knobs: Any) -> None:
        """Run `system`; `knobs` beside what the system says (a mapping for `falcon` is merged)."""
        wanted = {**self._original, **system.knobs}
        falcon = {**wanted["falcon"], **knobs.pop("falcon", {})}
        self._client.call("set", **{**wanted, **knobs, "falcon": falcon})

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
        self._client.call("record", action="start", limit=limit)
        try:
            yield traces
        finally:
            path = self._client.call("record", action="stop")["path"]
        traces.append(load(Path(path)))

    def restore(self) -> None:
        """Set the knobs that stood when we came."""
        self._client.call("set", **self._original)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


_RESTORED = ("profile", "policy", "falcon", "dilation")
