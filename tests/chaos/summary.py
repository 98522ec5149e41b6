"""A table of faults by kind: how many, how many broke a promise, and how long things took."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any

_COLUMNS = ("fault", "phase", "faults", "broken", "job ended after, s", "make topo, s")


def table(records: Sequence[dict[str, Any]]) -> str:
    """Markdown; times are median and longest."""
    kinds: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        kinds[record["fault"], record["phase"]].append(record)
    rows = [_COLUMNS, tuple("-" * len(name) for name in _COLUMNS)]
    for (fault, phase), found in sorted(kinds.items()):
        broken = sum(bool(record["problems"]) for record in found)
        jobs = [r["job"]["after_fault"] for r in found if r["job"].get("was_running")]
        ups = [record["up"]["seconds"] for record in found if record["up"]]
        rows.append((fault, phase, str(len(found)), str(broken), _times(jobs), _times(ups)))
    widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def _times(values: Sequence[float]) -> str:
    return f"{median(values):.1f}, {max(values):.1f}" if values else "-"
