"""Explanations in the log of a running switch."""

from __future__ import annotations

import logging

from v1switch.explain.engine import TracingEngine
from v1switch.explain.events import Explanation
from v1switch.explain.filters import parse
from v1switch.explain.text import TextView
from v1switch.program.model import Program

log = logging.getLogger("v1switch")


def logging_engine(wanted: str | None) -> TracingEngine:
    """An engine that logs an explanation of the frames that match a filter (None: of all).

    Raises:
        FilterError: the filter is not well formed.
    """
    return TracingEngine(_Log(), None if wanted is None else parse(wanted))


class _Log:
    """Logs each line of an explanation as a record of its own, so that each has a time."""

    def __init__(self) -> None:
        self._views: dict[int, TextView] = {}
        self._number = 0

    def __call__(self, program: Program, explanation: Explanation) -> None:
        view = self._views.get(id(program))
        if view is None or view.program is not program:
            view = TextView(program)
            self._views = {id(program): view}
        self._number += 1
        for line in view.lines(explanation, f"frame {self._number}"):
            log.info("%s", line)
