"""Findings as a table for people, as CSV, and as JSON; and what they say together."""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from v1switch.errors import escaped
from v1switch.survey.finding import COLUMNS, NATIVE, REFUSED, RESULTS, Finding

_HEAD = ("tables", "result", "CPU s", "MiB")
_ROW = "{:<{}}  {:>6}  {:<7}  {:>6}  {:>4}  {}"


def head(width: int) -> str:
    """The table's first line; `width` is that of its first column."""
    return _ROW.format("program", width, *_HEAD, "why").rstrip()


def row(finding: Finding, name: str, width: int) -> str:
    """A program's line of the table."""
    tables, peak = ("-" if n is None else str(n) for n in (finding.tables, finding.peak_mib))
    seconds = "-" if finding.cpu_s is None else f"{finding.cpu_s:.2f}"
    cells = (escaped(name), width, tables, finding.result, seconds, peak, escaped(finding.why))
    return _ROW.format(*cells).rstrip()


def summary(findings: Sequence[Finding], others: int) -> dict[str, Any]:
    """What findings say together.

    Args:
        findings: of all programs.
        others: how many JSON files are no programs.
    """
    results = Counter(finding.result for finding in findings)
    compiled = [f for f in findings if f.cpu_s is not None and f.peak_mib is not None]
    seconds = [f.cpu_s for f in compiled if f.cpu_s is not None]
    peaks = [f.peak_mib for f in compiled if f.peak_mib is not None]
    loaded = len(findings) - results[REFUSED]
    return {
        "programs": len(findings),
        "other_files": others,
        **{result: results[result] for result in RESULTS},
        "native_share": round(results[NATIVE] / loaded, 4) if loaded else None,
        "cpu_s": _spread(seconds),
        "peak_mib": _spread(peaks),
    }


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {"median": round(statistics.median(values), 3), "most": max(values)}


def last_line(found: dict[str, Any]) -> str:
    """The summary in one line."""
    parts = [f"{found[result]} {result}" for result in RESULTS if found[result]]
    text = f"{found['programs']} programs: {', '.join(parts) or 'none'}"
    if found["native_share"] is not None:
        text += f"; {100 * found['native_share']:.1f} % of those that load are native"
    if found["cpu_s"] is not None:
        cpu, peak = found["cpu_s"], found["peak_mib"]
        text += f"; compiler: median {cpu['median']:.2f} s and {peak['median']:.0f} MiB"
        text += f", at most {cpu['most']:.2f} s and {peak['most']} MiB"
    if found["other_files"]:
        text += f"; {found['other_files']} other JSON files"
    return text


def as_json(findings: Sequence[Finding], found: dict[str, Any]) -> str:
    """All findings and their summary, as one JSON object."""
    document = {"programs": [f.as_dict() for f in findings], "summary": found}
    return json.dumps(document, indent=2)


def csv_row(finding: Finding | None) -> str:
    """A program's row; None for that of the columns' names."""
    text = io.StringIO()
    values = COLUMNS if finding is None else tuple(finding.as_dict().values())
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()
