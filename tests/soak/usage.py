"""Memory, descriptors and threads of processes, from proc(5)."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Usage(NamedTuple):
    """KiB of memory, numbers of the rest.

    `pss`: shared pages divided by their users, so that a sum means something; `private`: without
    shared pages, so that other processes have no influence on it.
    """

    rss: int
    pss: int
    private: int
    descriptors: int
    threads: int


def usage(pid: int) -> Usage | None:
    """Of one process; None when it is gone."""
    folder = Path("/proc") / str(pid)
    with contextlib.suppress(OSError, KeyError):
        rollup = _fields(folder / "smaps_rollup")
        threads = _fields(folder / "status")["Threads"]
        descriptors = sum(1 for _ in (folder / "fd").iterdir())
        private = _kib(rollup["Private_Clean"]) + _kib(rollup["Private_Dirty"])
        memory = _kib(rollup["Rss"]), _kib(rollup["Pss"]), private
        return Usage(*memory, descriptors, int(threads))
    return None


def all_usage(pids: Mapping[str, int]) -> dict[str, Usage]:
    """Of several processes by name; those that are gone are left out."""
    found = {name: usage(pid) for name, pid in pids.items()}
    return {name: one for name, one in found.items() if one is not None}


def _fields(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _kib(text: str) -> int:
    return int(text.split()[0])
