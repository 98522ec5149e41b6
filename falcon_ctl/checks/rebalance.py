"""Checks of FALCON under load: the second choice, the order guard, switching off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from falcon_ctl.capture import headers
from falcon_ctl.capture.trace import Passage, Trace
from falcon_ctl.checks.steering import FIRST, OFF, SECOND
from falcon_ctl.checks.verdict import Verdict, judge


class LoadSample(NamedTuple):
    """A host's load at a model time (ns): percent of each CPU, FALCON's average, FALCON's state."""

    time: int
    loads: tuple[int, ...]
    average: int
    is_off: bool


class Episode(NamedTuple):
    """A recording with a surge in it.

    `ports`: inner source ports of the flows; `cpu`: where two of them collide (-1: not planned);
    `surge_at`: model ns; `switched`: how often the host switched FALCON off, and on.
    """

    trace: Trace
    samples: Sequence[LoadSample]
    ports: Sequence[int]
    cpu: int
    surge_at: int
    switched: tuple[int, int]

    @property
    def falcon(self) -> dict[str, Any]:
        """FALCON's knobs."""
        knobs: dict[str, Any] = self.trace.meta["knobs"]["falcon"]
        return knobs


def surge_moves_stage(episode: Episode) -> Verdict:
    """A surge moves a stage to its second choice once its CPU's load passes the threshold."""
    threshold, interval = episode.falcon["threshold"], episode.falcon["load_interval_ns"]
    stages = [
        stage
        for passage in _of_ports(episode.trace, episode.ports)
        for stage in passage.stages
        if stage.choice in (FIRST, SECOND)
    ]
    moved = [stage for stage in stages if stage.choice == SECOND]
    before = [s for s in stages if s.choice == FIRST and s.enqueue < episode.surge_at]
    over = [s.time for s in episode.samples if _may_reach(s.loads[episode.cpu], threshold)]
    problems = []
    if not moved:
        problems.append("no stage moved to its second choice")
    elif not over:
        problems.append(f"CPU {episode.cpu} never showed {threshold} %, yet stages moved")
    elif min(s.enqueue for s in moved) < min(min(over), episode.surge_at) - 2 * interval:
        problems.append("a stage moved before the surge and before the load passed the threshold")
    shown = f"{len(before)} stages on first choices before the surge, {len(moved)} on second ones"
    if moved and over:
        after = (min(s.enqueue for s in moved) - episode.surge_at) / 1000
        shown += f" from {after:.0f} us after it began; CPU {episode.cpu} over {threshold} % from "
        shown += f"{(min(over) - episode.surge_at) / 1000:.0f} us"
    return judge(
        "a surge moves a colliding stage to its second choice", problems, shown, bool(before)
    )


def guard_keeps_order(trace: Trace) -> Verdict:
    """With the order guard no packet of a flow comes to any stage before an earlier one."""
    problems, moves, frames = [], 0, 0
    for flow, passages in _by_flow(trace):
        frames += len(passages)
        cpus: dict[tuple[str, int], int] = {}
        came: dict[tuple[str, int], int] = {}
        for passage in passages:
            for stage in passage.stages:
                key = stage.kind, stage.ifindex
                if not stage.end:
                    continue  # dropped before this stage ran
                if stage.enqueue < came.get(key, 0):
                    problems.append(f"frame {passage.number} of {flow} overtakes to {stage.kind}")
                came[key] = max(stage.enqueue, came.get(key, 0))
                moves += cpus.setdefault(key, stage.cpu) != stage.cpu
                cpus[key] = stage.cpu
    seen = f"{frames} frames, stages changed their CPU {moves} times, none overtook"
    return judge("no packet overtakes with the order guard", problems, seen, moves > 0)


def switches_off_and_on(episode: Episode) -> Verdict:
    """Average load over the threshold switches FALCON off, and lower load on again."""
    events = sorted(
        (stage.enqueue, stage.choice == OFF)
        for passage in episode.trace.passages
        for stage in passage.stages
        if stage.choice in (FIRST, SECOND, OFF)
    )
    threshold = episode.falcon["threshold"]
    off = [time for time, is_off in events if is_off]
    peak = max((sample.average for sample in episode.samples), default=0)
    problems = []
    if not off:
        problems.append(f"no stage ran unsteered: FALCON was never off, average up to {peak} %")
    elif not any(not is_off for time, is_off in events if time < off[0]):
        problems.append("FALCON was off from the start")
    elif not any(not is_off for time, is_off in events if time > off[-1]):
        problems.append("FALCON was not switched on again")
    if off and not all(episode.switched):
        problems.append("the host counts {} times off, {} times on".format(*episode.switched))
    if off and not _may_reach(peak, threshold):
        problems.append(f"FALCON was off at an average load of at most {peak} %")
    seen = (
        f"average load up to {peak} %, threshold {threshold} %; {len(off)} of {len(events)} stages "
        "ran while off; {} times off, {} times on".format(*episode.switched)
    )
    return judge("FALCON switches itself off and on by average load", problems, seen)


def _may_reach(load: int, threshold: int) -> bool:
    """Whether the load may be over the threshold one interval after a sample showed `load`.

    Samples are as far apart as intervals, and a new load is (4 * old + busy percent) / 5.
    """
    return (4 * load + 100) / 5 >= threshold


def _of_ports(trace: Trace, ports: Sequence[int]) -> Iterator[Passage]:
    for passage in trace.passages:
        flow = headers.ends(passage.frame)
        if flow is not None and flow.source_port in ports:
            yield passage


def _by_flow(trace: Trace) -> list[tuple[str, list[Passage]]]:
    """Frames of each inner flow in order of arrival."""
    flows: dict[headers.Ends, list[Passage]] = defaultdict(list)
    for passage in sorted(trace.passages, key=lambda p: (p.arrival, p.number)):
        flow = headers.ends(passage.frame)
        if flow is not None:
            flows[flow].append(passage)
    return [(str(flow), passages) for flow, passages in flows.items()]
