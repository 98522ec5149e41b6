"""Some packets of a run, and what its CPUs did, as JSON values for a report. Pure.

A run has thousands of packets; a reader follows a few. They are consecutive, so that it can be seen
which of them waited for which.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from falcon_ctl.capture import headers
from falcon_ctl.capture.trace import Passage, Stage, Trace
from falcon_ctl.html_report.folder import FRAMES_SCHEMA
from falcon_ctl.timeline import cores
from rxpath.config import profiles

FRAMES = 24  # of a run
_MOST_OTHERS = 2000  # stages of other packets
_SECOND_CHOICE = 2


class Shown(NamedTuple):
    """A packet of a run as the report shows it.

    Times are model ns; `delivered` is 0 when it was `dropped`, which then says why. `outer`: the
    tunnel's flow, "" without one; `queue` is -1 and `rss_hash` 0 where they are not recorded.
    """

    number: int
    arrival: int
    delivered: int
    dropped: str
    stages: Sequence[Stage]
    flow: str
    outer: str = ""
    vni: int = 0
    bytes: int = 0
    rss_hash: int = 0
    queue: int = -1


def document(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The file `frames.json` of a results folder."""
    return {"schema": FRAMES_SCHEMA, "runs": list(runs)}


def of_trace(label: str, trace: Trace) -> dict[str, Any]:
    """The excerpt of a recording; `label`: of its run, such as "falcon udp saturating"."""
    ours = [p for p in trace.passages if p.stages and headers.ends(p.frame) is not None]
    profile, dilation = trace.meta["knobs"].get("profile", ""), trace.meta.get("dilation", 1)
    first, why = _window(ours, FRAMES)
    chosen = [_shown(passage) for passage in ours[first : first + FRAMES]]  # Scapy takes its time
    return _excerpt(label, profile, dilation, ours, (first, chosen, why))


def excerpt(label: str, profile: str, dilation: int, packets: Sequence[Shown]) -> dict[str, Any]:
    """`FRAMES` consecutive packets with all of their stages, and each CPU's work by stage.

    A stage is ``[kind, ifindex, cpu, choice, enqueue, start, end, held]``, as in
    `capture.trace.Stage`; `cores` are percent of the run's time: CPU → kind → share. `others` are
    the stages of other packets meanwhile, ``[kind, cpu, start, length]``, the start counted from
    the first chosen packet's arrival. `profile`: the chain of devices.
    """
    first, why = _window(packets, FRAMES)
    chosen = packets[first : first + FRAMES]
    return _excerpt(label, profile, dilation, packets, (first, chosen, why))


class _Passed(Protocol):
    """A packet of a run, as far as all of them are looked at."""

    @property
    def arrival(self) -> int: ...

    @property
    def stages(self) -> Sequence[Stage]: ...


def _excerpt(
    label: str,
    profile: str,
    dilation: int,
    packets: Sequence[_Passed],
    window: tuple[int, Sequence[Shown], str],
) -> dict[str, Any]:
    first, chosen, why = window
    rest = [*packets[:first], *packets[first + len(chosen) :]]
    return {
        "label": label,
        "chosen": f"{len(chosen)} consecutive packets of {len(packets):,}, {why}",
        "devices": _devices(profile),
        "dilation": int(dilation),
        "cores": _cores(packets),
        "frames": [
            {**one._asdict(), "stages": [[*stage] for stage in one.stages]} for one in chosen
        ],
        "others": _others(rest, chosen),
    }


def _others(packets: Sequence[_Passed], chosen: Sequence[Shown]) -> list[list[Any]]:
    """Stages of other packets while the chosen ones were in the host; none when too many."""
    own = [stage for packet in chosen for stage in packet.stages if stage.end]
    if not own:
        return []
    begin, end = min(stage.start for stage in own), max(stage.end for stage in own)
    shared = {(stage.cpu, stage.start) for stage in own}
    found = {
        (stage.cpu, stage.start): stage
        for packet in packets
        for stage in packet.stages
        if stage.start < end and stage.end > begin and (stage.cpu, stage.start) not in shared
    }
    if len(found) > _MOST_OTHERS:
        return []
    origin = chosen[0].arrival
    return [[s.kind, s.cpu, s.start - origin, s.end - s.start] for s in found.values()]


def _window(packets: Sequence[_Passed], count: int) -> tuple[int, str]:
    """Where the chosen packets begin, and why there."""
    latest = max(0, len(packets) - count)
    for place, packet in enumerate(packets):
        if any(stage.choice == _SECOND_CHOICE for stage in packet.stages):
            around = min(max(0, place - count // 3), latest)
            return around, "around the first stage that moved to its second choice"
    return latest // 2, "from the middle of the run"


def _devices(profile: str) -> dict[str, str]:
    """Names of a chain's devices by ifindex; none of a chain that only its file knows."""
    known = profiles.load()
    stages = known[profile].stages if profile in known else ()
    return {str(stage.ifindex): stage.device for stage in stages}


def _cores(packets: Sequence[_Passed]) -> dict[str, dict[str, float]]:
    """Percent of the time from the first arrival to the last end; what began last is what ran."""
    works: dict[int, set[tuple[int, int, str]]] = defaultdict(set)  # merged frames' are one work
    for stage in (stage for packet in packets for stage in packet.stages if stage.end):
        works[stage.cpu].add((stage.start, stage.end, stage.kind))
    if not works:
        return {}
    end = max(end for ones in works.values() for _, end, _ in ones)
    span = max(1, end - min(packet.arrival for packet in packets))
    return {str(cpu): shares(sorted(works[cpu]), span) for cpu in sorted(works)}


def shares(works: Sequence[tuple[int, int, str]], span: int) -> dict[str, float]:
    """Of one core: stage → percent of `span`; `works`: start, end and kind of each, sorted."""
    starts, ends, kinds = zip(*works, strict=True)
    busy = dict.fromkeys(kinds, 0)
    for part in cores.parts(starts, ends):
        busy[kinds[part.work]] += part.end - part.start
    return {kind: round(100 * ns / span, 2) for kind, ns in busy.items()}


def _shown(passage: Passage) -> Shown:
    found = headers.read(passage.frame)
    return Shown(
        number=passage.number,
        arrival=passage.arrival,
        delivered=passage.delivered,
        dropped=passage.drop_reason,
        stages=passage.stages,
        flow=_flow(found.inner),
        outer=_flow(found.outer) if found.vni else "",
        vni=found.vni,
        bytes=passage.wire_len,
        rss_hash=passage.rss_hash,
        queue=passage.queue,
    )


def _flow(ends: headers.FiveTuple | None) -> str:
    """Such as "UDP 10.0.0.11:30100 → 10.0.0.21:9000"."""
    if ends is None:
        return ""
    name = {6: "TCP", 17: "UDP"}.get(ends.proto, f"protocol {ends.proto}")
    source, target = (
        address if port is None else f"{address}:{port}"
        for address, port in ((ends.source, ends.source_port), (ends.target, ends.target_port))
    )
    return f"{name} {source} → {target}"
