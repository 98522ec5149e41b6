"""What runs, the machines' rates, and what was delivered, lost and reordered. Pure."""

from __future__ import annotations

from dataclasses import replace

from falcon_ctl.steering.observation import Host, Observation
from falcon_ctl.watch_screen import describe
from falcon_ctl.watch_screen.numbers import duration, percentile, rate
from falcon_ctl.watch_screen.spans import Row, Span, packed, row
from falcon_ctl.watch_screen.state import ScreenState


def title(memory: ScreenState, name: str, width: int) -> Row:
    """The network and what it runs; parts that have no room are left out from the right."""
    host = memory.host
    parts = [name, *(describe.described(host.choice) if host else ())]
    text = " · ".join(parts)
    while len(text) + 2 > width and len(parts) > 1:
        parts.pop()
        text = " · ".join(parts)
    return row(Span(f" {text}"[:width].ljust(width), "title"))


def machines(memory: ScreenState, width: int) -> Row:
    """Each machine's rate; the shown one is marked and has its latencies, from NIC to application.

    As many as have room beside it.
    """
    if memory.seen is None:
        return ()
    parts = [_machine(host, memory.machine) for host in memory.seen.hosts.values()]
    rows = packed(parts, width)
    for one in rows:
        if any(span.style == "picked" for span in one):
            return one
    return rows[0] if rows else ()


def _machine(host: Host, shown: str) -> Row:
    mark = Span(f"[{host.name}]", "picked") if host.name == shown else Span(f" {host.name} ")
    if not host.pps:
        return row(mark, Span(" quiet", "dim"))
    latency = ""
    if host.name == shown and host.latencies:
        p50, p99 = (duration(percentile(host.latencies, share)) for share in (0.5, 0.99))
        latency = f"  p50 {p50}  p99 {p99}"
    return row(mark, f" {rate(host.pps, 'pps')} {rate(host.bps, 'bit/s')}{latency}")


def counters(host: Host, width: int) -> Row:
    """Frames delivered, reordered and lost since the host began, by reason; FALCON's state.

    The load that FALCON compares with its threshold is measured at an interval of the model, which
    is many seconds of wall time when time is dilated.
    """
    delivered, reordered = host.counts.get("delivered", 0), host.counts.get("reordered", 0)
    lost = sum(host.drops.values())
    parts = [
        row(f"delivered {delivered:,}"),
        row("reordered ", Span(f"{reordered:,}", "bad" if reordered else "good")),
        row("lost ", Span(f"{lost:,}", "warn" if lost else "good"), _reasons(host)),
    ]
    if describe.is_falcon(host.choice):
        parts.insert(2, _falcon(host))
    found = packed(parts, width)
    return found[0] if found else ()


def _reasons(host: Host) -> str:
    reasons = sorted(host.drops.items(), key=lambda item: -item[1])
    return f" ({', '.join(f'{name} {count:,}' for name, count in reasons)})" if reasons else ""


def _falcon(host: Host) -> Row:
    state = Span("off", "warn") if host.falcon_off else Span("on", "good")
    interval = int(host.knobs.get("load_interval_ns", 0))
    load = f"{host.average_load} %" if host.model_ns >= interval else "not measured yet"
    seconds = interval * (host.choice.dilation or 1) / 1e9
    period = f", every {seconds:.3g} s" if interval else ""
    return row("FALCON ", state, f" (its CPUs: {load}{period})")


def disagreement(seen: Observation) -> str:
    """Which machines run something else than others; "" when all run the same.

    The dilation does not count: a machine that only sends may run in wall time.
    """
    by_choice: dict[str, list[str]] = {}
    for name, host in seen.hosts.items():
        by_choice.setdefault(str(replace(host.choice, dilation=None)), []).append(name)
    if len(by_choice) < 2:
        return ""
    return "; ".join(f"{' '.join(names)} run {text}" for text, names in by_choice.items())
