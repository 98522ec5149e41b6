"""The timeline that `--trace FILE.json` writes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from falcon_ctl.report.schema.parts import Part


class Kind(Part):
    """A kind of slices."""

    title: str
    colour: str = Field(description="#rrggbb, the talk's.")


class Tracks(Part):
    """Rows of the timeline: columns, all of one length."""

    path: list[list[str]] = Field(description="Names of the tracks that it lies in, and its own.")
    about: list[str] = Field(description="What a reader has to know of each.")
    rank: list[int] = Field(description="Place among its siblings.")
    unit: list[str] = Field(description="Of a counter's values; empty for slices.")
    kind: list[Literal["slices", "counter"]]


class Slices(Part):
    """Work on tracks: columns, all of one length; times are model ns."""

    track: list[int] = Field(description="Index into `tracks`.")
    start: list[int]
    end: list[int]
    kind: list[str] = Field(description="Key of `kinds`: a stage, or what a switch does.")
    name: list[int] = Field(description="Index into `names`: device and flow, or table.")
    packets: list[list[int]] = Field(
        description="Indices into `packets` of those that it works on. A packet passes its slices "
        "with part 1 in the order of their start."
    )
    part: list[int] = Field(description="1, or which part it is of work that was interrupted.")
    detail: list[dict[str, int | str]]


class Packets(Part):
    """The packets that are shown: columns, all of one length; times are model ns."""

    run: list[int] = Field(description="Index into `runs`.")
    number: list[int] = Field(description="In its run.")
    flow: list[str]
    arrival: list[int] = Field(description="At the NIC.")
    ended: list[int] = Field(description="Delivered or dropped; -1: not known.")
    reason: list[str] = Field(description="Why it was dropped; empty when it was not.")


class Instants(Part):
    """Marks: columns, all of one length; times are model ns."""

    track: list[int] = Field(description="Index into `tracks`.")
    time: list[int]
    kind: list[str] = Field(
        description="drop, rehash, rehash back, hand-over, move, switch off, switch on."
    )
    name: list[str]
    detail: list[dict[str, int | str]]


class Counter(Part):
    """A counter: from each of the times on, the value beside it holds."""

    track: int = Field(description="Index into `tracks`.")
    times: list[int] = Field(description="Model ns.")
    values: list[float]


class Run(Part):
    """One run of the timeline; times are model ns."""

    group: str = Field(description="The track that its tracks lie in.")
    label: str
    start: int
    end: int
    packets: int = Field(description="All of them.")
    shown: int = Field(description="Those with slices.")
    slices: int = Field(description="How many all packets would have.")


class Timeline(Part):
    """What runs were, from the switches' tables to the sockets."""

    schema_: Literal["falcon-timeline/1"] = Field(alias="schema")
    title: str
    about: dict[str, str]
    note: str = Field(description="What of it is sampled; empty when everything is shown.")
    kinds: dict[str, Kind]
    tracks: Tracks
    names: list[str]
    slices: Slices
    packets: Packets
    instants: Instants
    counters: list[Counter]
    runs: list[Run]
