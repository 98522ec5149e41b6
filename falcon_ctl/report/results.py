"""The folder of a run: report, captures, picture."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from falcon_ctl.capture import pcapng
from falcon_ctl.capture.pcapng import Packet
from falcon_ctl.errors import UsageError
from falcon_ctl.report import plot
from falcon_ctl.report.document import Report


def verify_writable(parent: Path) -> None:
    """Check a folder before the run, so that no result is lost after it.

    Raises:
        UsageError: no folder can be made in `parent`.
    """
    there = next(path for path in (parent, *parent.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"--results {parent}", f"{there} cannot be written", "a folder")


def write(
    parent: Path, report: Report, captures: Mapping[tuple[str, str], Sequence[Packet]]
) -> Path:
    """Write `parent`/<time>/ of a main job. Raises UsageError when it cannot be made."""
    return make(parent, lambda folder: _fill(folder, report, captures))


def make(parent: Path, fill: Callable[[Path], None]) -> Path:
    """Make `parent`/<time>/ with what `fill` writes; it gets this name when it is complete.

    The second one of a second is called `parent`/<time>-2/, and so on.

    Raises:
        UsageError: the folder cannot be made.
    """
    now = time.strftime("%Y-%m-%dT%H-%M-%S")
    names = (now if number == 1 else f"{now}-{number}" for number in itertools.count(1))
    name = next(n for n in names if not any(map(os.path.lexists, (parent / n, _part(parent, n)))))
    part = _part(parent, name)
    try:
        part.mkdir(parents=True)
        fill(part)
        part.rename(parent / name)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise UsageError(f"--results {parent}", error.strerror or str(error), "a folder") from error
    return parent / name


def _part(parent: Path, name: str) -> Path:
    return parent / f".{name}.part"


def _fill(
    folder: Path, report: Report, captures: Mapping[tuple[str, str], Sequence[Packet]]
) -> None:
    full = json.dumps(report.document(full=True), indent=2, allow_nan=False)
    (folder / "report.json").write_text(full + "\n")
    provenance = report.provenance
    for (name, description), packets in captures.items():
        pcapng.write(folder / f"{name}.pcapng", name, description, packets, provenance.line)
    subtitle = f"{report.topology}, {report.target} {report.version}"
    plot.draw(folder / "figures.png", report.live, subtitle, provenance)
