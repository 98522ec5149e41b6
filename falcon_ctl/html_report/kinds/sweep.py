"""The report of `sweep`: its points over each axis that varies. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from falcon_ctl.html_report.blocks import (
    Block,
    Chart,
    Column,
    Section,
    Series,
    Table,
    Text,
    plain,
)
from falcon_ctl.html_report.folder import Documents
from falcon_ctl.html_report.kinds import packets
from falcon_ctl.html_report.records import Record, Recorded
from falcon_ctl.html_report.titles import of_system

Line = Mapping[str, Any]
MOST_LINES = 16
_MARKS = ("invalid", "provenance")
_PACKETS = (
    "The first point of each protocol, and the one whose rate is furthest from it, run once more "
    "under the virtual clock: no switch took part."
)
_CHARTED = ("pps", "reordered_ratio", "cpu_ns_per_packet", "p99_us")


def sections(documents: Documents) -> list[Section]:
    """All of the page but where the numbers come from."""
    lines = documents.files.get("results.jsonl", [])
    axes, results = columns(documents)
    found = []
    for proto in dict.fromkeys(line["proto"] for line in lines):
        mine = [line for line in lines if line["proto"] == proto]
        if blocks := _charts(mine, axes, [name for name in _CHARTED if name in results]):
            found.append(Section(f"charts-{proto}", f"{proto.upper()}", blocks))
    spec = documents.files.get("spec.yaml", "")
    found.append(packets.section(documents, _PACKETS))
    found.append(Section("points", "All points", _points(lines)))
    if spec:
        rows = [[line] for line in spec.splitlines()]
        table = Table("The spec", [Column("spec.yaml")], rows, headers=0, folded=True)
        found.append(Section("spec", "What was asked for", [table]))
    return [one for one in found if one.blocks]


def subtitle(documents: Documents) -> str:
    """What ran."""
    axes, _ = columns(documents)
    lines = documents.files.get("results.jsonl", [])
    varied = [
        name for name in axes if name != "seed" and len({_key(ln.get(name)) for ln in lines}) > 1
    ]
    points = documents.main["points"]
    return f"{points:,} points under the virtual clock; varied: {', '.join(varied) or 'nothing'}"


def columns(documents: Documents) -> tuple[Sequence[str], Sequence[str]]:
    """The names of axes, and of results; an old sweep does not say which are which."""
    about = documents.main
    lines = documents.files.get("results.jsonl", [])
    names = [name for name in (lines[0] if lines else {}) if name not in _MARKS]
    results = about.get("results") or (names[names.index("seed") + 1 :] if "seed" in names else [])
    return [name for name in names if name not in results], results


def recorded(documents: Documents) -> Recorded:
    """The numbers that two runs are compared by."""
    axes, results = columns(documents)
    records = [
        Record(
            tuple(_key(line.get(name)) for name in axes),
            {name: _number(line.get(name)) for name in results},
            line.get("invalid") or "",
        )
        for line in documents.files.get("results.jsonl", [])
    ]
    return Recorded(axes, records)


def _key(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _number(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) else None


def _charts(lines: Sequence[Line], axes: Sequence[str], results: Sequence[str]) -> list[Block]:
    """Each result over each numeric axis; where there is none, bars of the systems."""
    varied = [
        name for name in axes if name != "seed" and len({_key(line[name]) for line in lines}) > 1
    ]
    numeric = [name for name in varied if all(_number(line[name]) is not None for line in lines)]
    results = [name for name in results if any(_number(line.get(name)) for line in lines)]
    blocks: list[Block] = []
    for axis in numeric:
        groups = _grouped(lines, [name for name in varied if name != axis])
        if len(groups) > MOST_LINES:
            text = f"{len(groups)} lines over {axis} are too many to draw; all points are below."
            blocks.append(Text(text, "quiet"))
            continue
        blocks += [_over(axis, result, groups) for result in results]
    if not numeric and varied:
        groups = _grouped(lines, varied)
        blocks += [_bars(result, groups) for result in results if len(groups) <= 4 * MOST_LINES]
    return blocks


def _grouped(lines: Sequence[Line], names: Sequence[str]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in lines:
        words = [
            of_system(line[name]) if name == "system" else f"{name} {_key(line[name]) or 'default'}"
            for name in names
        ]
        found.setdefault(", ".join(words) or "all", []).append(line)
    return found


def _over(axis: str, result: str, groups: Mapping[str, Sequence[Line]]) -> Block:
    xs = sorted({float(line[axis]) for lines in groups.values() for line in lines})
    series = [
        _series(label, [[line for line in lines if float(line[axis]) == x] for x in xs], result)
        for label, lines in groups.items()
    ]
    says = f"{result} over {axis}, mean of the seeds, whiskers: the least and the most of them."
    where = "results.csv"
    return Chart(f"{result} over {axis}", says, "lines", xs, axis, result, series, where=where)


def _bars(result: str, groups: Mapping[str, Sequence[Line]]) -> Block:
    series = [_series(result, [list(lines) for lines in groups.values()], result)]
    says = f"{result} of each combination, mean of the seeds, whiskers: the least and the most."
    names = list(groups)
    return Chart(result, says, "bars", names, "", result, series, where="results.csv")


def _series(label: str, points: Sequence[Sequence[Line]], result: str) -> Series:
    values = [[v for line in at if (v := _number(line.get(result))) is not None] for at in points]
    mean = [sum(found) / len(found) if found else None for found in values]
    if max(map(len, values), default=0) < 2:
        return Series(label, mean)
    low = [min(found, default=None) for found in values]
    high = [max(found, default=None) for found in values]
    return Series(label, mean, low, high)


def _points(lines: Sequence[Line]) -> list[Block]:
    names = [name for name in (lines[0] if lines else {}) if name not in _MARKS]
    if not names:
        return []
    columns_ = [Column(name, _number(lines[0][name]) is not None) for name in names]
    rows = [[_cell(line.get(name)) for name in names] for line in lines]
    return [Table("A row for each point", columns_, rows, where="results.csv", folded=True)]


def _cell(value: Any) -> str:
    number = _number(value)
    return plain(number) if number is not None and not isinstance(value, int) else _key(value)
