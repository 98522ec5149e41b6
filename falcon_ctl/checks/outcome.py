"""Checks of the flows' results: order, loss, speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from falcon_ctl.checks.measurement import Measurement
from falcon_ctl.checks.verdict import Verdict, judge
from falcon_ctl.traffic.tcp import Transfer

UNACCOUNTED = "unaccounted"  # ends the name of a place where frames vanished uncounted


def order_kept(measurements: Sequence[Measurement]) -> Verdict:
    """No flow's frames reach the application out of order (RFC 4737)."""
    problems = [
        f"{m.label}: {m.reordered} reordered"
        + "".join(f", {count} in {where}" for where, count in m.swaps.items())
        for m in measurements
        if m.reordered
    ]
    frames = sum(m.delivered for m in measurements)
    seen = f"0 of {frames} delivered frames reordered in {len(measurements)} runs"
    return judge("application-level order is kept", problems, seen, frames > 0)


def bytes_intact(transfers: Mapping[str, Transfer]) -> Verdict:
    """Every byte of every TCP connection arrived, unchanged and in order; `transfers` by system."""
    problems = [
        f"{system}: {t.received} of {t.sent} bytes{', ' + t.error if t.error else ', altered'}"
        for system, t in transfers.items()
        if not t.intact
    ]
    total = sum(t.received for t in transfers.values())
    seen = f"{total} bytes in {len(transfers)} connections, SHA-256 equal at both ends"
    return judge("TCP connections carry their bytes intact", problems, seen, total > 0)


def nothing_unaccounted(measurements: Sequence[Measurement]) -> Verdict:
    """Sent = delivered + counted drops, and no switch lost a frame without counting it."""
    problems = []
    for m in measurements:
        missing = m.sent - m.delivered - _counted(m)
        untraced = [p for p in m.drops if p.endswith(UNACCOUNTED)]
        text = f"{m.label}: sent {m.sent}, delivered {m.delivered}, drops {_by_place(m.drops)}"
        if m.foreign:
            text += f" (of frames that the run did not send: {_by_place(m.foreign)})"
        if missing:
            problems.append(f"{text}: {abs(missing)} {'missing' if missing > 0 else 'too many'}")
        elif untraced:
            problems.append(text)
    sent = sum(m.sent for m in measurements)
    dropped = sum(map(_counted, measurements))
    seen = f"{sent} sent = {sent - dropped} delivered + {dropped} counted drops"
    return judge("sent = delivered + counted drops", problems, seen, sent > 0)


def _by_place(drops: Mapping[str, int]) -> str:
    return ", ".join(f"{place} {count}" for place, count in drops.items()) or "none"


def _counted(measurement: Measurement) -> int:
    """Drops that some counter showed."""
    return sum(n for p, n in measurement.drops.items() if not p.endswith(UNACCOUNTED))


def one_version(problems: Sequence[str]) -> Verdict:
    """Daemon, switches, receive paths and controller run the same version of the code.

    `problems`: those that do not.
    """
    seen = "daemon, switches and receive paths run this checkout's code"
    return judge("every part runs the same version", problems, seen)


def falcon_doubles_overlay(pps: Mapping[str, float], falcon: Sequence[str]) -> Verdict:
    """FALCON's packet rate on one saturating UDP flow is at least twice the overlay's.

    `pps`: valid rates (model packets/s) by system; `falcon`: the systems that are FALCON.
    """
    name = "FALCON >= 2x overlay on one saturating UDP flow"
    return _ratios(name, pps, falcon, "overlay", 2.0, float("inf"))


def falcon_near_host(pps: Mapping[str, float], falcon: Sequence[str]) -> Verdict:
    """FALCON's packet rate is between 0.6 times the host network's and the host network's.

    EuroSys Fig 10c has 1300 of 2000 kpps, 0.65, with packets of 16 B, as these almost are.
    """
    return _ratios("host >= FALCON >= 0.6x host", pps, falcon, "host", 0.6, 1.0)


def falcon_above_overlay(pps: Mapping[str, float], falcon: Sequence[str]) -> Verdict:
    """FALCON's rate on one TCP connection with 4 KB messages is above the overlay's.

    EuroSys Fig 13d: by 35 % with one flow, over an overlay that has RPS. Both overlays' segments
    are of one size.
    """
    name = "FALCON > overlay on one TCP connection, 4 KB messages"
    return _ratios(name, pps, falcon, "overlay", 1.0, float("inf"))


def latency_between(steady: Mapping[str, Measurement], falcon: Sequence[str]) -> Verdict:
    """At the steady load FALCON's median latency is above the host's and below the overlay's.

    `steady`: valid measurements by system, among them those of `falcon`, "host" and "overlay".
    """
    us = {system: m.latency_us(0.5) or 0.0 for system, m in steady.items()}
    host, overlay = us["host"], us["overlay"]
    problems = [
        f"{system} {us[system]:.1f} us is not between host {host:.1f} and overlay {overlay:.1f} us"
        for system in falcon
        if not host < us[system] < overlay
    ]
    shown = ", ".join(f"{system} {us[system]:.1f}" for system in ("host", *falcon, "overlay"))
    name = "latency at the steady load: host < FALCON < overlay"
    return judge(name, problems, f"median, us: {shown}", bool(falcon))


def _ratios(
    name: str, pps: Mapping[str, float], falcon: Sequence[str], base: str, low: float, high: float
) -> Verdict:
    """Each of `falcon` runs at `low` to `high` times the rate of `base`."""
    missing = [system for system in (base, *falcon) if not pps.get(system)]
    if missing:
        return judge(name, [f"no valid rate of {system}" for system in missing], "")
    ratios = {system: pps[system] / pps[base] for system in falcon}
    problems = [
        f"{system} {pps[system]:,.0f} pps is {ratio:.2f} times {base}'s {pps[base]:,.0f} pps"
        for system, ratio in ratios.items()
        if not low <= ratio <= high
    ]
    shown = ", ".join(f"{system} {ratio:.2f}x" for system, ratio in ratios.items())
    return judge(name, problems, f"{base} {pps[base]:,.0f} pps; {shown}", bool(falcon))
