"""Results of a run of the model, by name: the public interface for experiments.

for frames in follow(model, trace):         # under the virtual clock
frames.latency[frames.delivered]
counters(model).busy[3].softirq
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rxpath.drivers import closed, virtual
from rxpath.host import Model
from rxpath.model import counters as model_counters
from rxpath.model.state import codes
from rxpath.model.state.packets import StageRecord

Integers = NDArray[np.int64]
DROP_REASONS = codes.DROP_REASONS[1:]
STAGE_KINDS = codes.STAGE_NAMES
_KINDS = np.array(STAGE_KINDS)
_REASONS = np.array(codes.DROP_REASONS)


class Stages(NamedTuple):
    """Stages that frames went through; arrays of one shape, times in model ns.

    `kind`: of `STAGE_KINDS`; `choice`: how the CPU was chosen (0 not steered, 1 first choice,
    2 second choice, 3 steering was off, 4 kept by the order guard); the stage was queued at
    `enqueue` and ran from `start` to `end`. `held`: for how long the order guard held the
    frame, in front of the work or behind it, ns; 0 where it did not.
    """

    kind: NDArray[np.str_]
    ifindex: Integers
    cpu: Integers
    choice: Integers
    enqueue: Integers
    start: Integers
    end: Integers
    held: Integers

    def where(self, chosen: NDArray[np.bool_] | Integers) -> Stages:
        """Those that a mask or indices choose; with a mask [n], whatever shape these have."""
        return Stages._make(column[chosen] for column in self)


class Frames(NamedTuple):
    """Frames that left the host, in order of time; arrays [n].

    `delivered`: the application has the frame; else `reason` says why it was dropped (of
    `DROP_REASONS`). `time`: when, model ns; `latency`: since it came to the NIC. `cpu`: the
    application's, or the one that dropped it, or whose queue was full. `stages`: [n, most]; of
    frame i the first `hops[i]` are set, none unless the model records.
    """

    delivered: NDArray[np.bool_]
    flow: Integers
    socket: Integers
    time: Integers
    cpu: Integers
    reason: NDArray[np.str_]
    latency: Integers
    hops: Integers
    stages: Stages

    @property
    def arrival(self) -> Integers:
        """When each frame came to the NIC, model ns."""
        return self.time - self.latency

    @property
    def ran(self) -> NDArray[np.bool_]:
        """[n, most] which of `stages` are set."""
        return np.arange(self.stages.cpu.shape[1]) < self.hops[:, np.newaxis]

    @property
    def held(self) -> Integers:
        """[n] how long the order guard held each frame, all stages together, ns."""
        total: Integers = np.where(self.ran, self.stages.held, 0).sum(axis=1)
        return total

    def where(self, chosen: NDArray[np.bool_]) -> Frames:
        """Only the chosen ones."""
        return Frames._make((*(column[chosen] for column in self[:-1]), self.stages.where(chosen)))


def follow(
    model: Model, trace: Any, until: int = 0, chunk: int = virtual.CHUNK
) -> Iterator[Frames]:
    """Run a trace of `rxpath.drivers.virtual` and yield what left the host, part by part."""
    for events in virtual.run(model, trace, until, chunk):
        yield _frames(model, events)


def frames_until(model: Model, replay: virtual.Replay, until: int) -> Iterator[Frames]:
    """What leaves the host as the model goes on with a trace to model time ``until``."""
    for events in replay.run(until):
        yield _frames(model, events)


def run(model: Model, trace: Any, until: int = 0) -> Frames:
    """As `follow`, all parts together."""
    parts = list(follow(model, trace, until))
    *columns, stages = zip(*parts, strict=True)
    whole = Stages._make(map(np.concatenate, zip(*stages, strict=True)))
    return Frames._make((*map(np.concatenate, columns), whole))


def kept(closed_loop: closed.ClosedLoop) -> tuple[Frames, int]:
    """The frames that a closed loop has kept, and how many it has not, for want of room.

    Those that found the RX ring full are among them, without a stage.
    """
    senders = closed_loop.senders
    rows = senders.frames.array[: senders.kept]
    frames = Frames(
        delivered=rows["kind"] == codes.DELIVER,
        flow=rows["flow"].copy(),
        socket=rows["socket"].copy(),
        time=rows["time"].copy(),
        cpu=rows["cpu"].copy(),
        reason=_REASONS[rows["reason"]],
        latency=rows["latency"].copy(),
        hops=rows["count"].copy(),
        stages=_stages(rows["stages"].copy()),
    )
    return frames, int(senders.not_kept)


def _frames(model: Model, events: Any) -> Frames:
    """The events' frames; their slots must not have been used again."""
    slots = events["slot"]
    recorded = len(model.state.records) > 1
    records = model.state.records.array["stages"] if recorded else None
    return Frames(
        delivered=events["kind"] == codes.DELIVER,
        flow=events["flow"].copy(),
        socket=events["socket"].copy(),
        time=events["time"].copy(),
        cpu=events["cpu"].copy(),
        reason=_REASONS[events["reason"]],
        latency=events["latency"].copy(),
        hops=model.state.hops.array["count"][slots],
        stages=_stages(_no_records(len(slots)) if records is None else records[slots]),
    )


