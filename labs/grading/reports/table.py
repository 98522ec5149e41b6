"""grades.csv: a line for each student."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from labs.grading.grades import Grade, plain

COLUMNS = (
    "id", "lab", "status", "points", "of", "visible", "hidden", "first_failing", "message",
    "tried", "late", "handed_in", "submission", "notes", "digest", "seconds",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def text(grades: Sequence[Grade], times: bool) -> str:
    """The table; only `seconds` may differ between two runs, and is empty without `times`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for grade in grades:
        writer.writerow([_cell(value) for value in _row(grade, times)])
    return out.getvalue()


def _row(grade: Grade, times: bool) -> list[str]:
    return [
        grade.id,
        grade.lab,
        grade.status,
        plain(grade.earned),
        plain(grade.points),
        plain(grade.earned_in("visible")),
        plain(grade.earned_in("hidden")),
        grade.failing.id if grade.failing and grade.status == "graded" else "",
        grade.message,
        "; ".join(grade.tried),
        grade.late,
        grade.handed_in,
        grade.source,
        "; ".join(grade.notes),
        grade.digest,
        f"{grade.seconds:.1f}" if times else "",
    ]


def _cell(value: str) -> str:
    """The value, which no spreadsheet takes for a formula."""
    value = value.replace("\0", "\N{REPLACEMENT CHARACTER}")  # Python 3.10's csv refuses NUL
    return f"'{value}" if value.startswith(_FORMULA) else value
