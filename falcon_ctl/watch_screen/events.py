"""The event log: rehash, hand-over, switch off and on, system changed, drops. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

from falcon_ctl.watch_screen.numbers import model_time
from falcon_ctl.watch_screen.spans import Row, Span, row
from falcon_ctl.watch_screen.state import Happened, ScreenState

_STYLES = {
    "drop": "warn",
    "switch-off": "warn",
    "network": "bad",
    "failed": "bad",
    "refused": "bad",
    "use": "head",
}


def events(memory: ScreenState, height: int, zone: tzinfo | None = None) -> list[Row]:
    """A heading, and the last events, the newest below."""
    if height < 1:
        return []
    head = row(Span("Events", "head"))
    last = list(memory.events)[-(height - 1) :] if height > 1 else []
    if not last:
        return [head, row(Span("none yet", "dim"))][:height]
    return [head, *(_event(one, zone) for one in last)]


def _event(one: Happened, zone: tzinfo | None) -> Row:
    clock = Span(f"{wall_clock(one.wall_ns, zone)} ", "dim")
    host = f"{one.event.host} " if one.event.host else ""
    return row(clock, host, Span(one.event.kind, _STYLES.get(one.event.kind, "")), f" {one.text}")


def wall_clock(wall_ns: int, zone: tzinfo | None = None) -> str:
    """`18:03:12.4`: the time of day, in the local zone unless another one is given."""
    moment = datetime.fromtimestamp(wall_ns / 1e9, zone).astimezone(zone)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 100_000}"


def as_line(one: Happened) -> str:
    """An event for plain output, with the model's time."""
    at = f" at {model_time(one.event.time)}" if one.event.time else ""
    host = f"{one.event.host}: " if one.event.host else ""
    return f"{host}{one.event.kind}{at}: {one.text}"