def _stages(records: Any) -> Stages:
    fields = Stages._fields[1:]
    return Stages(_KINDS[records["kind"]], *(records[name] for name in fields))


def _no_records(count: int) -> Any:
    return np.zeros((count, 0), StageRecord.DTYPE)


class Busy(NamedTuple):
    """How long a CPU was busy with what, ns."""

    hardirq: int
    softirq: int
    ksoftirqd: int
    task: int
    polling: int
    napi_thread: int


class Coalescing(NamedTuple):
    """Interrupt moderation of an RX queue, as `ethtool -c` tells it.

    `profile`: net_dim's, in use, None where the moderation is fixed; `decisions` of net_dim, and
    `changes`, those for another profile.
    """

    adaptive_rx: bool
    rx_usecs: int
    rx_frames: int
    profile: int | None
    decisions: int
    changes: int


@dataclass(frozen=True)
class Counters:
    """A host's counters since its start or its last reset.

    Attributes:
        clock_ns: model time.
        received: frames that came to the NIC, dropped ones included.
        delivered: frames that applications got.
        drops: frames lost, by reason.
        queued: frames that the host holds now.
        reordered: delivered frames that one sent later overtook (RFC 4737).
        busy: by CPU.
        interrupts: of the NIC.
        merged: frames that GRO appended to another.
        slow_path: frames without an entry in the NIC's flow table.
        handovers: flows' stages that changed CPUs while packets of them waited on the old one.
        held: skbs that the order guard held at the new CPU meanwhile.
        held_ns: how long it held them, all together.
        net_rx_by_cpu: runs of net_rx_action on each CPU, as /proc/softirqs counts NET_RX.
        coalescing: by RX queue in use.
    """

    clock_ns: int
    received: int
    delivered: int
    drops: dict[str, int]
    queued: int
    reordered: int
    busy: tuple[Busy, ...]
    interrupts: int
    merged: int
    slow_path: int
    handovers: int
    held: int
    held_ns: int
    net_rx_by_cpu: tuple[int, ...]
    coalescing: tuple[Coalescing, ...]

    @property
    def net_rx(self) -> int:
        """Runs of net_rx_action on all CPUs."""
        return sum(self.net_rx_by_cpu)

    def busy_ns(self, *kinds: str) -> int:
        """Time that all CPUs together spent on some kinds of work (fields of `Busy`)."""
        return sum(getattr(cpu, kind) for cpu in self.busy for kind in kinds)


def counters(model: Model) -> Counters:
    """The model's counters now."""
    stats = model.stats()
    return Counters(
        clock_ns=stats["clock_ns"],
        received=stats["received"],
        delivered=stats["delivered"],
        drops=stats["drops"],
        queued=stats["queued"],
        reordered=stats["reordered"],
        busy=tuple(Busy(**cpu) for cpu in stats["busy_ns"]),
        interrupts=stats["softirq"]["interrupts"],
        merged=stats["softirq"]["merged"],
        slow_path=stats["offload"]["slow_path"],
        handovers=stats["order"]["handovers"],
        held=stats["order"]["held"],
        held_ns=stats["order"]["held_ns"],
        net_rx_by_cpu=tuple(stats["net_rx"]),
        coalescing=tuple(Coalescing(**queue) for queue in stats["moderation"]),
    )


def busy_ns(model: Model) -> Integers:
    """[cpus] how long each CPU was busy until now; work that goes on is counted at its end."""
    total: Integers = model_counters.busy(model.state).sum(axis=1)
    return total


def now_ns(model: Model) -> int:
    """Model time."""
    return model.state.output.now


def warm() -> None:
    """Compile all kernels of the virtual clock, or load them from the disk cache."""
    virtual.warm()
    closed.warm()
