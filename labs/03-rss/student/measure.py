"""Runs your flows through the model of a receiving host. Nothing to do in this file.

    python measure.py          the host network: each flow arrives as it is, one softirq a packet
    python measure.py vxlan    a container overlay: the same flows in VXLAN, three softirqs a packet

Software steers nothing here: what the NIC chose is what counts.  The NIC's hash is computed from
the frame's bytes, and not by your rss.py.  Time is the model's: 400,000 packets/s.
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import rss
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from vtep import VXLAN_PORT, entropy_port

from rxpath.config import tomlfile
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.host import Model
from rxpath.results import counters, run
from rxpath.wire.toeplitz import key_table, toeplitz

GAP_NS = 2500  # between two packets
MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
ADDRESSES_AT, HASHED = 14 + 12, 12  # of an IPv4 packet without options: addresses, then ports


def frame_of(flow, vteps=None):
    """The bytes of a flow's frame; with `vteps` the frame is in VXLAN between these addresses."""
    source_port, target_port = flow["ports"]
    ip = IP(src=flow["source"], dst=flow["target"])
    frame = Ether(**MACS) / ip / UDP(sport=source_port, dport=target_port) / bytes(22)
    if vteps:
        udp = UDP(sport=entropy_port(flow), dport=VXLAN_PORT, chksum=0)
        frame = Ether(**MACS) / IP(src=vteps[0], dst=vteps[1]) / udp / VXLAN(vni=10) / frame
    return bytes(frame)


def nic_hash(frame):
    """What the NIC computes of a frame."""
    octets = np.frombuffer(frame, np.uint8)
    return int(toeplitz(key_table(), octets, ADDRESSES_AT, HASHED, 0))


def measure(flows, frames, given, in_vxlan):
    """(a Counter of the cores that ran softirqs, for each flow; busy percent of each core)."""
    knobs = {
        "rss_indirection": given["table"],
        "queues": given["queues"],
        "irq_cpus": given["irq_cpus"],
    }
    model = Model(Knobs.parse(knobs), slots=8192, sockets=1, flows=len(flows), records=True)
    owner = np.repeat(np.arange(len(flows)), [flow["packets"] for flow in flows])
    np.random.default_rng(3).shuffle(owner)
    trace = virtual.make_trace(
        GAP_NS * np.arange(len(owner)),
        rss_hash=np.array([nic_hash(frame) for frame in frames])[owner],
        flow=owner,
        chain=model.chain("tunnel" if in_vxlan else "plain"),
        wire_len=np.array([len(frame) for frame in frames])[owner],
    )
    done = run(model, trace)
    softirqs = done.ran & (done.stages.kind != "socket")
    cores = [
        Counter(done.stages.cpu[softirqs & (done.flow == flow)[:, np.newaxis]].tolist())
        for flow in range(len(flows))
    ]
    found = counters(model)
    busy = [100 * (cpu.hardirq + cpu.softirq) / found.clock_ns for cpu in found.busy]
    return cores, busy


def predicted(flow, given, in_vxlan):
    """The queue by rss.py, or a dash where it has a gap."""
    try:
        if in_vxlan:
            return rss.vxlan_queue(flow, given["vteps"], rss.KEY, given["table"])
        value = rss.toeplitz(rss.KEY, rss.rss_input(flow["source"], flow["target"], flow["ports"]))
        return rss.queue_of(value, given["table"])
    except NotImplementedError:
        return "-"


def main():
    if sys.argv[1:] not in ([], ["vxlan"]):
        sys.exit(f"{' '.join(sys.argv[1:])}: expected nothing, or vxlan")
    in_vxlan = sys.argv[1:] == ["vxlan"]
    given = tomlfile.read("given", Path(__file__).parent / "given.toml")
    flows = given["flows"]
    frames = [frame_of(flow, given["vteps"] if in_vxlan else None) for flow in flows]
    cores, busy = measure(flows, frames, given, in_vxlan)
    print("flow                                   packets    NIC's hash  queue by rss.py  softirqs")
    for flow, frame, seen in zip(flows, frames, cores, strict=True):
        name = f"{flow['source']}:{flow['ports'][0]} > {flow['target']}:{flow['ports'][1]}"
        where = ", ".join(f"{count} on CPU {cpu}" for cpu, count in sorted(seen.items()))
        queue = predicted(flow, given, in_vxlan)
        print(f"{name:38} {flow['packets']:7}    0x{nic_hash(frame):08x}  {queue!s:>15}  {where}")
    print()
    for queue, cpu in enumerate(given["irq_cpus"][: given["queues"]]):
        print(f"queue {queue} on CPU {cpu:2}: busy {busy[cpu]:5.1f} %")


if __name__ == "__main__":
    main()
