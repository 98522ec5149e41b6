"""leaderboard.html: the standings as one page, in the look of the reports of falcon_ctl."""

from __future__ import annotations

from collections.abc import Sequence

from falcon_ctl.html_report.blocks import (
    Block,
    Chart,
    Column,
    Mark,
    Page,
    Section,
    Series,
    Table,
    Text,
)  # fmt: skip
from falcon_ctl.html_report.render import html
from labs.tournament.standings import Standing

MOST_COMPARED = 6  # players in the chart


def text(lab: str, rounds: Sequence[str], found: Sequence[Standing]) -> str:
    """The page."""
    played = [one for one in found if one.place]
    absent = [one for one in found if not one.place]
    sections = [
        Section("standings", "Standings", _standings(len(rounds), played)),
        Section("rounds", "Rounds", _rounds(played)),
    ]
    if absent:
        sections.append(Section("absent", "Did not play", [_absent(absent)]))
    students = sum(not one.opponent for one in played)
    return html(
        Page(f"Tournament of {lab}", f"{students} submissions, {len(rounds)} rounds", "", sections)
    )


def _standings(rounds: int, played: Sequence[Standing]) -> list[Block]:
    columns = [
        Column("player"), Column("place", numeric=True), Column("mean score", numeric=True),
        Column("worst round", numeric=True), Column("rounds won", numeric=True),
        Column("students beaten", numeric=True),
    ]  # fmt: skip
    rows = [
        [
            Mark(one.name, "quiet") if one.opponent else one.name,
            "" if one.opponent else str(one.place),
            f"{one.mean:.3f}",
            Mark(f"{one.worst:.2f}", "bad") if round(one.worst, 2) < 1 else f"{one.worst:.2f}",
            "" if one.opponent else str(one.won),
            str(one.beaten),
        ]
        for one in played
    ]
    says = (
        f"The mean is geometric, over {rounds} rounds that nobody had seen. Opponents that "
        "everybody meets have no place."
    )
    return [Text(says), Table("Players", columns, rows)]


def _rounds(played: Sequence[Standing]) -> list[Block]:
    kinds = list(played[0].kinds)
    shown = played[:MOST_COMPARED]
    chart = Chart(
        "Scores by kind of round",
        f"The geometric mean of each kind of round, of the first {len(shown)} players.",
        "bars",
        kinds,
        "round",
        "score",
        [Series(one.name, [one.kinds[kind] for kind in kinds]) for one in shown],
    )
    columns = [Column("player"), *(Column(kind, numeric=True) for kind in kinds)]
    rows = [[one.name, *(f"{one.kinds[kind]:.2f}" for kind in kinds)] for one in played]
    return [chart, Table("Mean score by kind of round", columns, rows)]


def _absent(absent: Sequence[Standing]) -> Block:
    return Table(
        "Submissions that did not play",
        [Column("student"), Column("why")],
        [[one.name, one.why_not] for one in absent],
    )
