"""The command `systems` of falcon_ctl: the table, on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from falcon_ctl import files
from falcon_ctl.claims import bypasses, falcon, kernel
from falcon_ctl.claims.claims import Claim, Row, judge
from falcon_ctl.report import provenance
from falcon_ctl.report.document import as_json
from falcon_ctl.virtual import kernels
from topo.rundir import RunDir

CLAIMS: tuple[Claim, ...] = (*kernel.CLAIMS, *falcon.CLAIMS, *bypasses.CLAIMS)


def check_all(console: Console, json: Path | None) -> bool:
    """Check every claim, print the table, write JSON; whether all hold.

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
    return all(row.finding.holds for row in rows)


def _print(console: Console, rows: Sequence[Row]) -> None:
    table = Table(title="The systems of the talk, measured", box=box.SIMPLE_HEAD)
    for name in ("system", "", "claim", "measured", "holds"):
        table.add_column(name)
    for row in rows:
        claim, verdict = row.claim, "[green]yes[/]" if row.finding.holds else "[red]no[/]"
        table.add_row(claim.subject, claim.mark, claim.says, escape(row.finding.measured), verdict)
    console.print(table)
    failed = sum(not row.finding.holds for row in rows)
    console.print(f"{len(rows) - failed} of {len(rows)} claims hold")
