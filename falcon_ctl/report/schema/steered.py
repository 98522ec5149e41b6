"""Results of `flow` and `show`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from falcon_ctl.report.schema.parts import Count, Part

Ns = Annotated[int, Field(ge=0)]


class Choice(Part):
    """What a network or a host runs; absent keys are as the system has them."""

    system: str = Field(description="A system's name, or FILE.toml:NAME.")
    policy: str | None = Field(default=None, description="In place of the system's own.")
    threshold: int | None = Field(default=None, description="FALCON's, percent.")
    falcon_cpus: list[int] | None = Field(default=None, description="FALCON's CPUs.")
    order: str | None = Field(default=None, description="none, rfs or handover.")
    dilation: int | None = Field(default=None, description="Wall ns for a ns of the model.")


class Work(Part):
    """A stage."""

    kind: str = Field(description="napi, split, rps, gro_cell, backlog, socket, …")
    device: str


class Stage(Part):
    """Where a stage of the flow ran."""

    work: Work
    cpus: list[int] = Field(description="In the order in which they were seen.")


class Latency(Part):
    """From the NIC to the application, model ns."""

    mean: float = Field(description="Exact.")
    max: Ns = Field(description="Exact.")
    percentiles: dict[str, Ns] = Field(description="p50, p90, p99, p99.9; up to 3 % too high.")


class Request(Part):
    """What was asked for; rates and durations of wall time."""

    source: str = Field(description="Container that sends.")
    target: str = Field(description="Container that receives.")
    proto: Literal["udp", "tcp"]
    rate: float = Field(description="Messages/s; 0 (TCP): as many as the connection takes.")
    size: int = Field(description="Bytes of a message.")
    seconds: float
    poisson: bool
    surge: bool
    peak: float = Field(description="Messages/s of the surge; 0: four times the rate.")
    seed: int
    source_port: int = Field(description="0: chosen.")
    port: int = Field(description="0: chosen.")


class Flow(Part):
    """`python -m falcon_ctl flow … --json FILE`."""

    request: Request
    host: str = Field(description="The receiving machine.")
    source_port: int
    port: int
    runs: Choice = Field(description="What the host ran at the end.")
    dilation: int = Field(description="Wall ns for a ns of the model, at the end.")
    sent: Count = Field(description="Messages (UDP) or bytes (TCP) that the sender's kernel took.")
    received: Count = Field(description="Of those that the application got.")
    intact: bool = Field(description="No datagram twice or changed; TCP: byte for byte.")
    arrived: Count = Field(description="Frames at the host's NIC.")
    delivered: Count = Field(description="Frames that passed its receive path.")
    lost: dict[str, Count] = Field(description="Frames by the place where they were lost.")
    reordered: Count = Field(description="Messages (TCP: frames) that came late (RFC 4737).")
    retransmitted: Count = Field(description="Segments, as the sending kernel counts them.")
    wall_seconds: float = Field(description="From the first to the last delivered frame.")
    model_seconds: float = Field(description="The same, of model time.")
    latency: Latency | None = Field(description="Null when nothing was delivered.")
    stages: list[Stage]
    moves: Count = Field(description="How often a stage changed its CPU.")
    late: str = Field(description="Why the rate is too low; empty when it is not.")
    stopped: bool = Field(description="It was stopped before its end.")
    hint: str = Field(description="What to do when nothing arrives.")
    wall_pps: float = Field(description="Delivered frames/s of wall time.")
    model_pps: float = Field(description="Delivered packets/s of model time.")


Share = tuple[str, str, float]
Place = tuple[str, str, int]


class Cpu(Part):
    """A CPU that did or holds something."""

    number: int
    load: float = Field(description="0 to 1.")
    state: str = Field(description="idle, hardirq, softirq, ksoftirqd, task, polling, napi_thread.")
    falcon_load: int = Field(description="Percent, as FALCON measures it.")
    backlog: Count = Field(description="Packets that wait in input_pkt_queue.")
    gro_cell: Count = Field(description="Packets that wait in gro_cells.")
    shares: list[Share] = Field(description="[kind of work, device, 0 to 1]: parts of the load.")


class Queue(Part):
    """An RX queue of the NIC."""

    number: int
    depth: Count = Field(description="Frames that wait.")
    size: int = Field(description="Descriptors.")
    cpu: int = Field(description="Of its interrupt.")


class Socket(Part):
    """A container's sockets together."""

    container: str
    depth: Count = Field(description="Messages that wait.")
    memory: int = Field(description="Bytes.")
    limit: int = Field(description="Bytes, of a UDP socket.")


class FlowSeen(Part):
    """A flow that a host receives; counts since it was first seen."""

    number: int = Field(description="By which slices name it.")
    proto: str
    source: str
    source_port: int
    target: str
    target_port: int
    arrived: Count
    delivered: Count
    dropped: Count
    reordered: Count
    moves: Count = Field(description="How often a stage changed its CPU.")
    bytes: int
    pps: float = Field(description="Delivered packets/s since the last observation.")
    places: list[Place] = Field(description="[kind of work, device, CPU] of the last packet.")


class Event(Part):
    """Something that happened."""

    time: int = Field(description="Model ns.")
    host: str
    kind: str = Field(description="rehash, move, handover, switch-off, switch-on, drop, use.")
    text: str


class Host(Part):
    """One receiving host; loads and rates are those of `span_ns`."""

    name: str
    model_ns: Ns = Field(description="Its clock.")
    span_ns: Ns = Field(description="Model time since the last observation.")
    choice: Choice = Field(description="What it runs, as read back from it.")
    falcon_off: bool = Field(description="FALCON switched itself off.")
    average_load: int = Field(description="Percent, of FALCON's CPUs.")
    pps: float = Field(description="Delivered packets/s.")
    bps: float = Field(description="Delivered bits/s on the wire.")
    counts: dict[str, int] = Field(description="Sums by name; they never fall.")
    drops: dict[str, int] = Field(description="Sums by reason.")
    cpus: list[Cpu]
    queues: list[Queue]
    sockets: list[Socket]
    flows: list[FlowSeen]
    latencies: list[tuple[int, int]] = Field(description="[largest ns of a bucket, frames].")
    slices: list[list[int | str]] = Field(
        description="[CPU, kind, device, flow, packet, queued, start, end, stolen]: pieces of work."
    )
    missed_slices: Count
    knobs: dict[str, int | str | list[int] | list[str]] = Field(
        description="The main ones: profile, policy, parts, threshold, CPUs, order, queues."
    )


class Observation(Part):
    """`python -m falcon_ctl show --json FILE`; also `Session.observe().to_json()`."""

    format: Literal[1]
    wall_ns: int = Field(description="Wall time, ns since 1970.")
    choice: Choice | None = Field(description="What was asked for last; null: nobody asked.")
    hosts: dict[str, Host]
    events: list[Event]
    failed: dict[str, str] = Field(
        default_factory=dict, description="Hosts and switches that do not work: why."
    )
    switches: dict[str, str] | None = Field(
        default=None, description="Of `show`: whose entries each switch holds."
    )
