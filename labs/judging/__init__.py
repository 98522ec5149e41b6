"""Checks that are run: a lab's checks.py, a student's files → verdicts."""

from labs.judging.load import Checks, line_and_error, load, load_module
from labs.judging.run import judged, judged_by, parameters, student_of
from labs.judging.verdict import Verdict, points

__all__ = [
    "Checks",
    "Verdict",
    "judged",
    "judged_by",
    "line_and_error",
    "load",
    "load_module",
    "parameters",
    "points",
    "student_of",
]
