"""Packets of a live recording, as the receiving host wrote it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from falcon_ctl.capture import headers
from falcon_ctl.capture.trace import Passage, Trace
from falcon_ctl.timeline.packets import IN_HOST, Hops, Origin, Packets, Recorded
from rxpath.config import profiles
from rxpath.errors import ConfigError
from rxpath.results import STAGE_KINDS

_PROTOCOLS = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}


def recorded(trace: Trace, label: str) -> Recorded:
    """The run that a recording is of; `label`: what it is called."""
    meta, passages = trace.meta, trace.passages
    flows = _Numbers()
    numbers = [flows.of(flow_name(passage)) for passage in passages]
    reasons = _Numbers([""])
    ended = [p.delivered if not p.drop_reason else _end(p) for p in passages]
    packets = Packets(
        number=_column(p.number for p in passages),
        arrival=_column(p.arrival for p in passages),
        ended=_column(ended),
        flow=_column(numbers),
        queue=_column(p.queue for p in passages),
        socket=_column(p.container for p in passages),
        reason=_column(reasons.of(p.drop_reason) for p in passages),
        place=_column(_place(p) for p in passages),
        hops=_hops(passages),
    )
    about = {"clock": f"model ns; 1 ns is {meta['dilation']} ns of wall time"}
    if missed := meta.get("missed", 0):
        label += f", the first {len(passages):,} of {len(passages) + missed:,} packets"
    origin = Origin(
        group=meta["machine"],
        label=label,
        flows=flows.names,
        devices=devices(meta["knobs"]["profile"]),
        sockets=[one["name"] for one in meta["containers"]],
        reasons=reasons.names,
        order=meta["knobs"]["falcon"]["order"],
        interval=meta["knobs"]["falcon"]["load_interval_ns"],
        about=about,
    )
    return Recorded(origin, packets)


def flow_name(passage: Passage) -> str:
    """Addresses and ports of the inner packet, or its protocol."""
    ends = headers.ends(passage.frame)
    if ends is None:
        return _PROTOCOLS.get(passage.proto, "other") if passage.proto else "no IP"
    return f"{ends.source}:{ends.source_port}→{ends.target}:{ends.target_port}"


def devices(profile: str) -> dict[int, str]:
    """Ifindex → name of the devices of a profile's chain, and of the chains that it leads to.

    A profile in a file that is gone has none.
    """
    try:
        known = profiles.chains(profile)
    except (ConfigError, OSError):
        return {}
    own = known[profile]
    more = [known[path] for path in (own.slow_path, own.first_path, own.low_path) if path]
    stages = [stage for one in (*more, own) for stage in one.stages]
    return {stage.ifindex: stage.device for stage in stages}


def _end(passage: Passage) -> int:
    """When a packet was lost, in older recordings when it was last seen; -1: the host has it."""
    if passage.drop_reason == IN_HOST:
        return -1
    if passage.dropped >= 0:
        return passage.dropped
    return passage.stages[-1].end if passage.stages else passage.arrival


def _place(passage: Passage) -> int:
    """The CPU where a packet was lost; in older recordings the one where it was last seen."""
    if not passage.drop_reason or passage.dropped >= 0:
        return passage.drop_cpu
    return passage.stages[-1].cpu if passage.stages else -1


def _hops(passages: list[Passage]) -> Hops:
    kinds = {kind: code for code, kind in enumerate(STAGE_KINDS)}
    rows = [
        (row, kinds[stage.kind], *stage[1:])
        for row, passage in enumerate(passages)
        for stage in passage.stages
    ]
    table = np.array(rows, np.int64).reshape(len(rows), len(Hops._fields))
    return Hops._make(table.T)


def _column(values: Iterable[int]) -> Any:
    return np.fromiter(values, np.int64)


class _Numbers:
    """Numbers names in the order in which they are first met."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._numbers: dict[str, int] = {name: number for number, name in enumerate(names)}

    def of(self, name: str) -> int:
        """The number of a name."""
        return self._numbers.setdefault(name, len(self._numbers))

    @property
    def names(self) -> list[str]:
        """All names, by number."""
        return list(self._numbers)
