"""The flows that the shown machine receives, and the CPU of each of their stages. Pure."""

from __future__ import annotations

from falcon_ctl.steering.observation import Flow, Host, Place
from falcon_ctl.watch_screen.numbers import rate
from falcon_ctl.watch_screen.spans import Row, Span, row, shortened
from falcon_ctl.watch_screen.stages import STAGES, stage
from falcon_ctl.watch_screen.state import MachineState

_RATE = 11
_PLACE = 4  # cells


def flows(host: Host, memory: MachineState, width: int, height: int) -> list[Row]:
    """A heading, and the fastest flows in the order in which they were first seen."""
    if height < 1:
        return []
    most = memory.flows.most(height - 1)
    shown = sorted((one for one in host.flows if one.number in most), key=lambda one: one.number)
    hidden = len(memory.flows.by_key) - len(shown)
    more = f" (+{hidden} slower)" if hidden > 0 else ""
    head = row(Span(f"Flows → CPU of each stage{more}", "head"))
    if not shown:
        return [head, row(Span("no packets now", "dim"))][:height]
    return [head, *(_flow(one, width) for one in shown)]


def _flow(one: Flow, width: int) -> Row:
    places = [part for place in _in_order(one.places) for part in _place(place)]
    losses = [Span(f" {one.dropped:,} lost", "warn")] if one.dropped else []
    losses += [Span(f" {one.reordered:,} reordered", "bad")] if one.reordered else []
    room = max(12, width - _RATE - 1 - _PLACE * len(one.places))
    speed = f"{rate(one.pps, 'pps'):>{_RATE}} "
    return row(shortened(str(one), room), speed, *places, *losses)


def _in_order(places: tuple[Place, ...]) -> list[Place]:
    order = {kind: at for at, kind in enumerate(STAGES)}
    return sorted(places, key=lambda one: order.get(one.work.kind, len(order)))


def _place(place: Place) -> tuple[Span, Span]:
    shown = stage(place.work.kind)
    return Span(shown.letter, shown.style), Span(f"{place.cpu:<3}")
