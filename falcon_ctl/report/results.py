"""The folder of a run: report, captures, picture."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from falcon_ctl import files
from falcon_ctl.capture import pcapng
from falcon_ctl.capture.pcapng import Packet
from falcon_ctl.report import plot
from falcon_ctl.report.document import Report, as_json


def write(
    parent: Path,
    report: Report,
    captures: Mapping[tuple[str, str], Sequence[Packet]],
    beside: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write `parent`/<time>/ of a main job. Raises OSError when it cannot be made.

    `beside`: further files, name → content.
    """

    def fill(folder: Path) -> None:
        _fill(folder, report, captures)
        for name, content in beside.items():
            (folder / name).write_text(content)

    return make(parent, fill)


def make(parent: Path, fill: Callable[[Path], None]) -> Path:
    """Make `parent`/<time>/ with what `fill` writes; it gets this name when it is complete.

    The second one of a second is called `parent`/<time>-2/, and so on.

    Raises:
        OSError: the folder cannot be made or filled; then nothing is left of it.
    """
    files.make_folder(parent)
    draft = Path(tempfile.mkdtemp(dir=parent, prefix=".draft-"))
    try:
        fill(draft)
        mask = os.umask(0o077)
        os.umask(mask)
        draft.chmod(0o777 & ~mask)
        files.give(draft)
        return _named(draft, parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _named(draft: Path, parent: Path) -> Path:
    """Give a folder the first free name of this second."""
    now = time.strftime("%Y-%m-%dT%H-%M-%S")
    for number in itertools.count(1):
        path = parent / (now if number == 1 else f"{now}-{number}")
        if not os.path.lexists(path):
            try:
                return draft.rename(path)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                    raise  # otherwise another process has just taken the name
    raise AssertionError("numbers do not end")


def _fill(
    folder: Path, report: Report, captures: Mapping[tuple[str, str], Sequence[Packet]]
) -> None:
    (folder / "report.json").write_text(as_json(report.document(full=True)))
    provenance = report.provenance
    # The captures are of the frames that find the flows' stages.
    marks = [f"INVALID: {m.invalid}" for m in report.live if m.load == "discovery" and m.invalid]
    comment = " | ".join((*marks, provenance.line))
    for (name, description), packets in captures.items():
        pcapng.write(folder / f"{name}.pcapng", name, description, packets, comment)
    subtitle = f"{report.topology}, {report.target} {report.version}"
    plot.draw(folder / "figures.png", report.live, subtitle, provenance)
