"""`frames.json` of a results folder: single packets for its page."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from falcon_ctl.report.schema.parts import Count, Part

Ns = Annotated[int, Field(ge=0)]
Stage = tuple[str, int, Count, Count, Ns, Ns, Ns, Ns]
Other = tuple[str, Count, int, Ns]
TableRow = tuple[str, Literal["hit", "miss"], str, str, str, str]
StatementRow = tuple[str, str, str]


class Frame(Part):
    """A packet in the receiving host; times are model ns since the run began."""

    number: Count
    arrival: Ns
    delivered: Ns = Field(description="0 when it was dropped.")
    dropped: str = Field(description="Why; empty when it was not.")
    stages: list[Stage] = Field(
        description="Each: kind, ifindex, CPU, choice (0 not steered, 1 first, 2 second, 3 "
        "steering off, 4 kept in order), queued, started, ended, held in order."
    )
    flow: str
    outer: str = Field(description="The tunnel's flow; empty without one.")
    vni: Count
    bytes: Count = Field(description="Length on the wire; 0 where it is not recorded.")
    rss_hash: Count
    queue: int = Field(ge=-1, description="Of the NIC; -1 where it is not recorded.")


class Run(Part):
    """Consecutive packets of a run."""

    label: str = Field(description="System, protocol and load.")
    title: str | None = Field(default=None, description="What readers call it; of figures only.")
    chosen: str = Field(description="How many of how many, and why these.")
    devices: dict[str, str] = Field(description="ifindex → name.")
    dilation: int = Field(ge=1, description="Wall ns for a ns of the model.")
    cores: dict[str, dict[str, float]] = Field(
        description="CPU → stage → percent of the run's time."
    )
    frames: list[Frame]
    others: list[Other] = Field(
        description="Stages of other packets meanwhile; each: kind, CPU, start since the first "
        "packet's arrival, length. None where they are too many."
    )


class Switch(Part):
    """A packet in one switch."""

    switch: str
    port: Count = Field(description="That it entered.")
    headers: str = Field(description="That the parser extracted.")
    tables: list[TableRow] = Field(
        description="Each: table, result, key, entry, action, line of the P4 source."
    )
    statements: list[StatementRow] = Field(
        description="Those that changed something; each: statement, effect, line of the P4 source."
    )
    ends: str = Field(description="Where the packet went.")


class Way(Part):
    """A packet's way through the switches, as v1switch explains it."""

    packet: Count = Field(description="Its number in the run.")
    flow: str
    exact: bool = Field(description="What the last switch sends is what the NIC received.")
    switches: list[Switch]


class Packets(Part):
    """Packets of a main job's runs, or of `figures`."""

    document: Literal["falcon-frames/1"] = Field(alias="schema")
    runs: list[Run]
    hops: dict[str, list[Way]] = Field(default={}, description="Of a main job; by the run's label.")
    hops_missing: str = Field(default="", description="Why there are none, where there should be.")
