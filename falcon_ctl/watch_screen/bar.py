"""A bar of a CPU's load, a letter of the stage in each cell. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from falcon_ctl.watch_screen.spans import Row, Span, row
from falcon_ctl.watch_screen.stages import STAGES

IDLE, MARK = "·", "|"


def bar(shares: Mapping[str, float], width: int, threshold: float | None = None) -> Row:
    """The shares (0 to 1) of `width` cells, stage by stage; the threshold where nothing covers it.

    A stage's cells are those whose middle its share covers, so that rounding moves no boundary by
    more than half a cell and the whole is as long as the sum.
    """
    spans, end, total = [], 0, 0.0
    for name, stage in STAGES.items():
        total += shares.get(name, 0.0)
        begin, end = end, max(end, min(width, round(total * width)))
        if end > begin:
            spans.append(Span(stage.letter * (end - begin), stage.style))
    if threshold is None or (mark := min(width - 1, int(threshold * width))) < end:
        return row(*spans, Span(IDLE * (width - end), "idle"))
    before, behind = IDLE * (mark - end), IDLE * (width - mark - 1)
    return row(*spans, Span(before, "idle"), Span(MARK, "mark"), Span(behind, "idle"))
