"""The report of `figures`: the talk's claims, and a chart of each figure. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from falcon_ctl.html_report.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Mark,
    Section,
    Series,
    Table,
    plain,
)
from falcon_ctl.html_report.folder import Documents
from falcon_ctl.html_report.kinds import packets
from falcon_ctl.html_report.numbers import number
from falcon_ctl.html_report.records import Record, Recorded
from falcon_ctl.html_report.titles import of_system

Row = Mapping[str, Any]
_METRIC = re.compile(r"^(?P<name>.+) \((?P<unit>[^()]+)\), (?P<load>.*)$")
_CHARTED = ("message rate", "reordered packets", "CPU time a packet")


def sections(documents: Documents) -> list[Section]:
    """All of the page but where the numbers come from."""
    rows = _rows(documents)
    claims = [row for row in rows if row["claim"] is not None]
    values = [row for row in rows if row["claim"] is None]
    found = [
        Section("claims", "The talk's claims", _claims(claims)),
        *_figures(documents, values),
        packets.section(documents, "One flow under the virtual clock: no switch took part."),
        Section("values", "All values", _values(values)),
    ]
    return [one for one in found if one.blocks]


def subtitle(documents: Documents) -> str:
    """What ran."""
    claims = [row for row in documents.main if row["claim"] is not None]
    near = sum(bool(row["within"]) for row in claims)
    return f"The talk's figures under the virtual clock; {near} of {len(claims)} claims are near"


def recorded(documents: Documents) -> Recorded:
    """The numbers that two runs are compared by."""
    records = [
        Record(
            (str(row["figure"]), of_system(row["system"]), row["proto"], row["metric"]),
            {"value": row["measured"]},
        )
        for row in documents.main
    ]
    return Recorded(("figure", "system", "protocol", "metric"), records)


def _rows(documents: Documents) -> list[Row]:
    """The rows; with the columns that only the CSV file has, where there is one."""
    beside = documents.files.get("figures.csv")
    rows: Sequence[Row] = documents.main
    if not beside or len(beside) != len(rows):
        return [{**row, "low": None, "high": None, "load": ""} for row in rows]
    names = ("low", "high", "reordered_ratio", "cpu_ratio")
    return [
        {**row, **{name: number(more.get(name)) for name in names}, "load": more.get("load", "")}
        for row, more in zip(rows, beside, strict=True)
    ]


def _claims(rows: Sequence[Row]) -> list[Block]:
    columns = [Column(name) for name in ("figure", "system", "metric", "load")]
    numbers = ("claim", "model", "5-95 %", "reordered, %", "CPU")
    columns += [*(Column(name, numeric=True) for name in numbers), Column("near")]
    cells = [_claim(row) for row in rows]
    if not cells:
        return []
    return [Table("Claim and model, as ratios", columns, cells, headers=2)]


def _claim(row: Row) -> list[Cell]:
    order, cpu = row.get("reordered_ratio"), row.get("cpu_ratio")
    return [
        str(row["figure"]),
        of_system(row["system"]),
        f"{row['proto'].upper()} {row['metric']}",
        row["load"],
        f"{row['claim']:.2f}",
        plain(row["measured"]),
        "-" if row["low"] is None else f"{row['low']:.2f}-{row['high']:.2f}",
        "-" if order is None else f"{100 * order:.2g}",
        "-" if cpu is None else f"{cpu:.2f}x",
        Mark("yes", "good") if row["within"] else Mark("no", "warning"),
    ]


# -- charts ----------------------------------------------------------------------------------------


def _figures(documents: Documents, values: Sequence[Row]) -> Iterator[Section]:
    titles = {str(one["figure"]): one["title"] for one in _latencies(documents)}
    for figure in dict.fromkeys(row["figure"] for row in values):
        mine = [row for row in values if row["figure"] == figure]
        blocks: list[Block] = []
        for proto in dict.fromkeys(row["proto"] for row in mine):
            blocks += _bars([row for row in mine if row["proto"] == proto], proto)
        blocks += _curves(documents, figure)
        title = titles.get(str(figure), "")
        yield Section(
            f"figure-{figure}", f"Figure {figure}" + (f": {title}" if title else ""), blocks
        )


def _bars(rows: Sequence[Row], proto: str) -> list[Block]:
    """A chart for each metric; x: the loads, a colour for each system."""
    read = [(found, row) for row in rows if (found := _METRIC.match(row["metric"]))]
    blocks: list[Block] = []
    for metric in dict.fromkeys(found["name"] for found, _ in read):
        mine = {(row["system"], f["load"]): row for f, row in read if f["name"] == metric}
        if metric not in _CHARTED or not any(row["measured"] for row in mine.values()):
            continue
        unit = next(f["unit"] for f, _ in read if f["name"] == metric)
        loads = list(dict.fromkeys(load for _, load in mine))
        series = [
            _series(of_system(system), [mine.get((system, load)) for load in loads])
            for system in dict.fromkeys(system for system, _ in mine)
        ]
        if all(edge is None for one in series for edge in one.low):
            series = [Series(one.label, one.y) for one in series]
        title = f"{proto.upper()}: {metric}"
        says = (
            f"Mean of the seeds for each load and system, in {unit}; whiskers: 5 to 95 % of them."
        )
        where = "figures.csv"
        blocks.append(Chart(title, says, "bars", loads, "load", unit, series, where=where))
    return blocks


_RANGE = ("measured", "low", "high")


def _series(label: str, rows: Sequence[Row | None]) -> Series:
    """Mean and range of each row."""
    mean, low, high = ([None if row is None else row[key] for row in rows] for key in _RANGE)
    return Series(label, mean, low, high)


def _latencies(documents: Documents) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = documents.files.get("latencies.json", [])
    return found


def _curves(documents: Documents, figure: int) -> list[Block]:
    """Latencies by percentile, of all seeds together."""
    mine = [
        one for one in _latencies(documents) if one["figure"] == figure and one.get("quantiles")
    ]
    blocks: list[Block] = []
    for proto, load in dict.fromkeys((one["proto"], one["load"]) for one in mine):
        same = [one for one in mine if (one["proto"], one["load"]) == (proto, load)]
        series = [Series(of_system(one["system"]), one["quantiles"]["us"]) for one in same]
        percent = same[0]["quantiles"]["percent"]
        blocks.append(
            Chart(
                f"{proto.upper()}, {load}: latency",
                "At each percentile, the latency that this share of the packets stayed below, all "
                "seeds together.",
                "lines",
                percent,
                "percentile",
                "latency, µs",
                series,
                log=True,
                where="latencies.json",
            )
        )
    return blocks


def _values(values: Sequence[Row]) -> list[Block]:
    columns = [Column(name) for name in ("figure", "system", "protocol", "metric")]
    columns += [Column(name, numeric=True) for name in ("mean", "5 %", "95 %")]
    rows = [
        [
            str(row["figure"]),
            of_system(row["system"]),
            row["proto"],
            row["metric"],
            *(plain(row[key]) for key in _RANGE),
        ]
        for row in values
    ]
    caption = "What each system did in each run"
    return [Table(caption, columns, rows, headers=2, where="figures.csv", folded=True)]
