"""The comparison for machines: two CSV files and one JSON document."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from falcon_ctl.papers.compare import Level, Ratio, scores
from falcon_ctl.papers.panel import Role
from falcon_ctl.papers.run import Place
from falcon_ctl.report.provenance import Provenance


def levels_csv(levels: Iterable[Level], provenance: Provenance) -> str:
    """Every bar, a line each."""
    return _csv([_level(level) for level in levels], provenance)


def ratios_csv(ratios: Iterable[Ratio], provenance: Provenance) -> str:
    """Every ratio, a line each."""
    return _csv([_ratio(ratio) for ratio in ratios], provenance)


def document(levels: Sequence[Level], ratios: Sequence[Ratio], provenance: Provenance) -> str:
    """Scores, ratios and bars with their provenance, as JSON; what is not modelled is null."""
    found = {
        "scores": {
            role.value: [asdict(score) for score in ones]
            for role in Role
            if (ones := scores(ratios, role))
        },
        "ratios": [_ratio(ratio) for ratio in ratios],
        "bars": [_level(level) for level in levels],
        **provenance.marks,
    }
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def _place(place: Place) -> dict[str, Any]:
    panel, bar, x = place
    return {
        "paper": panel.paper,
        "figure": panel.figure,
        "panel": panel.panel,
        "metric": panel.metric,
        "x": x,
        "system": bar.name,
    }


def _level(level: Level) -> dict[str, Any]:
    place = level.place
    return {
        **_place(place),
        "modelled_as": place.bar.system,
        "unit": level.unit,
        "measured": _rounded(level.measured),
        "reading_error": _rounded(level.error),
        "modelled": _rounded(level.modelled),
        "low": _rounded(level.low),
        "high": _rounded(level.high),
        "reordered_ratio": _rounded(level.reordered),
        "cpu_ns_per_message": _rounded(level.cpu_ns),
        "role": place.panel.role(place.bar, place.x).value,
        "not_modelled": level.why,
    }


def _ratio(ratio: Ratio) -> dict[str, Any]:
    return {
        **_place(ratio.place),
        "over": ratio.place.bar.over,
        "kind": ratio.place.panel.kind,
        "measured": _rounded(ratio.measured),
        "modelled": _rounded(ratio.modelled),
        "error": _rounded(ratio.error),
        "reordered_ratio": _rounded(ratio.reordered),
        "cpu_ratio": _rounded(ratio.cpu),
        "role": ratio.role.value,
        "not_modelled": ratio.why,
    }


def _rounded(value: float | None) -> float | None:
    """Six digits; JSON has no NaN."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def _csv(rows: Sequence[Mapping[str, Any]], provenance: Provenance) -> str:
    text = io.StringIO(newline="")
    origin = provenance.columns
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, [*names, *origin], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, **origin} for row in rows)
    return text.getvalue()
