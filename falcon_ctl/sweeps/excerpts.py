"""Single packets of two points of a sweep for its page: the first, and the one furthest from it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from falcon_ctl.html_report import excerpt, virtual_excerpt
from falcon_ctl.html_report.virtual_excerpt import shortened
from falcon_ctl.sweeps.points import Point
from falcon_ctl.sweeps.work import Row
from falcon_ctl.systems.system import System
from falcon_ctl.timeline import from_virtual


def frames(points: Sequence[Point], rows: Sequence[Row], systems: Mapping[str, System]) -> str:
    """`frames.json` of the chosen points, each of which runs once more, recorded."""
    columns = [point.columns() for point in points]
    varied = [key for key in columns[0] if len({str(one[key]) for one in columns}) > 1]
    runs = []
    for place, why in chosen(points, rows).items():
        point = points[place]
        values = ", ".join(f"{key} {columns[place][key]}" for key in varied) or point.system
        label = f"row {place + 1}, {why}: {values}"
        runs.append(_excerpt(label, point, systems[point.system]))
    return json.dumps(excerpt.document(runs), separators=(",", ":"), allow_nan=False) + "\n"


def chosen(points: Sequence[Point], rows: Sequence[Row]) -> dict[int, str]:
    """Place of a point → why it is shown; of each protocol the base and the extreme.

    The base is the first that has a rate, the extreme the one with the rate furthest from it, as a
    ratio; none where all are the same.
    """
    found: dict[int, str] = {}
    rates = [row.get("pps") or 0.0 for row in rows]
    for proto in dict.fromkeys(point.proto for point in points):
        mine = [i for i, point in enumerate(points) if point.proto == proto and rates[i] > 0]
        if not mine:
            continue
        base = mine[0]
        found[base] = "the base"
        ratios = {i: rates[i] / rates[base] for i in mine}
        furthest = max(mine, key=lambda i: (abs(math.log(ratios[i])), -i))
        if ratios[furthest] != 1.0:
            found[furthest] = f"the extreme, {ratios[furthest]:.2f} times its rate"
    return found


def _excerpt(label: str, point: Point, system: System) -> dict[str, Any]:
    found = from_virtual.recorded(system, shortened(point.load()), point.seed, label)
    return virtual_excerpt.of_recorded(label, system.profile, point.proto, found)
