"""The report of `figures --paper`: the papers' bars beside the model's. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from falcon_ctl.html_report.blocks import Block, Chart, Column, Section, Series, Table, plain
from falcon_ctl.html_report.folder import Documents
from falcon_ctl.html_report.records import Record, Recorded

Bar = Mapping[str, Any]
_PAPERS = {"eurosys21": "EuroSys '21", "ipdps23": "IPDPS '23"}
_FILE = "papers.json"


def sections(documents: Documents) -> list[Section]:
    """All of the page but where the numbers come from."""
    bars = documents.main["bars"]
    found = [Section("score", "How near the model is", [_scores(documents.main["scores"])])]
    for paper in dict.fromkeys(bar["paper"] for bar in bars):
        mine = [bar for bar in bars if bar["paper"] == paper]
        found.append(Section(paper, _PAPERS.get(paper, paper), list(_panels(mine))))
    found.append(Section("ratios", "All ratios", [_ratios(documents.main["ratios"])]))
    return found


def subtitle(documents: Documents) -> str:
    """What ran."""
    ratios = documents.main["ratios"]
    modelled = sum(ratio["modelled"] is not None for ratio in ratios)
    return (
        f"The papers' figures under the virtual clock; {modelled} of {len(ratios)} ratios modelled"
    )


def recorded(documents: Documents) -> Recorded:
    """The numbers that two runs are compared by."""
    names = ("paper", "figure", "panel", "metric", "x", "system")
    records = [
        Record(tuple(str(bar[name]) for name in names), {"modelled": bar["modelled"]})
        for bar in documents.main["bars"]
    ]
    return Recorded(names, records)


def _scores(scores: Mapping[str, Sequence[Mapping[str, Any]]]) -> Block:
    columns = [Column("ratios"), Column("of")]
    shares = ("number", "within 10 %", "within 20 %", "median error")
    columns += [Column(name, numeric=True) for name in shares]
    rows = [
        [
            role,
            one["kind"],
            str(one["count"]),
            *(f"{100 * one[key]:.0f} %" for key in ("near", "wide")),
            f"{100 * one['median']:.1f} %",
        ]
        for role, ones in scores.items()
        for one in ones
    ]
    return Table("Ratios of a system over its baseline", columns, rows, headers=2)


def _panels(bars: Sequence[Bar]) -> Iterator[Block]:
    """A chart for each panel; a bar that is not modelled has the paper's value alone."""
    for panel in dict.fromkeys((bar["figure"], bar["panel"], bar["metric"]) for bar in bars):
        mine = [b for b in bars if (b["figure"], b["panel"], b["metric"]) == panel]
        names = [" ".join(filter(None, (bar["system"], str(bar["x"])))) for bar in mine]
        series = [
            Series("measured by the paper", [bar["measured"] for bar in mine]),
            Series(
                "model",
                [bar["modelled"] for bar in mine],
                [bar["low"] for bar in mine],
                [bar["high"] for bar in mine],
            ),
        ]
        figure, letter, metric = panel
        title = f"Figure {figure}{letter}: {metric}"
        says = "The paper's bars beside the model's; whiskers: 5 to 95 % of the seeds."
        if lacking := sum(bar["modelled"] is None for bar in mine):
            says += f" {lacking} of {len(mine)} are not modelled."
        unit = mine[0]["unit"]
        yield Chart(title, says, "bars", names, "system", unit, series, where=_FILE)


def _ratios(ratios: Sequence[Mapping[str, Any]]) -> Block:
    texts = ("paper", "figure", "metric", "x", "system", "over")
    columns = [Column(name) for name in texts]
    columns += [Column(name, numeric=True) for name in ("measured", "modelled", "error")]
    columns.append(Column("not modelled since"))
    rows = [
        [
            ratio["paper"],
            f"{ratio['figure']}{ratio['panel']}",
            *(str(ratio[name]) for name in texts[2:]),
            plain(ratio["measured"]),
            plain(ratio["modelled"]),
            "-" if ratio["error"] is None else f"{100 * ratio['error']:+.0f} %",
            ratio["not_modelled"],
        ]
        for ratio in ratios
    ]
    caption = "Each ratio of a system over its baseline"
    return Table(caption, columns, rows, headers=2, where=_FILE, folded=True)
