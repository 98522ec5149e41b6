"""The stage points of the receiving host as captures: each frame as it enters each stage."""

from __future__ import annotations

from collections import defaultdict

from falcon_ctl.capture.pcapng import Packet
from falcon_ctl.capture.trace import Passage, Stage, Trace

_TUNNEL = 50  # Ethernet, IPv4, UDP and VXLAN headers in front of the inner frame
_VXLAN_PORT_AT = slice(36, 38)
_CHOICES = ("not steered", "first choice", "second choice", "steering off", "kept in order")
Point = tuple[str, str]  # name, description


def stage_points(trace: Trace, vxlan_port: int) -> dict[Point, list[Packet]]:
    """Packets per stage point; their time is the stage's start on the wall clock.

    From the first hop behind the NIC on, a tunnelled frame is shown without its tunnel.
    """
    points: dict[Point, list[Packet]] = defaultdict(list)
    port = vxlan_port.to_bytes(2, "big")
    for passage in trace.passages:
        for position, stage in enumerate(passage.stages):
            inner = position > 0 and stage.kind != "split" and passage.frame[_VXLAN_PORT_AT] == port
            points[_name(position, stage)].append(_packet(trace, passage, stage, inner))
    return {point: sorted(points[point]) for point in sorted(points)}


def _name(position: int, stage: Stage) -> Point:
    name = f"{position + 1}-{stage.kind}-{stage.ifindex}"
    return name, f"entering stage {stage.kind} of device {stage.ifindex}"


def _packet(trace: Trace, passage: Passage, stage: Stage, inner: bool) -> Packet:
    cut = _TUNNEL if inner else 0
    wall = trace.meta["epoch_ns"] + stage.start * trace.meta["dilation"]
    waited, ran = (stage.start - stage.enqueue) / 1000, (stage.end - stage.start) / 1000
    held = f", held in order {stage.held / 1000:.2f} us" if stage.held else ""
    comment = (
        f"frame {passage.number}: CPU {stage.cpu} ({_CHOICES[stage.choice]}), "
        f"waited {waited:.2f} us, ran {ran:.2f} us{held}"
    )
    return Packet(wall, passage.frame[cut:], passage.wire_len - cut, comment)
