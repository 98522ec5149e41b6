"""A timeline as a picture in the talk's colours: of each run some packets, and cores' loads."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from falcon_ctl.report.picture import rendered
from falcon_ctl.report.provenance import Provenance
from falcon_ctl.timeline.kinds import KINDS, PIPELINE, STAGES
from falcon_ctl.timeline.model import COUNTER, Packet, Run, Slice, Timeline

SPAN_NS = 150_000  # of the packets that are drawn, of each run
MOST_RUNS = 12
_MANY = 120  # bars in a lane: edges between them would hide their colour
_FOLLOWED = 3  # packets whose way is drawn
_MARKS = {
    "drop": ("x", "#c00000", "packet dropped"),
    "rehash": ("^", "#7b3294", "rehash to the second choice"),
    "rehash back": ("v", "#7b3294", "rehash back to the first"),
    "hand-over": ("D", "#e66101", "hand-over to another core"),
    "move": ("|", "#7b3294", "stage moved to another core"),
    "switch off": ("s", "#000000", "FALCON off"),
    "switch on": ("o", "#000000", "FALCON on"),
}
_BAR = 0.8
_ARROW = {"arrowstyle": "-|>", "linewidth": 0.7, "color": "0.15", "shrinkA": 0, "shrinkB": 0}


def picture(timeline: Timeline, form: str, provenance: Provenance | None = None) -> bytes:
    """A file's content; `form`: "png" or "svg"."""
    return rendered(draw(timeline), form, provenance, dpi=150)


class _Panel(NamedTuple):
    """What is drawn of one run: slices from `start` to `end`, lanes from top to bottom."""

    run: Run
    start: int
    end: int
    slices: list[int]
    lanes: list[int]


