"""What FALCON does under load: the second choice, the order guard, switching itself off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from falcon_ctl.capture import headers
from falcon_ctl.capture.trace import Passage, Trace
from falcon_ctl.checks.steering import FIRST, OFF, SECOND
from falcon_ctl.checks.verdict import Verdict, judge


class LoadSample(NamedTuple):
    """Loads that the host showed: model ns, percent of each CPU, whether FALCON was off."""

    time: int
    loads: dict[int, int]
    is_off: bool


def surge_moves_stage(trace: Trace, victim_ports: Sequence[int], surge_at: int) -> Verdict:
    """A surge moves a stage to its second choice, and not before the load passes the threshold.

    `victim_ports`: inner source ports of the flows whose stages collide; `surge_at`: model ns.
    """
    threshold = trace.meta["knobs"]["falcon"]["threshold"]
    choices = [
        (stage.enqueue, stage.choice, stage.cpu)
        for passage in _of_ports(trace, victim_ports)
        for stage in passage.stages
        if stage.choice in (FIRST, SECOND)
    ]
    early = [c for c in choices if c[1] == SECOND and c[0] < surge_at]
    calm = [c for c in choices if c[1] == FIRST and c[0] < surge_at]
    moved = [c for c in choices if c[1] == SECOND and c[0] >= surge_at]
    problems = [f"{len(early)} stages on their second choice before the surge"] if early else []
    if not moved:
        problems.append("no stage moved to its second choice in the surge")
    after = (min(c[0] for c in moved) - surge_at) / 1000 if moved else 0
    cpus = sorted({c[2] for c in moved})
    seen = (
        f"{len(calm)} stages on first choices before the surge, {len(moved)} on the second choice "
        f"(CPU {cpus}) from {after:.0f} µs after it, threshold {threshold} %"
    )
    return judge("a surge moves a colliding stage to its second choice", problems, seen, bool(calm))


def guard_keeps_order(trace: Trace) -> Verdict:
    """With the order guard no packet of a flow overtakes another in any stage."""
    problems, moves, frames = [], 0, 0
    for flow, passages in _by_flow(trace):
        frames += len(passages)
        cpus: dict[tuple[str, int], int] = {}
        ended: dict[tuple[str, int], int] = {}
        for passage in passages:
            for stage in passage.stages:
                key = stage.kind, stage.ifindex
                if not stage.end:
                    continue  # dropped before this stage ran
                if stage.end < ended.get(key, 0):
                    problems.append(f"frame {passage.number} of {flow} overtakes in {stage.kind}")
                ended[key] = max(stage.end, ended.get(key, 0))
                moves += cpus.setdefault(key, stage.cpu) != stage.cpu
                cpus[key] = stage.cpu
    seen = f"{frames} frames, stages changed their CPU {moves} times, none overtook"
    return judge("no packet overtakes with the order guard", problems, seen, moves > 0)


def switches_off_and_on(trace: Trace, counted_off: int, counted_on: int) -> Verdict:
    """Average load over the threshold switches FALCON off, and on again when it has gone.

    `counted_off`, `counted_on`: how often the host says that it did.
    """
    events = sorted(
        (stage.enqueue, stage.choice == OFF)
        for passage in trace.passages
        for stage in passage.stages
        if stage.choice in (FIRST, SECOND, OFF)
    )
    off = [time for time, is_off in events if is_off]
    problems = []
    if not off:
        problems.append("no stage ran unsteered: FALCON was never off")
    elif not any(not is_off for time, is_off in events if time < off[0]):
        problems.append("FALCON was off from the start")
    elif not any(not is_off for time, is_off in events if time > off[-1]):
        problems.append("FALCON was not switched on again")
    if off and not (counted_off and counted_on):
        problems.append(f"the host counts {counted_off} times off, {counted_on} times on")
    seen = f"{len(off)} of {len(events)} stages while off; {counted_off}x off, {counted_on}x on"
    return judge("FALCON switches itself off and on by average load", problems, seen)


def _of_ports(trace: Trace, ports: Sequence[int]) -> Iterator[Passage]:
    for passage in trace.passages:
        flow = headers.read(passage.frame).inner
        if flow is not None and flow.source_port in ports:
            yield passage


def _by_flow(trace: Trace) -> list[tuple[str, list[Passage]]]:
    """Frames of each inner flow in order of arrival."""
    flows: dict[headers.FiveTuple, list[Passage]] = defaultdict(list)
    for passage in sorted(trace.passages, key=lambda p: (p.arrival, p.number)):
        flow = headers.read(passage.frame).inner
        if flow is not None:
            flows[flow].append(passage)
    return [(f"{f.source}:{f.source_port}", passages) for f, passages in flows.items()]
