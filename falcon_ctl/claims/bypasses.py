"""Checks of what avoids the kernel's overlay: bypass, Slim and FreeFlow, offload. Pure."""

from __future__ import annotations

import numpy as np

from falcon_ctl.claims import trial
from falcon_ctl.claims.claims import CROSS, TICK, Claim, Finding, times
from falcon_ctl.claims.trial import Rounds
from falcon_ctl.systems.catalogue import BYPASS, HOST, OFFLOAD, OVERLAY, SLIM
from falcon_ctl.systems.system import System
from falcon_ctl.virtual import measure
from rxpath import results
from rxpath.drivers import virtual

_HASHES = (trial.HASH, 0x9E3779B1)
_MS = 1_000_000
_NOISE = 0.05


# -- kernel bypass -----------------------------------------------------------------------------


def no_os_overhead(system: System) -> Finding:
    """Neither interrupts nor softirqs take any time, and frames are faster than on the host."""
    run = trial.run(system)
    spent = run.counters.busy_ns("hardirq", "softirq", "ksoftirqd")
    gain = trial.rate(system) / trial.rate(HOST)
    return Finding(
        f"{spent} ns in interrupts and softirqs, {run.counters.interrupts} interrupts; "
        f"{times(gain)} the host's rate ({trial.note(system)})",
        spent == 0 and run.counters.interrupts == 0 and gain > 1,
    )


def policy_not_applied(system: System) -> Finding:
    """Frames of a flow that the operator denies are delivered nevertheless."""
    rounds = Rounds(_HASHES, knobs={"denied": [1]})
    found, theirs = (trial.run(one, rounds) for one in (system, OVERLAY))
    through, held = (len(one.delivered(1).time) for one in (found, theirs))
    sent = len(found.sent[1])
    return Finding(
        f"denied flow: {through} of {sent} frames delivered; over the container's overlay {held}",
        through == sent and held == 0,
    )


def burns_a_core(system: System) -> Finding:
    """Without any traffic a core is busy all the time."""
    model = measure.build(system, {}, 1)
    results.run(model, virtual.make_trace(()), 10 * _MS)
    counters = results.counters(model)
    busiest = max(map(sum, counters.busy)) / counters.clock_ns
    return Finding(f"busiest core without traffic: {100 * busiest:.0f} %", busiest == 1)


# -- connection-level metadata -----------------------------------------------------------------


def as_fast_as_host(system: System) -> Finding:
    """TCP's data have the host's rate and the host's latency."""
    rate = trial.rate(system, "tcp") / trial.rate(HOST, "tcp")
    ours, theirs = (trial.requests(one, False).latency_us(0.5) for one in (system, HOST))
    return Finding(
        f"TCP: {times(rate)} the host's rate "
        f"({trial.note(system, 'tcp')}), "
        f"median latency of a request {ours:.1f} us (host {theirs:.1f})",
        abs(rate - 1) <= _NOISE and abs(ours / theirs - 1) <= _NOISE,
    )


def tcp_only(system: System) -> Finding:
    """UDP gains nothing: it stays in the overlay."""
    tcp, udp = (trial.rate(system, proto) / trial.rate(OVERLAY, proto) for proto in ("tcp", "udp"))
    return Finding(
        f"{times(tcp)} the container's rate for TCP ({trial.note(system, 'tcp')}), "
        f"{times(udp)} for UDP ({trial.note(system)})",
        tcp > 1 + _NOISE and abs(udp - 1) <= _NOISE,
    )


def policy_of_packets_not_applied(system: System) -> Finding:
    """A rule that comes after a connection was set up does not stop its packets."""
    through, held = (_after_the_rule(one) for one in (system, OVERLAY))
    return Finding(
        f"after the rule {through} segments are delivered in 4 ms; over the container's overlay "
        f"{held}",
        through > 0 and held == 0,
    )


def _after_the_rule(system: System) -> int:
    """Segments delivered after a running connection is denied, those in flight then left out."""
    closed_loop = trial.connect(system)
    closed_loop.run(4 * _MS)
    closed_loop.model.reconfigure({"denied": [0]})
    closed_loop.run(6 * _MS)
    before = results.counters(closed_loop.model).delivered
    closed_loop.run(10 * _MS)
    return results.counters(closed_loop.model).delivered - before


