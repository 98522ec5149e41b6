"""Makes a timeline of runs: chooses packets, lays their work out on tracks, adds what happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from falcon_ctl.timeline import counters, events, sampling
from falcon_ctl.timeline.cores import parts
from falcon_ctl.timeline.model import (
    Detail,
    Instant,
    Packet,
    Run,
    Series,
    Slice,
    Timeline,
    Tracks,
)
from falcon_ctl.timeline.packets import Hops, Integers, Packets, Recorded, kind_name, works

CHOICES = ("", "first choice", "second choice", "steering off", "kept in order")

# Places among the tracks of a machine; queues and CPUs come in the order of their numbers.
RUNS, EVENTS, QUEUES, CPUS, SOCKETS = 0, 1, 100, 1_000, 100_000
_ABOUT_CPU = (
    "The stages of packets. Interrupts, inter-processor interrupts and the scheduler's work are in "
    "no record: they are gaps, and the load counter is lower by them."
)
_OF_CPU = {"load": 1, "gro_cell": 2, "backlog": 3}


def build(
    title: str,
    runs: Sequence[Recorded],
    most: int = sampling.MOST_SLICES,
    about: Mapping[str, str] | None = None,
) -> Timeline:
    """The timeline of `runs`, those of one group on the same tracks.

    `most`: about how many slices it may have; packets are sampled where there are more. `about`:
    what is to be said of the whole.
    """
    assembly = Assembly(title, about)
    whole = sum(run.slices for run in runs)
    for run in runs:
        assembly.add(run, most * run.slices // max(1, whole) + 1)
    return assembly.timeline


class Assembly:
    """A timeline that grows by a run at a time, whose records need not be kept."""

    def __init__(self, title: str, about: Mapping[str, str] | None = None) -> None:
        self.timeline = Timeline(title, about=dict(about or {}))
        self._tracks = Tracks(self.timeline)

    def add(self, run: Recorded, most: int) -> None:
        """Add a run with about `most` slices; one without packets leaves no trace."""
        if run.packets.size:
            number = len(self.timeline.runs)
            share = most / run.slices
            _Builder(self.timeline, self._tracks, run, number).add(share, run.slices)


class _Builder:
    """Adds one run to a timeline."""

    def __init__(self, timeline: Timeline, tracks: Tracks, run: Recorded, number: int) -> None:
        self._timeline, self._tracks, self._number = timeline, tracks, number
        self._origin, self._all = run.origin, run.packets
        self._group = (run.origin.group,)

    def add(self, share: float, count: int) -> None:
        """Add everything of the run, of its packets this share; `count`: all of its slices."""
        arrival, hops = self._all.arrival, self._all.hops
        start = int(arrival.min())
        end = max(int(arrival.max()), int(hops.end.max(initial=0)))
        windows = sampling.windows(start, int(arrival.max()), share)
        mask = sampling.chosen(arrival, windows)
        shown = self._all.where(mask) if share < 1 else self._all
        run = Run(
            self._origin.group, self._origin.label, start, end, self._all.size, shown.size, count
        )
        self._timeline.runs.append(run)
        self._show_run(run, windows if share < 1 else [])
        first = len(self._timeline.packets)
        self._add_packets(shown)
        self._add_arrivals(shown, first)
        for cpu in np.unique(shown.hops.cpu).tolist():
            self._add_core(shown, cpu, first)
        self._add_counters(run)
        self._add_events()

    # -- tracks -----------------------------------------------------------------------------------

    def _cpu(self, cpu: int) -> int:
        return self._tracks.index((*self._group, f"CPU {cpu}"), CPUS + cpu, about=_ABOUT_CPU)

    def _queue(self, queue: int) -> int:
        name = "NIC" if queue < 0 else f"RX queue {queue}"
        return self._tracks.index((*self._group, name), QUEUES + queue)

    def _events(self) -> int:
        return self._tracks.index((*self._group, "events"), EVENTS)

    def _show_run(self, run: Run, windows: Iterable[sampling.Window]) -> None:
        """A slice for the run, and below it one for each window whose packets are shown."""
        track = self._tracks.index((*self._group, "runs"), RUNS)
        detail = tuple(self._origin.about.items())
        note = (("shown", run.note),) if run.note else ()
        whole = Slice(track, run.start, run.end, "run", run.label, detail=(*note, *detail))
        self._timeline.slices.append(whole)
        for number, one in enumerate(windows, start=1):
            end = min(one.end, run.end)
            name = f"packets shown, window {number}"
            self._timeline.slices.append(Slice(track, one.start, end, "shown", name))

    # -- packets ----------------------------------------------------------------------------------

    def _add_packets(self, shown: Packets) -> None:
        origin = self._origin
        columns = (shown.number, shown.flow, shown.arrival, shown.ended, shown.reason)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        self._timeline.packets += [
            Packet(self._number, number, origin.flows[flow], arrival, ended, origin.reasons[why])
            for number, flow, arrival, ended, why in rows
        ]

    def _add_arrivals(self, shown: Packets, first: int) -> None:
        """A mark at the NIC's queue for each packet, from which its way goes on."""
        rows = zip(shown.queue.tolist(), shown.arrival.tolist(), strict=True)
        for row, (queue, arrival) in enumerate(rows, start=first):
            name = f"arrival {self._timeline.packets[row].flow}"
            detail = (("packet", self._timeline.packets[row].number),)
            mark = Slice(self._queue(queue), arrival, arrival, "arrival", name, (row,), 1, detail)
            self._timeline.slices.append(mark)

    def _add_core(self, shown: Packets, cpu: int, first: int) -> None:
        """The work of one core."""
        hops = shown.hops.where(shown.hops.cpu == cpu)
        works, members = _works(hops)
        track = self._cpu(cpu)
        rows = zip(*(column[works].tolist() for column in hops), strict=True)
        named = [_Work(*row) for row in rows]
        for part in parts([work.start for work in named], [work.end for work in named]):
            work = named[part.work]
            packets = tuple(first + packet for packet in members[part.work])
            self._timeline.slices.append(
                Slice(
                    track,
                    part.start,
                    part.end,
                    kind_name(work.kind),
                    self._name(work, self._timeline.packets[packets[0]].flow),
                    packets,
                    part.part,
                    self._detail(work, packets),
                )
            )

    def _name(self, work: _Work, flow: str) -> str:
        return f"{kind_name(work.kind)} {self._origin.device(work.ifindex)} {flow}"

    def _detail(self, work: _Work, packets: Sequence[int]) -> Detail:
        found: list[tuple[str, int | str]] = [
            ("packet", self._timeline.packets[packets[0]].number),
            ("waited ns", work.start - work.enqueue),
        ]
        if work.choice:
            found.append(("CPU", CHOICES[work.choice]))
        if work.held:
            found.append(("held in order ns", work.held))
        if len(packets) > 1:
            found.append(("frames", len(packets)))
        return tuple(found)

    # -- all packets ------------------------------------------------------------------------------

    def _add_counters(self, run: Run) -> None:
        for cpu, load in counters.loads(self._all, run.start, run.end).items():
            self._add_series(self._of_cpu(cpu, "load", "%"), load)
        for depth in counters.depths(self._all):
            self._add_series(self._of_queue(depth), depth.series)

    def _of_cpu(self, cpu: int, what: str, unit: str) -> int:
        self._cpu(cpu)
        name = f"CPU {cpu} {what}{' depth' if what != 'load' else ''}"
        return self._tracks.counter((*self._group, f"CPU {cpu}", name), _OF_CPU[what], unit)

    def _of_queue(self, depth: counters.Depth) -> int:
        number = depth.number
        if depth.kind == "ring":
            self._queue(number)
            name = f"RX queue {number}"
            return self._tracks.counter((*self._group, name, f"{name} depth"), 0, "frames")
        if depth.kind == "socket":
            name = self._origin.sockets[number] if self._origin.sockets else str(number)
            return self._tracks.counter(
                (*self._group, f"socket {name} depth"), SOCKETS + number, "skbs"
            )
        return self._of_cpu(number, depth.kind, "skbs")

    def _add_series(self, track: int, series: Series) -> None:
        """Runs of one machine follow one another on its tracks."""
        before = self._timeline.counters.get(track, Series([], []))
        times = [*before.times, *series.times]
        self._timeline.counters[track] = Series(times, [*before.values, *series.values])

    def _add_events(self) -> None:
        self._add_drops()
        hops, flows = self._all.hops, self._origin.flows
        for move in events.moves(self._all, self._origin.order):
            old, new = int(hops.cpu[move.before]), int(hops.cpu[move.hop])
            kind = kind_name(int(hops.kind[move.hop]))
            device = self._origin.device(int(hops.ifindex[move.hop]))
            flow = flows[self._all.flow[hops.packet[move.hop]]]
            detail: Detail = (("from CPU", old), ("to CPU", new), ("flow", flow))
            if hops.held[move.hop]:
                detail = (*detail, ("held in order ns", int(hops.held[move.hop])))
            name = f"{move.kind}: {kind} {device}"
            time = int(hops.enqueue[move.hop])
            self._timeline.instants.append(Instant(self._cpu(new), time, move.kind, name, detail))
        for switched in events.switches(self._all, self._origin.interval):
            kind = "switch off" if switched.is_off else "switch on"
            name = f"FALCON switches itself {'off' if switched.is_off else 'on'}"
            self._timeline.instants.append(Instant(self._events(), switched.time, kind, name))

    def _add_drops(self) -> None:
        found = events.drops(self._all, self._origin)
        for place in events.evenly(len(found), events.MOST_DROPS).tolist():
            drop = found[place]
            track, queue = self._lost_at(drop)
            flow = self._origin.flows[self._all.flow[drop.packet]]
            number = int(self._all.number[drop.packet])
            detail: Detail = (("packet", number), ("flow", flow), ("where", queue))
            name = f"drop: {drop.reason}"
            self._timeline.instants.append(Instant(track, drop.time, "drop", name, detail))

    def _lost_at(self, drop: events.Drop) -> tuple[int, str]:
        """Track and name of the queue that was full, or of what else lost a packet."""
        socket = int(self._all.socket[drop.packet])
        if drop.reason == "socket_rcvbuff" and socket >= 0:
            name = f"socket {self._origin.sockets[socket]}"
            return self._tracks.index((*self._group, name), SOCKETS + socket), name
        if drop.cpu < 0:
            queue = int(self._all.queue[drop.packet])
            return self._queue(queue), "NIC" if queue < 0 else f"RX queue {queue}"
        kind = {"gro_cell": "gro_cell of ", "cpu_backlog": "backlog of "}.get(drop.reason, "")
        return self._cpu(drop.cpu), f"{kind}CPU {drop.cpu}"


class _Work(NamedTuple):
    """One hop, as plain integers: the fields of `Hops`."""

    packet: int
    kind: int
    ifindex: int
    cpu: int
    choice: int
    enqueue: int
    start: int
    end: int
    held: int


def _works(hops: Hops) -> tuple[Integers, list[list[int]]]:
    """Indices of one hop of each work, and the packets of each, in order."""
    first, which = works(hops)
    members: list[list[int]] = [[] for _ in first]
    for work, packet in zip(which.tolist(), hops.packet.tolist(), strict=True):
        members[work].append(packet)
    return first, members
