"""Results of `falcon_ctl apps`."""

from __future__ import annotations

from pydantic import Field

from falcon_ctl.report.schema.parts import Count, Marks, Part
from falcon_ctl.report.schema.runs import Check, Switch


class Dilation(Part):
    """How many times slower than the model an application's runs were."""

    value: Count = Field(description="Wall time over model time; 0: the application failed before.")
    why: str = Field(description="Why it is that.")


class PathLatency(Part):
    """Latencies of frames with data in a receive path, µs of model time."""

    mean: float | None
    p50: float | None
    p99: float | None
    p999: float | None = Field(alias="p99.9")


class RequestLatency(PathLatency):
    """Latencies as the client measured them, over the dilation, µs; null where it has none."""

    rest: float | None = Field(
        description="Of the mean: client, server, sending and wire, which took wall time."
    )


class Tcp(Part):
    """What the kernels of both containers counted while the client ran."""

    sent: int = Field(description="Segments, retransmissions left out.")
    retransmitted: int = Field(description="Segments that were sent again.")
    timeouts: int = Field(description="Of which a timer was the reason.")
    probes: int = Field(description="Tail loss probes.")
    spurious: int = Field(description="Segments that a receiver got twice (D-SACK).")
    out_of_order: int = Field(description="Received segments that waited for an earlier one.")
    resets: int = Field(description="Connections that broke.")


class Transfer(Part):
    """Bytes that were compared behind their transfer."""

    bytes: Count
    intact: bool
    error: str


class Run(Part):
    """One application under one system."""

    application: str
    system: str
    dilation: Count
    unit: str = Field(description="Of an operation: requests, messages or bytes.")
    operations: Count
    wall_seconds: float = Field(description="How long they took by the wall clock.")
    rate: float = Field(description="Operations/s of model time.")
    latency_us: RequestLatency
    receive_path_us: PathLatency = Field(description="On the server's machine.")
    receive_path_back_us: PathLatency | None = Field(
        description="On the client's machine; null where that is not dilated."
    )
    frames: Count = Field(description="That the server's container was sent.")
    flows: Count = Field(description="Of which connections.")
    drops: dict[str, Count] = Field(description="Frames that receive paths dropped, by reason.")
    lost: Count = Field(description="Messages without an answer, of a protocol that may lose some.")
    reordered: Count = Field(description="Frames that a later one of their flow overtook.")
    tcp: Tcp
    transfers: list[Transfer]
    errors: list[str]
    invalid: str = Field(description="Why rate and latencies are not valid; empty when they are.")
    cores_percent: dict[str, float] = Field(description="Emulated CPU → percent of the time.")


class Compared(Part):
    """By how much a latency is lower with FALCON than with the overlay; -0.5 is half."""

    application: str
    metric: str
    talk: float | None = Field(description="As the talk claims; null where it has no such figure.")
    model: float = Field(description="As the model predicts for the same load.")
    here: float
    overlay_us: float
    falcon_us: float
    invalid: str = Field(description="Why `here` is not valid; empty when it is.")


class Applications(Marks):
    """`python -m falcon_ctl apps --json FILE`, and `apps.json` of its results."""

    topology: str
    switch: Switch
    loads: dict[str, str] = Field(description="Application → what is done.")
    dilations: dict[str, Dilation]
    runs: list[Run]
    compared: list[Compared]
    checks: list[Check]
