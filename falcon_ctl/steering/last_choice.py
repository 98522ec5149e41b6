"""The last choice that was applied to a network: a file in its run directory."""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from falcon_ctl.errors import UsageError
from falcon_ctl.steering.choice import Choice

NAME = "ctl.json"  # `topo.rundir` removes it
_FORMAT = 1


@dataclass(frozen=True)
class Remembered:
    """The choice, and when it was made (wall ns)."""

    choice: Choice
    since_ns: int


def recall(run_dir: Path) -> Remembered | None:
    """The last choice for the network of `run_dir`; None when there is no readable one."""
    try:
        raw = json.loads((run_dir / NAME).read_text())
        if raw["format"] != _FORMAT:
            return None
        return Remembered(Choice.from_json(raw["choice"]), int(raw["since_ns"]))
    except (OSError, ValueError, LookupError, TypeError, UsageError):
        return None  # hosts say what they run


def remember(run_dir: Path, choice: Choice) -> None:
    """Store `choice` as the last one of the network of `run_dir`; a full disk is no error."""
    content = {
        "format": _FORMAT,
        "choice": choice.to_json(),
        "since_ns": time.time_ns(),
    }
    with suppress(OSError):
        _replace(run_dir / NAME, json.dumps(content))


def _replace(path: Path, text: str) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".ctl-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
