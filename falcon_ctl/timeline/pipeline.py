"""A frame's way through switches on the timeline: parser, each table, deparser. Pure.

A switch has no model clock and its explanation no times: the order of the steps is true, how long
each is drawn is not. The last switch's steps end where the frame arrives at the NIC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from falcon_ctl.timeline.model import Detail, Slice, Timeline, Tracks
from falcon_ctl.timeline.switch_path import SwitchPath

FRAME_NS = 1_000  # that a frame is drawn in each switch
MOST_FRAMES = 16  # of a run that are explained
_DRAWN = ("times", "drawn: the steps' order is true, a switch has no model clock")
_ABOUT = (
    "The steps of some frames, as v1switch explains them. Their order is true. Their lengths are "
    f"drawn: a switch has no model clock, so each frame gets {FRAME_NS:,} ns in front of its "
    "arrival at the NIC."
)
_SWITCHES = -1  # rank: in front of the machines


class _Step(NamedTuple):
    """A leaf of the drawing, with the stage that it belongs to."""

    stage: str
    kind: str
    name: str
    detail: Detail


def choose(timeline: Timeline, run: int, hops: int, most: int = MOST_FRAMES) -> list[int]:
    """Packets of a run to be explained: evenly over it, apart enough to be drawn.

    `hops`: the most switches that a frame passes.
    """
    shown = [
        (packet.arrival, index)
        for index, packet in enumerate(timeline.packets)
        if packet.run == run
    ]
    if not shown:
        return []
    shown.sort()
    first, span = shown[0][0], shown[-1][0] - shown[0][0]
    found: list[int] = []
    wanted = free = first  # when the next one should arrive, and may
    for arrival, index in shown:
        if arrival >= max(wanted, free) and len(found) < most:
            found.append(index)
            wanted = first + span * len(found) // most
            free = arrival + FRAME_NS * hops
    return found


def add(timeline: Timeline, paths: Mapping[int, SwitchPath]) -> None:
    """Add the ways of packets (indices of `Timeline.packets`) through switches."""
    tracks = Tracks(timeline)
    for packet, path in sorted(paths.items()):
        arrival = timeline.packets[packet].arrival
        for place, hop in enumerate(path.hops):
            track = tracks.index((f"switch {hop.switch}",), _SWITCHES, about=_ABOUT)
            start = arrival - FRAME_NS * (len(path.hops) - place)
            steps = list(_steps(hop.explanation))
            frame = _frame(timeline, packet, path, hop.port)
            timeline.slices += _drawn(track, start, steps, packet, frame)


def _frame(timeline: Timeline, packet: int, path: SwitchPath, port: int) -> tuple[str, Detail]:
    """Name and detail of the slice of the whole frame."""
    one = timeline.packets[packet]
    same = "byte for byte what the NIC received" if path.exact else "not what the NIC received"
    detail: Detail = (
        ("packet", one.number),
        ("ingress port", port),
        ("what leaves the last switch", same),
        _DRAWN,
    )
    return f"frame {one.flow}", detail


def _drawn(
    track: int, start: int, steps: Sequence[_Step], packet: int, frame: tuple[str, Detail]
) -> Iterator[Slice]:
    """The frame's slice, those of its stages in it, and in these those of its steps."""
    name, detail = frame
    if not steps:
        return
    bounds = [start + FRAME_NS * place // len(steps) for place in range(len(steps) + 1)]
    yield Slice(track, start, bounds[-1], "frame", name, (), 1, detail)
    place = 0
    while place < len(steps):
        stage, end = steps[place].stage, place
        while end < len(steps) and steps[end].stage == stage:
            end += 1
        if stage in ("ingress", "egress"):
            yield Slice(track, bounds[place], bounds[end], stage, stage)
        for here in range(place, end):
            step = steps[here]
            begin, until = bounds[here], bounds[here + 1]
            yield Slice(track, begin, until, step.kind, step.name, (packet,), 1, step.detail)
        place = end


def _steps(explanation: Mapping[str, Any]) -> Iterator[_Step]:
    """Parser, tables and deparser of all passes, in order."""
    for one in explanation["passes"]:
        for stage in one["stages"]:
            yield from _of_stage(stage)


def _of_stage(stage: Mapping[str, Any]) -> Iterator[_Step]:
    name, steps = stage["stage"], stage["steps"]
    if name == "parser":
        extracted = [step["header"] for step in _walk(steps) if step["step"] == "extract"]
        yield _Step(name, "parser", "parser", (("headers", ", ".join(extracted)),))
    elif name == "deparser":
        sent = [step for step in steps if step["step"] == "send"]
        out = ", ".join(
            "the controller" if s["to_controller"] else f"port {s['port']}" for s in sent
        )
        size = sum(step["length"] for step in sent)
        yield _Step(name, "deparser", f"deparser to {out}", (("bytes", size),))
    else:
        for step in steps:
            if step["step"] == "table" and step["source"] is not None:
                yield _table(name, step)
            elif step["step"] == "drop":
                yield _Step(name, "miss", f"dropped: {step['reason']}", ())


def _walk(steps: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for step in steps:
        yield step
        yield from _walk(step.get("steps", ()))


def _table(stage: str, step: Mapping[str, Any]) -> _Step:
    source, action, entry = step["source"], step["action"], step["entry"]
    detail: list[tuple[str, int | str]] = [("table", step["table"]), ("result", step["result"])]
    detail += [(f"key {key['name']}", key["text"]) for key in step["key"]]
    if entry is not None:
        text = ", ".join(f"{match['name']} {match['text']}" for match in entry["match"])
        detail.append(("entry", text or "matches all"))
        if entry["priority"]:
            detail.append(("priority", entry["priority"]))
    if action is not None:
        params = ", ".join(f"{param['name']} = {param['text']}" for param in action["params"])
        detail.append(("action", f"{action['name']}({params})"))
    detail.append(("source", f"{source['file']}:{source['line']}"))
    short = step["table"].rsplit(".", 1)[-1]
    return _Step(stage, step["result"], f"{short}: {step['result']}", tuple(detail))
