"""Checks the talk's table of systems; prints it and writes it as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from falcon_ctl import files
from falcon_ctl.claims import after_falcon, bypasses, falcon, kernel, published, threads
from falcon_ctl.claims.claims import PUBLISHED, Claim, Row, judge
from falcon_ctl.report import provenance
from falcon_ctl.report.document import as_json
from falcon_ctl.virtual import kernels
from topo.rundir import RunDir

CLAIMS: tuple[Claim, ...] = (
    *kernel.CLAIMS,
    *falcon.CLAIMS,
    *bypasses.CLAIMS,
    *after_falcon.CLAIMS,
    *threads.CLAIMS,
    *published.CLAIMS,
)


def check_all(console: Console, json: Path | None) -> bool:
    """Check every claim, print the table, write JSON; whether all hold, published numbers apart.

    Raises:
        UsageError: a place that cannot be written.
    """
    if json is not None:
        files.verify_target(f"--json {json}", json)
    kernels.load(console)
    begun = provenance.begin([1], [claim.key for claim in CLAIMS])
    rows = [judge(claim) for claim in CLAIMS]
    origin = begun.ended()
    _print(console, rows)
    provenance.show(console, origin)
    if json is not None:
        text = as_json([{**row.document(), **origin.marks} for row in rows])
        with files.Rescue(text, RunDir().path) as rescue:
            rescue.attempt(f"--json {json}", lambda: files.replace(json, text))
    return all(row.finding.holds for row in rows if row.claim.mark != PUBLISHED)


def _print(console: Console, rows: Sequence[Row]) -> None:
    claims = [row for row in rows if row.claim.mark != PUBLISHED]
    numbers = [row for row in rows if row.claim.mark == PUBLISHED]
    held = _table(console, "The systems of the talk and later ones, measured", "holds", claims)
    console.print(f"{held} of {len(claims)} claims hold")
    if numbers:
        within = _table(console, "Numbers that their authors published", "within", numbers)
        console.print(f"{within} of {len(numbers)} published numbers are within ten points")


def _table(console: Console, title: str, verdict: str, rows: Sequence[Row]) -> int:
    """Print `rows`; how many hold."""
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for name in ("system", "", "claim", "measured", verdict):
        table.add_column(name)
    for row in rows:
        claim, no = row.claim, "yellow" if row.claim.mark == PUBLISHED else "red"
        mark = "[green]yes[/]" if row.finding.holds else f"[{no}]no[/]"
        found = escape(row.finding.measured)
        table.add_row(claim.subject, claim.mark, escape(claim.says), found, mark)
    console.print(table)
    return sum(row.finding.holds for row in rows)
