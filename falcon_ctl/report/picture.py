"""Saves a picture with its provenance: a line below it, everything in the file's metadata."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from falcon_ctl.report.provenance import Provenance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PLAIN, _WARNING = "0.5", "#d55e00"


def save(figure: Figure, path: Path, provenance: Provenance, dpi: int = 120) -> Path:
    """Write a PNG; numbers that are invalid are called so across the top, in colour."""
    path.write_bytes(rendered(figure, "png", provenance, dpi))
    return path


def rendered(
    figure: Figure, form: str, provenance: Provenance | None = None, dpi: int = 120
) -> bytes:
    """A picture's file, "png" or "svg", as `save` writes it; without `provenance` it has none."""
    metadata: dict[str, str | None] = {"Date": None} if form == "svg" else {}
    if provenance is not None:
        line = provenance.line
        figure.text(0.995, 0.002, line, ha="right", va="bottom", fontsize=5, color=_PLAIN)
        metadata["Description"] = json.dumps(provenance.document())
        if provenance.invalid:
            mark = f"INVALID: {provenance.reason}"
            figure.text(0.5, 0.995, mark, ha="center", va="top", color=_WARNING, weight="bold")
    out = io.BytesIO()
    figure.savefig(out, format=form, dpi=dpi, metadata=metadata)
    return out.getvalue()
