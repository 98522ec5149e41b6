"""The timeline of a sweep's points: each of them once more, recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from falcon_ctl.errors import UsageError
from falcon_ctl.sweeps.points import Point
from falcon_ctl.systems.system import System
from falcon_ctl.timeline import of_runs, trace_file
from falcon_ctl.timeline.model import Timeline
from falcon_ctl.timeline.of_runs import Shown

MOST_POINTS = 32  # of a timeline: more are no picture


def verify(path: Path, rows: Sequence[int], count: int) -> list[int]:
    """Check before a sweep of `count` points that its trace can be made.

    Returns:
        The places of the points that are traced: of `rows`, numbered from 1, or all.

    Raises:
        UsageError: there are too many, or one does not exist, or the file cannot be written.
    """
    trace_file.verify(path)
    for row in rows:
        if row > count:
            raise UsageError(f"--point {row}", f"the table has {count} rows", "a row of it")
    chosen = [row - 1 for row in rows] or [*range(count)]
    if len(chosen) > MOST_POINTS:
        what = f"at most {MOST_POINTS}; --point N chooses rows of the table"
        raise UsageError(f"--trace {path}", f"{len(chosen)} points", what)
    return chosen


def timeline(title: str, points: Sequence[Point], systems: Mapping[str, System]) -> Timeline:
    """The timeline of all points, each on tracks that are named by what tells it from others."""
    columns = [point.columns() for point in points]
    varied = [key for key in columns[0] if len({str(one[key]) for one in columns}) > 1]
    names = (", ".join(f"{key} {values[key]}" for key in varied) for values in columns)
    runs = [
        Shown(systems[point.system], point.load(), point.seed, name or point.system)
        for point, name in zip(points, names, strict=True)
    ]
    return of_runs.timeline(title, runs)
