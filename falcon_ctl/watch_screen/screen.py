"""The whole screen for a size: which part gets how many rows. Pure.

80 by 24 shows everything below each other; from `WIDE` columns on, flows and events stand beside
the cores. With few rows events go first, then flows, then queues; cores stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from falcon_ctl.steering.failures import of_parts
from falcon_ctl.steering.observation import Host
from falcon_ctl.watch_screen import totals
from falcon_ctl.watch_screen.cores import cores, heading
from falcon_ctl.watch_screen.events import events
from falcon_ctl.watch_screen.flows import flows
from falcon_ctl.watch_screen.queues import queues
from falcon_ctl.watch_screen.spans import EMPTY, Row, Span, beside, filled, fit, row
from falcon_ctl.watch_screen.state import MachineState, ScreenState

WIDE = 120
_EVENTS = 4  # rows for the log, its heading included, before cores and flows get more
_LEFT = 0.5  # of a wide screen, for cores and queues
NOBODY_CHOSE = "no system was chosen: switches may have no program yet; s chooses one"
KEYS = (
    ("s", "system"),
    ("p", "policy"),
    ("t", "threshold"),
    ("m", "machine"),
    ("e", "events"),
    ("space", "pause"),
    ("?", "help"),
    ("q", "quit"),
)


@dataclass(frozen=True)
class Frame:
    """What stands around the observations: the network's name, and the last line.

    `notice`: a line in place of the keys, in `style`; `zone`: of the clock, None: local.
    """

    name: str
    notice: str = ""
    style: str = ""
    paused: bool = False
    zone: tzinfo | None = None


def screen(memory: ScreenState, frame: Frame, width: int, height: int) -> list[Row]:
    """`height` rows of `width` cells."""
    top = [totals.title(memory, frame.name, width)]
    if height < 2:
        return top[:height]
    host = memory.host
    if memory.outage:
        top.append(row(Span(f" network {memory.outage}", "bad")))
    if host is None:
        body = [EMPTY, row(Span(" waiting for the first observation", "dim"))]
    else:
        top += _totals(memory, host, width)
        body = _body(memory, host, frame, width, height - len(top) - 1)
    rows = [*filled([*top, *body], height - 1), last_line(frame)]
    return [fit(one, width) for one in rows]


def last_line(frame: Frame) -> Row:
    """The notice, else the keys."""
    paused = [Span(" paused ", "picked"), Span(" ")] if frame.paused else [Span(" ")]
    if frame.notice:
        return row(*paused, Span(frame.notice, frame.style))
    parts = [(Span(key, "key"), Span(f" {what}  ")) for key, what in KEYS]
    return row(*paused, *(span for part in parts for span in part))


def _totals(memory: ScreenState, host: Host, width: int) -> list[Row]:
    rows = [totals.machines(memory, width), totals.counters(host, width)]
    differs = totals.disagreement(memory.seen) if memory.seen else ""
    if (
        memory.seen
        and memory.seen.choice is None
        and not any(one.pps for one in memory.seen.hosts.values())
    ):
        differs = differs or NOBODY_CHOSE
    failed = memory.seen.failed if memory.seen else {}
    if failed and memory.seen:
        rows.append(row(Span(f" {of_parts(failed, memory.seen.hosts)}", "bad")))
    return [*rows, *([row(Span(differs, "warn"))] if differs else [])]


def _body(memory: ScreenState, host: Host, frame: Frame, width: int, height: int) -> list[Row]:
    kept = memory.machines[host.name]
    if width < WIDE:
        return _narrow(memory, kept, host, frame, width, height)
    left = int(width * _LEFT)
    right = width - left - 2
    waiting = queues(host, kept, left)
    lanes = _lanes(host, kept, left, height - len(waiting) - 1)
    wanted = 1 + max(1, len(kept.flows.by_key))
    moving = flows(host, kept, right, max(2, min(wanted, height - 2 - _EVENTS)))
    log = events(memory, height - len(moving) - 1, frame.zone)
    return beside([*lanes, EMPTY, *waiting], [*moving, EMPTY, *log], left)


def _narrow(
    memory: ScreenState, kept: MachineState, host: Host, frame: Frame, width: int, height: int
) -> list[Row]:
    waiting = queues(host, kept, width)
    heads = len(heading(host, kept, width, 0))
    wanted = [
        min(heads + 4, height),  # a few cores
        min(len(waiting), 2),
        1 + max(1, min(3, len(kept.flows.by_key))),
        _EVENTS,
    ]
    given: list[int] = []
    for rows in wanted:
        given.append(min(rows, max(0, height - sum(given))))
    spare = height - sum(given)
    more_cores = min(spare, max(0, len(kept.cpus.by_key) - 4))
    spare -= more_cores
    more_flows = min(spare, max(0, len(kept.flows.by_key) - 3))
    given[0] += more_cores
    given[2] += more_flows
    given[3] += spare - more_flows
    return [
        *filled(_lanes(host, kept, width, given[0]), given[0]),
        *filled(waiting, given[1]),
        *filled(flows(host, kept, width, given[2]), given[2]),
        *events(memory, given[3], frame.zone),
    ]


def _lanes(host: Host, kept: MachineState, width: int, height: int) -> list[Row]:
    heads = len(heading(host, kept, width, 0))
    lanes = cores(host, kept, width, max(0, height - heads))
    return [*heading(host, kept, width, min(len(kept.cpus.by_key), max(0, height - heads))), *lanes]
