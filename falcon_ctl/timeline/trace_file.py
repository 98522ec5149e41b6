"""The file of `--trace`: its ending says what it is."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from falcon_ctl import files
from falcon_ctl.errors import UsageError
from falcon_ctl.report.provenance import Provenance
from falcon_ctl.timeline import perfetto
from falcon_ctl.timeline.as_json import as_json
from falcon_ctl.timeline.model import Timeline

PERFETTO = (".perfetto-trace", ".pftrace")
PICTURES = (".png", ".svg")
JSON = ".json"
ENDINGS = (*PERFETTO, *PICTURES, JSON)
_MANY = 1_000_000  # slices of the JSON form in a file


def verify(path: Path, option: str = "--trace") -> None:
    """Check before a run that its trace can be written after it.

    Raises:
        UsageError: the ending is none of `ENDINGS`, or the file cannot be written.
    """
    if path.suffix not in ENDINGS:
        raise UsageError(f"{option} {path}", "unknown ending", f"one of {', '.join(ENDINGS)}")
    files.verify_target(f"{option} {path}", path)


def content(path: Path, timeline: Timeline, provenance: Provenance | None = None) -> bytes:
    """The timeline in the form that the file's ending asks for."""
    if path.suffix in PICTURES:
        from falcon_ctl.timeline import drawing  # a trace need not wait for matplotlib

        return drawing.picture(timeline, path.suffix[1:], provenance)
    if path.suffix == JSON:
        return json.dumps(as_json(timeline, _MANY)).encode()
    return perfetto.trace(timeline)


def write(
    console: Console, path: Path, timeline: Timeline, provenance: Provenance | None = None
) -> None:
    """Write the trace, and say where it is and what of it is sampled.

    Raises:
        OSError: it cannot be written.
    """
    if provenance is not None:
        timeline.about = {**timeline.about, "provenance": provenance.line}
    files.replace(path, content(path, timeline, provenance))
    how = " (open it in Perfetto: ui.perfetto.dev)" if path.suffix in PERFETTO else ""
    packets, slices = len(timeline.packets), len(timeline.slices)
    console.print(
        f"{path}: {slices:,} slices of {packets:,} packets{how}", markup=False, soft_wrap=True
    )
    if timeline.note:
        console.print(f"  {timeline.note}", markup=False, soft_wrap=True)
