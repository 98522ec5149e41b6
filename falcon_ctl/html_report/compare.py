"""Several runs side by side: where they come from, rates and latencies, checks. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from falcon_ctl.errors import UsageError
from falcon_ctl.html_report import facts
from falcon_ctl.html_report.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Facts,
    Mark,
    Page,
    Section,
    Series,
    Table,
    Text,
    plain,
)
from falcon_ctl.html_report.folder import Documents
from falcon_ctl.html_report.page import MODULES
from falcon_ctl.html_report.records import Record, Recorded

MOST = 8  # runs
_PHRASES: Mapping[str, str] = {"main job": "the main job", "papers": "figures --paper"}
_CHARTED = 40  # records in a chart of changes


def page(runs: Sequence[Documents]) -> Page:
    """The page that compares two or more runs of one command; differences are to the first.

    Raises:
        UsageError: they are of different commands, or too many.
    """
    kinds = {run.kind for run in runs}
    if len(kinds) > 1:
        what = ", ".join(f"{run.name} is of {run.kind}" for run in runs)
        raise UsageError("report", what, "folders that one command wrote")
    if len(runs) > MOST:
        raise UsageError("report", f"{len(runs)} folders", f"at most {MOST}")
    names = letters(runs)
    module = MODULES[runs[0].kind]
    found = [module.recorded(run) for run in runs]
    invalid = [
        f"{name}: {why}" for name, why in zip(names, map(_invalid, runs), strict=True) if why
    ]
    command = _PHRASES.get(runs[0].kind, runs[0].kind)
    sections = [
        Section(
            "runs", "Runs", [Facts([(n, run.name) for n, run in zip(names, runs, strict=True)])]
        ),
        Section("checks", "Checks", _checks(runs, names)),
        Section("numbers", "Numbers", _numbers(found, names)),
        Section("origin", "Where these numbers come from", _origins(runs, names)),
    ]
    return Page(
        f"Comparison of {len(runs)} runs",
        f"Runs of {command} side by side; differences are to {names[0]}",
        "; ".join(invalid),
        [one for one in sections if one.blocks],
    )


def letters(runs: Sequence[Documents]) -> list[str]:
    """A letter for each run, which columns are headed by; folders may be called the same."""
    return [_letter(place) for place in range(len(runs))]


def _invalid(run: Documents) -> str:
    return "; ".join(facts.provenance(run).get("invalid", []))


def _origins(runs: Sequence[Documents], names: Sequence[str]) -> list[Block]:
    """A row for each fact, with a mark where the runs differ."""
    tables = [dict(facts.rows(run)) for run in runs]
    keys = list(dict.fromkeys(key for table in tables for key in table if key != "folder"))
    rows: list[list[Cell]] = []
    for key in keys:
        values = [table.get(key, "-") for table in tables]
        same = len(set(values)) == 1
        rows.append([key, *values, "same" if same else Mark("differs", "warning")])
    columns = [Column("what"), *map(Column, names), Column("difference")]
    blocks: list[Block] = [Table("Versions, seeds, machine", columns, rows)]
    for run, name in zip(runs, names, strict=True):
        blocks += [Text(f"How {name} ({run.name}) was made:"), *facts.again(run)[:-1]]
    return blocks


# -- numbers ---------------------------------------------------------------------------------------


def _numbers(found: Sequence[Recorded], names: Sequence[str]) -> list[Block]:
    tables = [{record.key: record for record in one.records} for one in found]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    if not keys:
        return []
    width = len(keys[0])
    usual = [key for key in keys if len(key) == width]
    metrics = dict.fromkeys(m for table in tables for one in table.values() for m in one.values)
    blocks: list[Block] = []
    for metric in metrics:
        rows = [_row(key, metric, tables) for key in usual]
        rows = [row for row in rows if any(cell != "-" for cell in row[width:])]
        if not rows or all(_is_zero(row[width:]) for row in rows):
            continue
        columns = [Column(name) for name in found[0].names[:width]]
        columns.append(Column(names[0], numeric=True))
        for place, name in enumerate(names[1:], 1):
            columns += [Column(name, numeric=True), Column(f"{_letter(place)} to A", numeric=True)]
        if chart := _chart(metric, usual, tables, names):
            blocks.append(chart)
        blocks.append(Table(metric, columns, rows, headers=width))
    return blocks


def _letter(place: int) -> str:
    return chr(ord("A") + place)


def _is_zero(cells: Sequence[Cell]) -> bool:
    return all(cell in ("0", "-", "same") for cell in cells)


def _row(
    key: tuple[str, ...], metric: str, tables: Sequence[Mapping[tuple[str, ...], Record]]
) -> list[Cell]:
    values = [_value(table.get(key), metric) for table in tables]
    cells: list[Cell] = [*key, _shown(tables[0].get(key), values[0])]
    for table, value in zip(tables[1:], values[1:], strict=True):
        cells += [_shown(table.get(key), value), _difference(values[0], value)]
    return cells


def _value(record: Record | None, metric: str) -> float | None:
    """None where the record is missing, or has no such number."""
    return None if record is None else record.values.get(metric)


def _shown(record: Record | None, value: float | None) -> Cell:
    if record is not None and record.invalid and value is None:
        return Mark(record.invalid.split(":", 1)[0], "warning")
    return plain(value)


def _difference(first: float | None, second: float | None) -> Cell:
    """In percent of the first; absolute where that is 0."""
    if first is None or second is None:
        return "-"
    if first == second:
        return "same"
    if first == 0:
        return Mark(f"{second - first:+,.4g}", "warning")
    percent = 100 * (second - first) / abs(first)
    text = f"{percent:+.1f} %"
    return Mark(text, "warning") if abs(percent) >= 5 else text


def _chart(
    metric: str,
    keys: Sequence[tuple[str, ...]],
    tables: Sequence[Mapping[tuple[str, ...], Record]],
    names: Sequence[str],
) -> Chart | None:
    """The changes to the first run, percent; none where they are too many or all nothing."""
    rows: list[tuple[str, list[float | None]]] = []
    for key in keys:
        first, *others = (_value(table.get(key), metric) for table in tables)
        if first and any(other is not None for other in others):
            changes = [None if o is None else 100 * (o - first) / abs(first) for o in others]
            rows.append((", ".join(filter(None, key)), changes))
    if not 1 < len(rows) <= _CHARTED or not any(c for _, changes in rows for c in changes):
        return None
    series = [
        Series(f"{name} to A", [changes[place] for _, changes in rows])
        for place, name in enumerate(names[1:])
    ]
    largest = max(rows, key=lambda row: max(abs(c or 0.0) for c in row[1]))
    change = max(largest[1], key=lambda c: abs(c or 0.0)) or 0.0
    says = f"The change of {metric} in percent. The largest: {largest[0]}, {change:+.1f} %."
    at = [name for name, _ in rows]
    return Chart(f"Change of {metric}", says, "bars", at, "run", "change, %", series)


# -- checks ----------------------------------------------------------------------------------------


def _checks(runs: Sequence[Documents], names: Sequence[str]) -> list[Block]:
    """Each check's verdict in each run, and the evidence."""
    if runs[0].kind != "main job":
        return []
    tables: list[dict[str, Mapping[str, Any]]] = [
        {check["name"]: check for check in run.main["checks"]} for run in runs
    ]
    rows: list[list[Cell]] = []
    differing = 0
    for check in dict.fromkeys(name for table in tables for name in table):
        verdicts = [table[check]["ok"] if check in table else None for table in tables]
        same = len(set(verdicts)) == 1
        differing += not same
        evidence = [table[check]["evidence"] if check in table else "" for table in tables]
        cells = [_verdict(one) for one in verdicts]
        rows.append([check, *cells, "same" if same else Mark("differs", "warning"), *evidence])
    columns = [Column("check"), *map(Column, names), Column("difference")]
    columns += [Column(f"evidence in {_letter(place)}") for place in range(len(runs))]
    says = (
        f"{differing} of {len(rows)} verdicts differ." if differing else "All verdicts are equal."
    )
    return [Text(says, "warning" if differing else "good"), Table("Verdicts", columns, rows)]


def _verdict(ok: bool | None) -> Cell:
    if ok is None:
        return Mark("not checked", "quiet")
    return Mark("holds", "good") if ok else Mark("failed", "bad")
