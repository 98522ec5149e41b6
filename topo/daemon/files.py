"""Which of the machine's files the containers of a network see."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from topo.container.view import PRIVATE, Files
from topo.system.python import PACKAGES


def seen_by_containers(run_dir: Path, writable: Sequence[str] = ()) -> Files:
    """What stays visible, what may be written, and what is hidden: the run directory."""
    shown = [PACKAGES, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve()]
    if "SUDO_UID" not in os.environ:  # else it may be root's, and the containers are the caller's
        shown.append(Path(os.environ.get("HOME", "/")))
    return Files(
        shown=sorted({str(path.resolve()) for path in shown if _can_be_shown(path.resolve())}),
        writable=sorted(writable),
        hidden=[str(run_dir.resolve())],
    )


def _can_be_shown(path: Path) -> bool:
    """Whether a directory exists and has no private one below it, which must stay private."""
    return path.exists() and not any(Path(private).is_relative_to(path) for private in PRIVATE)
