"""The report of `sensitivity`: the costs that decide each claim. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from falcon_ctl.html_report.blocks import Block, Chart, Column, Section, Series, Table, plain
from falcon_ctl.html_report.folder import Documents
from falcon_ctl.html_report.kinds import packets
from falcon_ctl.html_report.numbers import number
from falcon_ctl.html_report.records import Record, Recorded
from falcon_ctl.html_report.titles import of_system

Row = Mapping[str, str]
Claim = tuple[str, str, str, str]  # figure, system, protocol, metric
_PACKETS = (
    "The system of the claim that moves most with one cost, with all costs as they are and with "
    "that one changed, under the virtual clock: no switch took part."
)
_SHOWN = 12  # costs of a claim


def sections(documents: Documents) -> list[Section]:
    """All of the page but where the numbers come from."""
    claims: dict[Claim, list[Row]] = {}
    for row in documents.main:
        claim = (row["figure"], row["system"], row["proto"], row["metric"])
        claims.setdefault(claim, []).append(row)
    figures = dict.fromkeys(claim[0] for claim in claims)
    rest = [
        packets.section(documents, _PACKETS),
        Section("values", "All values", [_table(documents)]),
    ]
    return [
        Section(
            f"figure-{figure}",
            f"Figure {figure}",
            [_tornado(claim, rows) for claim, rows in claims.items() if claim[0] == figure],
        )
        for figure in figures
    ] + [one for one in rest if one.blocks]


def subtitle(documents: Documents) -> str:
    """What ran."""
    costs = len({row["cost"] for row in documents.main})
    return f"Each of {costs} costs lower and higher: what the talk's claims depend on"


def recorded(documents: Documents) -> Recorded:
    """The numbers that two runs are compared by."""
    records = [
        Record(
            (row["figure"], of_system(row["system"]), row["proto"], row["metric"], row["cost"]),
            {
                "as it is": number(row["measured"]),
                "lowered": number(row["lowered"]),
                "raised": number(row["raised"]),
            },
            row.get("invalid", ""),
        )
        for row in documents.main
    ]
    return Recorded(("figure", "system", "protocol", "metric", "cost"), records)


def _swing(row: Row) -> float:
    values = [number(row[key]) or 0.0 for key in ("measured", "lowered", "raised")]
    return max(values) - min(values)


def _tornado(claim: Claim, rows: Sequence[Row]) -> Block:
    """How far the claim's ratio moves with each cost, the strongest first."""
    _, system, proto, metric = claim
    shown = sorted(rows, key=lambda row: (-_swing(row), row["cost"]))[:_SHOWN]
    base = number(rows[0]["measured"]) or 0.0
    series = [
        Series(label, [_off(row[key], base) for row in shown])
        for label, key in (("cost lowered", "lowered"), ("cost raised", "raised"))
    ]
    title = f"{of_system(system)}, {proto.upper()}: {metric}"
    strongest = ", ".join(row["cost"] for row in shown[:3])
    says = f"How far the ratio moves from {base:.2f} with each cost. The strongest: {strongest}."
    names = [row["cost"] for row in shown]
    where = "sensitivity.csv"
    return Chart(title, says, "bars", names, "cost", "change of the ratio", series, where=where)


def _off(text: str, base: float) -> float | None:
    value = number(text)
    return None if value is None else round(value - base, 6)


def _table(documents: Documents) -> Block:
    found = recorded(documents)
    columns = [Column(name) for name in found.names]
    columns += [Column(name, numeric=True) for name in ("as it is", "lowered", "raised")]
    rows = [[*one.key, *(plain(value) for value in one.values.values())] for one in found.records]
    where = "sensitivity.csv"
    return Table("Every effect", columns, rows, headers=5, where=where, folded=True)
