"""Recordings as the host would write them, made by hand, to be spoiled by the tests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from falcon_ctl.capture.trace import Passage, Stage, Trace
from falcon_ctl.checks import hashes

KNOBS = {
    "policy": "falcon",
    "queues": 8,
    "rss_indirection": [],
    "irq_cpus": [1, 3, 5, 7, 9, 11, 13, 15],
    "app_cpus": list(range(20, 40)),
    "falcon": {
        "pipelining": True,
        "splitting": False,
        "balancing": True,
        "switch_off": True,
        "tcp_pipelining": True,
        "cpus": [0, 2, 4, 6, 8, 10],
        "grosplit_cpus": [12, 14, 16, 18],
        "threshold": 80,
        "load_interval_ns": 20_000,
        "order": "handover",
    },
}
VXLAN_DEVICE, VETH = 5, 7


def tunnel_frame(port: int = 50000, inner_port: int = 40000, vni: int = 5001, **ip) -> bytes:
    """A right VXLAN frame on the link in front of machine m2."""
    inner = Ether(src="02:40:0a:00:00:0b", dst="02:40:0a:00:00:15")
    inner /= IP(src="10.0.0.11", dst="10.0.0.21", flags="DF", id=0)
    inner /= UDP(sport=inner_port, dport=9000) / bytes(32)
    outer = Ether(src="02:10:00:00:00:01", dst="02:20:ac:10:00:02")
    outer /= IP(**({"src": "172.16.0.1", "dst": "172.16.0.2", "flags": "DF", "id": 0} | ip))
    outer /= UDP(sport=port, dport=4789, chksum=0) / VXLAN(vni=vni, flags=8)
    return bytes(outer / inner)


@dataclass
class Frames:
    """Builds passages of one flow, whose stages run one after another."""

    port: int = 50000
    inner_port: int = 40000
    proto: int = 17

    def passage(self, number: int, choices: tuple[int, int] = (1, 1), start: int = 0) -> Passage:
        frame = tunnel_frame(self.port, self.inner_port)
        rss = hashes.rss_hash("172.16.0.1", "172.16.0.2", self.port, 4789)
        cpus = [KNOBS["irq_cpus"][rss % 128 % 8]]
        for device, choice in zip((VXLAN_DEVICE, VETH), choices, strict=True):
            pick = hashes.falcon_cpus(rss, device, KNOBS["falcon"]["cpus"])
            cpus.append({1: pick[0], 2: pick[1], 3: cpus[-1]}[choice])
        cpus.append(KNOBS["app_cpus"][0])
        kinds = ("napi", "gro_cell", "backlog", "socket")
        devices = (2, VXLAN_DEVICE, VETH, VETH)
        at = start or 1000 * number
        stages = [
            Stage(kind, device, cpu, choice, at + 100 * i, at + 100 * i + 10, at + 100 * i + 90)
            for i, (kind, device, cpu, choice) in enumerate(
                zip(kinds, devices, cpus, (0, *choices, 0), strict=True)
            )
        ]
        make = partial(Passage, rss_hash=rss, queue=rss % 8, proto=self.proto, container=0)
        return make(
            number=number,
            arrival=at,
            stages=tuple(stages),
            delivered=at + 400,
            drop_reason="",
            wire_len=len(frame),
            frame=frame,
        )


def trace(*passages: Passage, **falcon: object) -> Trace:
    return Trace(list(passages), {"knobs": KNOBS | {"falcon": KNOBS["falcon"] | falcon}})
