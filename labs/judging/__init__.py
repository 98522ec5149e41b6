"""Checks that are run: a lab's checks.py, a student's files → verdicts."""

from labs.judging.load import Checks, load
from labs.judging.run import judged, parameters
from labs.judging.verdict import Verdict, points

__all__ = ["Checks", "Verdict", "judged", "load", "parameters", "points"]
