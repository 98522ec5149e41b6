"""Saves a picture with its provenance: a line below it, everything in the file's metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from falcon_ctl.report.provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PLAIN, _WARNING = "0.5", "#d55e00"


def save(figure: Figure, path: Path, provenance: Provenance, dpi: int = 120) -> Path:
    """Write a PNG; numbers that are invalid are called so across the top, in colour."""
    line = provenance.line
    figure.text(0.995, 0.002, line, ha="right", va="bottom", fontsize=5, color=_PLAIN)
    if provenance.invalid:
        mark = f"INVALID: {provenance.reason}"
        figure.text(0.5, 0.995, mark, ha="center", va="top", color=_WARNING, weight="bold")
    text = json.dumps(provenance.document())
    figure.savefig(path, dpi=dpi, metadata={"Description": text})
    return path