def draw(timeline: Timeline) -> Figure:
    """The picture: a panel for each run, of `MOST_RUNS` at most."""
    panels = [_panel(timeline, number) for number in range(min(len(timeline.runs), MOST_RUNS))]
    columns = 1 if len(panels) < 3 else 2
    rows = max(1, -(-len(panels) // columns))
    heights = [
        0.32 * max(len(panel.lanes) for panel in panels[row * columns : (row + 1) * columns]) + 1.9
        for row in range(rows)
        if panels
    ] or [1.0]
    size = (12 if columns == 2 else 9, sum(heights) + 0.9)
    figure = Figure(figsize=size, layout="constrained")
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0, 0.015, 1, 0.985))  # type: ignore[call-arg]  # the line of provenance
    outer = figure.add_gridspec(rows, columns, height_ratios=heights)
    for place, panel in enumerate(panels):
        inner = outer[place // columns, place % columns].subgridspec(2, 1, height_ratios=(4, 1))
        _lanes(figure.add_subplot(inner[0]), timeline, panel)
        _loads(figure.add_subplot(inner[1]), timeline, panel)
    _legend(figure, timeline, panels)
    left_out = len(timeline.runs) - len(panels)
    more = f" ({left_out} more runs are in the trace, not here)" if left_out else ""
    figure.suptitle(timeline.title + more)
    return figure


def _panel(timeline: Timeline, number: int) -> _Panel:
    """The window around a frame that was explained, or where many packets are shown."""
    run = timeline.runs[number]
    own = [packet for packet in timeline.packets if packet.run == number]
    ours = [
        index
        for index, one in enumerate(timeline.slices)
        if one.packets and timeline.packets[one.packets[0]].run == number
    ]
    span = _span(own)
    works = [timeline.slices[index] for index in ours if timeline.slices[index].kind in STAGES]
    start = _busiest([one.arrival for one in own], sorted(one.start for one in works), span)
    explained = [s.start for s in map(timeline.slices.__getitem__, ours) if s.kind == "parser"]
    if explained:
        start = explained[len(explained) // 2] - span // 50
    start = max(min(start, run.end - span), min([run.start, *explained]))
    end = min(start + span, max(run.end, start + 1))
    slices = [
        index
        for index in ours
        if timeline.slices[index].start < end and timeline.slices[index].end >= start
    ]
    return _Panel(run, start, end, slices, _lane_order(timeline, slices))


def _span(packets: Sequence[Packet]) -> int:
    """How long a window is: some packets should be seen from their arrival to the socket."""
    latencies = sorted(one.ended - one.arrival for one in packets if one.ended >= 0)
    usual = latencies[len(latencies) // 4] if latencies else 0
    return min(max(SPAN_NS, usual * 3 // 2), 2 * SPAN_NS)


def _busiest(arrivals: Sequence[int], works: Sequence[int], span: int) -> int:
    """The time, about the middle of all, behind which most work begins within the window."""
    times = np.sort(np.array([*arrivals, *works]))
    tried = times[len(times) // 4 : 3 * len(times) // 4 + 1]
    begun = np.searchsorted(works, tried + span) - np.searchsorted(works, tried)
    return int(tried[int(np.argmax(begun))])


def _lane_order(timeline: Timeline, slices: Sequence[int]) -> list[int]:
    """Tracks in the order in which packets come to them: switches, NIC, cores by stage."""
    order = list(STAGES)
    places: dict[int, int] = {}
    for index in slices:
        one = timeline.slices[index]
        place = order.index(one.kind) if one.kind in STAGES else -1
        place = -2 if one.kind in PIPELINE else place
        places[one.track] = min(place, places.get(one.track, place))
    return sorted(places, key=lambda track: (places[track], timeline.tracks[track].rank))


def _lanes(axes: Axes, timeline: Timeline, panel: _Panel) -> None:
    lanes = {track: lane for lane, track in enumerate(panel.lanes)}
    bars: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for index in panel.slices:
        one = timeline.slices[index]
        begin, end = max(one.start, panel.start), min(one.end, panel.end)
        if one.kind == "arrival":
            axes.plot([_us(panel, begin)], [lanes[one.track]], "|", color="black", markersize=7)
        else:
            bars[one.kind, lanes[one.track]].append((_us(panel, begin), (end - begin) / 1000))
    for (kind, lane), spans in bars.items():
        known = KINDS[kind]
        axes.broken_barh(
            spans,
            (lane - _BAR / 2, _BAR),
            facecolor=known.colour,
            edgecolor="white",
            linewidth=0.3 if kind in STAGES and len(spans) < _MANY else 0.0,
            hatch=known.hatch,
        )
    _ways(axes, timeline, panel, lanes)
    for instant in timeline.instants:
        if panel.start <= instant.time < panel.end and instant.track in lanes:
            shape, colour, _ = _MARKS[instant.kind]
            at = _us(panel, instant.time), lanes[instant.track] - _BAR / 2
            axes.plot(*at, shape, color=colour, markersize=5, clip_on=False)
    axes.set_yticks(range(len(lanes)), [timeline.tracks[track].name for track in panel.lanes])
    axes.set_ylim(len(lanes) - 0.4, -0.7)
    axes.set_xlim(0, (panel.end - panel.start) / 1000)
    axes.set_xlabel("µs", fontsize="small")
    note = f"\n{panel.run.note}" if panel.run.note else ""
    axes.set_title(f"{panel.run.group}: {panel.run.label}{note}", fontsize="medium")


def _us(panel: _Panel, time: int) -> float:
    return (time - panel.start) / 1000


def _ways(axes: Axes, timeline: Timeline, panel: _Panel, lanes: dict[int, int]) -> None:
    """Arrows that follow some packets; first those whose way through a switch is known."""
    by_packet: dict[int, list[Slice]] = defaultdict(list)
    for index in panel.slices:
        one = timeline.slices[index]
        for packet in one.packets if one.part == 1 else ():
            by_packet[packet].append(one)
    whole = {
        packet: ones
        for packet, ones in by_packet.items()
        if timeline.packets[packet].arrival >= panel.start
        and 0 <= timeline.packets[packet].ended <= panel.end
    }
    explained = [packet for packet, ones in whole.items() if any(o.kind == "parser" for o in ones)]
    others = sorted(whole.keys() - set(explained))
    spread = [others[len(others) * place // _FOLLOWED] for place in range(_FOLLOWED) if others]
    for slices in [whole[packet] for packet in [*explained, *spread][:_FOLLOWED]]:
        slices.sort(key=lambda one: one.start)
        for one, after in itertools.pairwise(slices):
            if one.track == after.track:
                continue
            head = (_us(panel, after.start), lanes[after.track])
            tail = (_us(panel, one.end), lanes[one.track])
            axes.annotate("", head, tail, arrowprops=_ARROW)


def _loads(axes: Axes, timeline: Timeline, panel: _Panel) -> None:
    """How busy each core was over the whole run; the part that is drawn above is marked."""
    run = panel.run
    grid = np.linspace(run.start, run.end, 200)
    rows, names = [], []
    for track, series in timeline.counters.items():
        one = timeline.tracks[track]
        if one.kind == COUNTER and one.unit == "%" and one.path[0] == run.group:
            place = np.searchsorted(np.array(series.times), grid, side="right") - 1
            values = np.array(series.values, float)[np.maximum(place, 0)]
            if values.max(initial=0) >= 1:
                rows.append(values)
                names.append(one.name.split()[1])
    if rows:
        extent = (0, (run.end - run.start) / 1e6, len(rows) - 0.5, -0.5)
        axes.imshow(np.array(rows), "Greys", aspect="auto", extent=extent, vmin=0, vmax=100)
    for time in (panel.start, panel.end):
        axes.axvline((time - run.start) / 1e6, color="#d55e00", linewidth=0.8)
    axes.set_yticks(range(len(names)), names, fontsize=5)
    axes.set_ylabel("CPU load", fontsize="x-small")
    axes.set_xlabel("ms", fontsize="x-small")
    axes.tick_params(axis="x", labelsize="x-small")


def _legend(figure: Figure, timeline: Timeline, panels: Sequence[_Panel]) -> None:
    """The kinds and marks that are there."""
    shown = [timeline.slices[index] for panel in panels for index in panel.slices]
    kinds = {one.kind for one in shown}
    handles: list[object] = [
        Patch(facecolor=kind.colour, hatch=kind.hatch, edgecolor="white", label=kind.title)
        for name, kind in KINDS.items()
        if name in kinds and name != "arrival"
    ]
    drawn = {
        instant.kind
        for instant in timeline.instants
        for panel in panels
        if panel.start <= instant.time < panel.end and instant.track in panel.lanes
    }
    figure.legend(
        handles=[*handles, *_mark_handles(drawn)],
        loc="outside lower center",
        ncols=5,
        fontsize="small",
    )


def _mark_handles(kinds: set[str]) -> list[object]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], linestyle="", marker=shape, color=colour, label=label)
        for kind, (shape, colour, label) in _MARKS.items()
        if kind in kinds
    ]