def costly_set_up(system: System) -> Finding:
    """Setting a connection up takes longer than the overlay's, and short ones are slower."""
    runs = [trial.requests(one, True) for one in (system, OVERLAY, HOST)]
    ours, overlay, host = (run.setup_us for run in runs)
    short, theirs = runs[0].mean_us, runs[1].mean_us
    return Finding(
        f"set-up {ours:.0f} us (overlay {overlay:.0f}, host {host:.0f}); a request over a new "
        f"connection {short:.0f} us (overlay {theirs:.0f})",
        ours > overlay > host and short > theirs,
    )


# -- hardware offload --------------------------------------------------------------------------


def no_cpu_for_the_tunnel(system: System) -> Finding:
    """No softirq of a tunnel's devices, and no more time in softirqs than on the host."""
    found, host = trial.run(system), trial.run(HOST)
    kinds = ("hardirq", "softirq", "ksoftirqd")
    spent, usual = (one.counters.busy_ns(*kinds) for one in (found, host))
    tunnel = int(np.count_nonzero(found.softirqs().kind != "napi"))
    ratio = trial.rate(system) / trial.rate(HOST)
    return Finding(
        f"{tunnel} softirqs of tunnel devices; {spent - usual} ns more than the host in "
        f"interrupts and softirqs; {times(ratio)} its rate "
        f"({trial.note(system)})",
        tunnel == 0 and spent == usual and abs(ratio - 1) <= _NOISE,
    )


def bounded_entries(system: System) -> Finding:
    """The flow after the last entry of the NIC's table takes the slow path, and no other."""
    return _bounded(system, "entries", "offload_entries")


def bounded_functions(system: System) -> Finding:
    """So does the container after the last virtual function."""
    return _bounded(system, "functions", "offload_functions")


def _bounded(system: System, what: str, knob: str) -> Finding:
    """Five flows to five containers, with room for four."""
    hashes = [0x101 * (flow + 1) for flow in range(5)]
    run = trial.run(system, Rounds(hashes, gap=2000, knobs={knob: 4}))
    depths = [run.depth(flow) for flow in range(5)]
    slow, last = run.counters.slow_path, len(run.sent[4])
    return Finding(
        f"with 4 {what}, flows 1 to 5 have {trial.counted([one for d in depths for one in d])}; "
        f"{slow} frames on the slow path, {last} sent in flow 5",
        depths == [[1]] * 4 + [[3]] and slow == last,
    )


def needs_hardware(system: System) -> Finding:
    """With a table of no entries nothing is left but the overlay, event for event."""
    rounds = Rounds(gap=700, knobs={"offload_entries": 0})
    same = trial.differing(*(trial.run(one, rounds).frames for one in (system, OVERLAY))) == 0
    return Finding(
        f"without entries: {'the same' if same else 'other'} events as over the container's "
        "overlay",
        same,
    )


_BYPASS, _SLIM, _OFFLOAD = "kernel bypass", "Slim / FreeFlow", "hardware offload"
_UNHELD = "the operator's data-plane policy is not applied"
CLAIMS = (
    Claim("bypass-overhead", _BYPASS, TICK, "no OS overhead", BYPASS, no_os_overhead),
    Claim("bypass-policy", _BYPASS, CROSS, _UNHELD, BYPASS, policy_not_applied),
    Claim("bypass-idle", _BYPASS, CROSS, "a core burns at 100% when idle", BYPASS, burns_a_core),
    Claim("slim-fast", _SLIM, TICK, "as fast as the host network", SLIM, as_fast_as_host),
    Claim("slim-tcp", _SLIM, CROSS, "only for TCP", SLIM, tcp_only),
    Claim("slim-policy", _SLIM, CROSS, _UNHELD, SLIM, policy_of_packets_not_applied),
    Claim("slim-system", _SLIM, CROSS, "set-up cost for each connection", SLIM, costly_set_up),
    Claim(
        "offload-cpu", _OFFLOAD, TICK, "no host CPU for the tunnel", OFFLOAD, no_cpu_for_the_tunnel
    ),
    Claim("offload-hardware", _OFFLOAD, CROSS, "needs the hardware", OFFLOAD, needs_hardware),
    Claim("offload-entries", _OFFLOAD, CROSS, "bounded table entries", OFFLOAD, bounded_entries),
    Claim(
        "offload-functions",
        _OFFLOAD,
        CROSS,
        "bounded number of virtual functions",
        OFFLOAD,
        bounded_functions,
    ),
)
