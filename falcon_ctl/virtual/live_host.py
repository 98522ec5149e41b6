"""The model of a live host under the virtual clock: what it makes of frames, and of a stream. Pure.

The live host's own knobs decide, so that both clocks have the same model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from falcon_ctl.systems.system import System
from falcon_ctl.virtual.measure import chain_of
from rxpath import results
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.drivers.closed import ClosedLoop
from rxpath.host import Model
from rxpath.tcp.connections import Connection

_CLOCK = ("dilation", "late_budget_ns")  # of a live host, beside the model's knobs
_SLOTS = 32_768  # as many as a live host has
_STEP_NS, _LONGEST_NS = 10_000, 1_000_000_000


class Wire(NamedTuple):
    """One flow's frames as the receiving NIC gets them: RSS hash, whose container's, bytes."""

    rss_hash: int
    container: int
    wire_len: int


@dataclass(frozen=True)
class LiveHost:
    """A live host as its recording describes it, when it began and the host held no frame.

    `knobs`: all of them; `containers`: how many; `memory`: of earlier frames (`Model.memory`), None
    for a host that had none.
    """

    system: System
    knobs: Mapping[str, Any]
    containers: int
    memory: Mapping[str, Sequence[int]] | None = None

    def frames(
        self, times: ArrayLike, flows: ArrayLike, tunnel: ArrayLike, **columns: ArrayLike
    ) -> results.Frames:
        """What leaves the host when frames come at `times` (model ns).

        `flows`: number of each frame's flow; `tunnel`: whether it comes in VXLAN; `columns`: others
        of `rxpath.drivers.virtual`.
        """
        numbers = np.asarray(flows, np.int64)
        model = self._model(int(numbers.max(initial=0)) + 1)
        chain = np.where(np.asarray(tunnel, bool), model.chain("tunnel"), model.chain("plain"))
        return results.run(model, virtual.make_trace(times, flow=numbers, chain=chain, **columns))

    def stream_pps(
        self,
        wire: Wire,
        window: int,
        message: int,
        payload: int,
        frames: tuple[int, int],
        start: int = 0,
    ) -> float:
        """Frames/s that a TCP connection delivers that sends as fast as its window lets it.

        `wire`: of its full segments, `payload` bytes of which are data; `window` in segments;
        `message`: bytes that the application writes at a time; `frames`: the rate is that from the
        first of these numbers of delivered frames to the second one; it begins at model time
        `start`.
        """
        model = self._model(1)
        connection = Connection(
            rss_hash=wire.rss_hash,
            chain=chain_of(model, self.system, "tcp"),
            socket=wire.container,
            window=window,
            wire_len=wire.wire_len,
            payload=payload,
            message=message,
            start_ns=start,
        )
        loop = ClosedLoop(model, [connection])
        marks, now = [], start
        loop.run(now)
        for wanted in frames:
            while (count := results.counters(model).delivered) < wanted:
                if now >= start + _LONGEST_NS:
                    return 0.0
                now += _STEP_NS
                loop.run(now)
            marks.append((count, now))
        (first, begin), (last, end) = marks
        return (last - first) * 1e9 / (end - begin)

    def _model(self, flows: int) -> Model:
        knobs = {key: value for key, value in self.knobs.items() if key not in _CLOCK}
        if self.system.custom is not None:
            knobs["policy"] = "same_cpu"  # the given one has its place
        model = Model(
            Knobs.parse(knobs),
            slots=_SLOTS,
            sockets=max(self.containers, 1),
            flows=flows,
            policy=self.system.custom,
        )
        if self.memory is not None:
            model.remember(self.memory)
        return model
