"""Translate process numbers of the daemon's PID namespace to ours.

The daemon runs in a PID namespace with its own /proc, so its process numbers mean nothing outside.
``NSpid`` in /proc/<pid>/status lists the number of a process in each of its PID namespaces, ours
first (Documentation/filesystems/proc.rst).
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process: its number here, its parent's, and its number in each of its namespaces."""

    pid: int
    ppid: int
    nspids: tuple[int, ...]


def parse_status(text: str) -> Process:
    """Parse /proc/<pid>/status."""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    nspids = tuple(int(field) for field in fields.get("NSpid", fields["Pid"]).split())
    return Process(int(fields["Pid"]), int(fields["PPid"]), nspids)


def processes() -> Iterator[Process]:
    """Yield every process in our /proc."""
    for path in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended in the meantime
            yield parse_status(path.read_text())


def init_of(daemon: int) -> int | None:
    """The number here of process 1 of the daemon's namespace, the parent of the daemon."""
    process = _process(daemon)
    return process.ppid if process else None


def translation(daemon: int) -> dict[int, int]:
    """Map the process numbers inside the PID namespace of process `daemon` to ours.

    Processes in PID namespaces below the daemon's are included, by their number in the daemon's.
    """
    first = _process(daemon)
    if first is None:
        return {}
    level = len(first.nspids) - 1
    family = {first.ppid}
    inside: dict[int, int] = {}
    every = sorted(processes())
    while True:  # add children of known members until there are no more
        more = {p.pid: p.nspids[level] for p in every if p.ppid in family and p.pid not in inside}
        if not more:
            return {there: here for here, there in inside.items()}
        inside |= more
        family |= set(more)


def _process(pid: int) -> Process | None:
    try:
        return parse_status(Path(f"/proc/{pid}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None
