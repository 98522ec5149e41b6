"""The receiving host of the lab, to measure. Nothing to do in this file.

    python host.py                    each stage's cores, and one measurement
    python host.py 300000             ... at an offered load of 300,000 packets/s
    python host.py 300000 1 2 3       ... with the three softirqs on cores 1, 2, 3

It is this project's model of Linux's receive path: a container overlay (the card, the VXLAN device,
the container's veth), with the costs of given.toml.  Time is virtual: the same run gives the same
numbers on every computer.
"""

import argparse
from pathlib import Path

import numpy as np

from rxpath.config import tomlfile
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.host import Model
from rxpath.model.hashes import hash_32
from rxpath.results import counters, frames_until

MS = 1_000_000  # ns
WARM_MS, MEASURED_MS = 15, 20  # by then the queues of an overloaded host are full
VXLAN, VETH = 5, 7  # ifindex of the devices, which enters FALCON's hash
SEARCHED = 1 << 16
LEAST_PPS, MOST_PPS = 1e3, 1e7  # offered loads that say something and take seconds


def load_given():
    """The student's numbers."""
    return tomlfile.read("given", Path(__file__).parent / "given.toml")


def measure(rate, cores, given):
    """Offer `rate` packets/s to a host whose three softirqs run on `cores`; returns a dict.

    offered_pps, received_pps: packets/s; lost_pps: dropped ones; latency_us: mean time of a
    received packet from the card to the application; inside: packets in the host at the end;
    busy: percent of the time that each core ran interrupts and softirqs, by core.
    """
    model, rss_hash = _host(cores, given)
    times = np.arange(0, (WARM_MS + MEASURED_MS) * MS, 1e9 / rate).astype(np.int64)
    chain = model.chain("tunnel")
    trace = virtual.make_trace(times, rss_hash=rss_hash, chain=chain, wire_len=114)
    replay = virtual.Replay(model, trace)
    for _ in replay.run(WARM_MS * MS):
        pass
    before, received, waited = counters(model), 0, 0
    for frames in frames_until(model, replay, (WARM_MS + MEASURED_MS) * MS):
        received += int(frames.delivered.sum())
        waited += int(frames.latency[frames.delivered].sum())
    after, seconds = counters(model), MEASURED_MS / 1000
    lost = sum(after.drops.values()) - sum(before.drops.values())
    busy = {
        cpu: 100 * _softirq_ns(after.busy[cpu], before.busy[cpu]) / (MEASURED_MS * MS)
        for cpu in sorted(set(cores))
    }
    return {
        "offered_pps": float(rate),
        "received_pps": received / seconds,
        "lost_pps": lost / seconds,
        "latency_us": waited / max(1, received) / 1000,
        "inside": after.queued,
        "busy": busy,
    }


def _softirq_ns(after, before):
    kinds = ("hardirq", "softirq", "ksoftirqd")
    return sum(getattr(after, kind) - getattr(before, kind) for kind in kinds)


def _host(cores, given):
    """A host, and the hash of a flow whose softirqs FALCON's hash puts on these cores."""
    first, second, third = cores
    falcon_cpus = sorted(set(cores))
    knobs = {
        "queues": 1,
        "irq_cpus": [first],
        "policy": "same_cpu" if len(falcon_cpus) == 1 else "falcon",
        "falcon": {
            "cpus": falcon_cpus,
            "balancing": False,
            "switch_off": False,
            "order": "none",
        },
        "cost_overrides": {f"{name}.udp": ns for name, ns in given["costs"].items()}
        | {
            "remote_enqueue.ns": given["send_ns"],
            "cache_penalty.ns": given["receive_ns"],
            "wake_up.ns": 0,  # the application spins on its socket: nobody has to wake it
            # FALCON's packets pass the gro_cell's GRO by, others do not.
            "inner_gro_receive.udp": 0,
            "inner_udp_gro_receive.udp": 0,
        },
    }
    model = Model(Knobs.parse(knobs), slots=20_000, sockets=1, flows=1)
    for rss_hash in range(SEARCHED):
        chosen = [
            falcon_cpus[hash_32(rss_hash + device, 16) % len(falcon_cpus)]
            for device in (VXLAN, VETH)
        ]
        if chosen == [second, third]:
            return model, rss_hash
    raise ValueError(f"FALCON's hash never gives cores {cores}")


def main():
    parser = argparse.ArgumentParser(description="Measure the receiving host of the lab.")
    parser.add_argument(
        "rate",
        nargs="?",
        type=float,
        default=300_000.0,
        help="offered packets/s, 300000 if left out",
    )
    parser.add_argument(
        "cores", nargs="*", type=int, help="those of the three softirqs, else 1 1 1"
    )
    asked = parser.parse_args()
    given, rate, cores = load_given(), asked.rate, asked.cores or [1, 1, 1]
    if not LEAST_PPS <= rate <= MOST_PPS:
        parser.error(f"expected a rate of {LEAST_PPS:,.0f} to {MOST_PPS:,.0f} packets/s")
    if len(cores) != 3 or not all(0 <= core < 20 for core in cores):
        parser.error("expected three cores, 0 to 19, one for each softirq")
    found = measure(rate, cores, given)
    for stage, core in zip(given["stages"], cores):
        print(f"{stage['device']:7} on core {core}: {', '.join(stage['functions'])}")
    for name, value in found.items():
        if name == "busy":
            shown = "  ".join(f"core {core}: {percent:.1f} %" for core, percent in value.items())
        else:
            shown = f"{value:,.1f}"
        print(f"{name:13} {shown}")


if __name__ == "__main__":
    main()
