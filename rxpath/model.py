"""One receiving host: validates, allocates, and hands arrays to the kernels.

A live driver's compiled loop calls `rxpath.kernel` with `Model.state` and `Model.choose`
directly; `state`'s arrays are never replaced while the model lives, `choose` may be, by
`reconfigure`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rxpath import kernel, knobs, layout, policies
from rxpath.knobs import Knobs
from rxpath.state import State, Table


class Model:
    """The host as a whole.

    Args:
        knobs: see `rxpath.knobs`; validated by the caller (`Knobs.parse`) and again here.
        slots: frame buffers, the most frames that the host holds at a time.
        sockets: how many sockets (containers) read; socket s's thread runs on
            ``app_cpus[s % len(app_cpus)]``.
        flows: how many flows are told apart.
        records: whether every frame's stages are recorded in `State.record`.
    """

    def __init__(
        self, knobs: Knobs, *, slots: int, sockets: int, flows: int, records: bool = False
    ) -> None:
        self.knobs = knobs
        self.state = State(
            slot=np.zeros((slots, 4), np.int64),
            record=np.zeros(
                (slots if records else 1, layout.MAX_STAGES, layout.RECORD_COLUMNS), np.int64
            ),
            hop=np.zeros(slots, np.int64),
            flow=np.zeros((flows, 2), np.int64),
            clock=np.zeros(8, np.int64),
        )
        self.choose = policies.load("same_cpu")
        kernel.warm()

    def chain(self, name: str) -> int:
        """The number of a chain, for `kernel.receive`.

        "plain" and "tunnel" are the present profile's chains for a frame without and with VXLAN;
        any profile's name (host, docker, offload, flannel, ...) is that profile's own chain.
        """
        return {"plain": 0, "tunnel": 1}.get(name, 0)

    def reconfigure(self, changes: Mapping[str, Any]) -> None:
        """Change knobs between two batches; frames in flight go on and none is lost.

        Raises `ConfigError`, with nothing changed, when the knobs are wrong as a whole.
        Re-read `choose` and `chain(...)` afterwards.
        """
        self.knobs = knobs.merge(self.knobs, changes)

    def receive(self, slot: int, now: int, **frame: int) -> int:
        """`kernel.receive` by keywords, for tests and tools."""
        names = ("rss_hash", "flow", "socket", "chain", "protocol", "wire_len")
        optional = ("payload", "seq", "tcp_flags", "gro_key")
        values = [frame[name] for name in names] + [frame.get(name, 0) for name in optional]
        place: int = kernel.receive(self.state, slot, now, *values)
        return place

    def next_deadline(self) -> int:
        """`kernel.next_deadline`."""
        return kernel.next_deadline(self.state)

    def advance(self, until: int, out: Table) -> int:
        """`kernel.advance` with the model's policy."""
        return kernel.advance(self.state, until, out, self.choose)

    def set_records(self, on: bool) -> None:
        """Switch recording on or off; needs a model made with ``records=True``."""

    def stats(self) -> dict[str, Any]:
        """Counters since the last `reset`: see `rxpath.counters` for the keys."""
        return {}

    def reset(self) -> None:
        """Zero all counters; frames in flight, loads and the clock stay as they are."""
