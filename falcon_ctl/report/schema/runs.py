"""Results of runs: the main job, figures, systems, the papers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, RootModel

from falcon_ctl.report.schema.parts import Count, Marks, Part


class Switch(Part):
    """The switches' program."""

    target: Literal["bmv2", "v1switch"]
    version: str


class Quantiles(Part):
    """A distribution of latencies: `us[i]` at `percent[i]`."""

    percent: list[float] = Field(description="Percentiles, ascending.")
    us: list[float] = Field(description="Latency that this share of the packets has at most, µs.")


class Latency(Part):
    """Latencies from the NIC to the application, µs of model time; null without any packet."""

    p50: float | None = Field(description="Median, µs.")
    p99: float | None = Field(description="99th percentile, µs.")


class Measurement(Part):
    """One system under one load; frames are those of the run alone."""

    system: str
    proto: Literal["udp", "tcp"]
    flows: Count = Field(description="How many flows.")
    sent: Count = Field(description="Frames that were sent.")
    delivered: Count = Field(description="Frames that the application received.")
    drops: dict[str, Count] = Field(description="Lost frames by place.")
    foreign_drops: dict[str, Count] = Field(description="Dropped frames that the run did not send.")
    reordered: Count = Field(description="Delivered frames that a later one overtook (RFC 4737).")
    pps: float = Field(description="Delivered packets/s of model time.")
    latency_us: Latency
    late: bool = Field(description="A part was later than its budget.")
    invalid: str = Field(description="Why rate and latencies are not valid; empty when they are.")
    load: str | None = Field(default=None, description="Name of the load; in report.json only.")
    cores_percent: dict[str, float] | None = Field(
        default=None, description="CPU → percent of the time it was busy; in report.json only."
    )
    reordered_ratio: float | None = Field(
        default=None, description="`reordered` over `delivered`; in report.json only."
    )
    cpu_ns_per_packet: float | None = Field(
        default=None, description="Time of all CPUs for a packet, ns; in report.json only."
    )
    predicted_pps: float | None = Field(
        default=None, description="The rate by the virtual clock, 0: none; in report.json only."
    )
    latency_quantiles: Quantiles | None = Field(
        default=None, description="All of the distribution; null of nothing; in report.json only."
    )


class Check(Part):
    """A claim and its verdict."""

    name: str
    ok: bool = Field(description="Whether it holds.")
    evidence: str = Field(description="What was seen, or the first counterexamples.")


class MainJob(Marks):
    """The main job: `python -m falcon_ctl --json FILE`, and `report.json` of its results."""

    topology: str
    switch: Switch
    live: list[Measurement]
    checks: list[Check]


class FigureRow(Marks):
    """A claim of the talk, or a value of a figure, beside the model's."""

    figure: int = Field(ge=1, le=7)
    system: str
    proto: str
    metric: str = Field(description="What is measured, with its unit.")
    claim: float | None = Field(description="The talk's ratio; null where it has none.")
    measured: float | None = Field(description="The model's; null where nothing was delivered.")
    within: bool | None = Field(description="Whether they agree; null without a claim.")


class Figures(RootModel[list[FigureRow]]):
    """`python -m falcon_ctl figures --json FILE`, and `figures.json` of its results."""


class SystemClaim(Marks):
    """A tick or cross of the systems' table."""

    key: str
    system: str
    mark: str = Field(description="✓, ✗ or what else the table has.")
    claim: str
    measured: str
    holds: bool


class Systems(RootModel[list[SystemClaim]]):
    """`python -m falcon_ctl systems --json FILE`."""


Role = Literal["predicted", "fitted", "input", "repeated", "open"]
Kind = Literal["rate", "latency", "cpu"]


class PaperScore(Part):
    """How near the model's ratios of a kind are to the papers'."""

    kind: Kind
    count: int = Field(ge=1, description="Ratios.")
    near: float = Field(ge=0, le=1, description="Share of them within 10 %.")
    wide: float = Field(ge=0, le=1, description="Share of them within 20 %.")
    median: float = Field(ge=0, description="Median relative error.")


class PaperPlace(Part):
    """A system at a place of a panel."""

    paper: Literal["eurosys21", "ipdps23"]
    figure: str
    panel: str
    metric: str
    x: str = Field(description="Place on the panel's axis.")
    system: str = Field(description="As the paper names it.")
    role: Role = Field(description="How its ratio counts.")
    not_modelled: str = Field(description="Why the model has no value; empty when it has one.")
    measured: float | None = Field(description="In the paper; null where it has none.")
    modelled: float | None = Field(description="Mean over the seeds; null: see `not_modelled`.")
    reordered_ratio: float | None = Field(description="Of frames (RFC 4737); null without any run.")


class PaperBar(PaperPlace):
    """A bar, in the paper's unit."""

    modelled_as: str = Field(description="The catalogue's system.")
    unit: str
    reading_error: float | None = Field(description="Of the value read off the figure.")
    low: float | None = Field(description="5th percentile over the seeds.")
    high: float | None = Field(description="95th percentile.")
    cpu_ns_per_message: float | None


class PaperRatio(PaperPlace):
    """A bar over its baseline."""

    over: str = Field(description="The baseline, as the paper names it.")
    kind: Kind = Field(description="Which score it counts for.")
    error: float | None = Field(description="modelled / measured - 1; null without a modelled one.")
    cpu_ratio: float | None = Field(description="CPU time a message over the baseline's.")


class Papers(Marks):
    """`python -m falcon_ctl figures --paper --json FILE`; rows have the keys of the CSV files."""

    scores: dict[Role, list[PaperScore]] = Field(description="Role → scores by kind of ratio.")
    ratios: list[PaperRatio]
    bars: list[PaperBar]
