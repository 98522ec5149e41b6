"""The report of `order`: what each way to keep flows in order costs. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from falcon_ctl.html_report.blocks import Block, Chart, Column, Section, Series, Table, plain
from falcon_ctl.html_report.folder import Documents
from falcon_ctl.html_report.numbers import number
from falcon_ctl.html_report.records import Record, Recorded
from falcon_ctl.html_report.titles import of_system

_MEASURES: Mapping[str, tuple[str, float]] = {  # column → title, factor
    "kept": ("rate over the one without order", 1),
    "reordered": ("reordered frames, %", 100),
    "p99_us": ("p99 latency, µs (UDP)", 1),
    "held_us": ("mean time held, µs", 1),
    "cpu_ns": ("CPU time per frame, ns", 1),
}


def sections(documents: Documents) -> list[Section]:
    """All of the page but where the numbers come from."""
    charts = [_chart(documents, column) for column in _MEASURES]
    return [
        Section("charts", "The price of order", [one for one in charts if one is not None]),
        Section("values", "All values", [_table(documents)]),
    ]


def subtitle(documents: Documents) -> str:
    """What ran."""
    ways = dict.fromkeys(of_system(row["system"]) for row in documents.main)
    return f"The price of order under the virtual clock: {', '.join(ways)}"


def recorded(documents: Documents) -> Recorded:
    """The numbers that two runs are compared by."""
    records = [
        Record(
            (row["figure"], row["proto"], row["load"], of_system(row["system"])),
            {
                "kpps": _scaled(number(row["pps"]), 1e-3),
                **{name: _scaled(number(row.get(c)), f) for c, (name, f) in _MEASURES.items()},
            },
            row.get("invalid", ""),
        )
        for row in documents.main
    ]
    return Recorded(("figure", "protocol", "load", "system"), records)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _chart(documents: Documents, column: str) -> Block | None:
    title, factor = _MEASURES[column]
    rows = documents.main
    places = list(dict.fromkeys((row["figure"], row["proto"], row["load"]) for row in rows))
    found = {
        (row["system"], (row["figure"], row["proto"], row["load"])): _scaled(
            number(row.get(column)), factor
        )
        for row in rows
    }
    series = [
        Series(of_system(system), [found.get((system, place)) for place in places])
        for system in dict.fromkeys(row["system"] for row in rows)
    ]
    if not any(value for one in series for value in one.y):
        return None
    names = [f"figure {figure}, {proto}, {load}" for figure, proto, load in places]
    says = f"{title[0].upper()}{title[1:]}, for each load and each way to keep order."
    where = "price-of-order.csv"
    return Chart(title, says, "bars", names, "load", title, series, where=where)


def _table(documents: Documents) -> Block:
    recorded_ = recorded(documents)
    names = list(recorded_.records[0].values)
    columns = [Column(name) for name in recorded_.names]
    columns += [Column(name, numeric=True) for name in names]
    rows = [[*one.key, *(plain(one.values[name]) for name in names)] for one in recorded_.records]
    return Table("All values", columns, rows, headers=4, where="price-of-order.csv")
