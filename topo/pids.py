"""Translate process numbers of the daemon's PID namespace to ours.

The daemon lives in a PID namespace with a /proc of its own, so the numbers that it knows mean
nothing outside. /proc/<pid>/status shows a process's number in each namespace that it is in, ours
first (``NSpid``, Documentation/filesystems/proc.rst).
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process as seen from here: its number, its parent's, and its number in each namespace."""

    pid: int
    ppid: int
    nspids: tuple[int, ...]


def parse_status(text: str) -> Process:
    """Parse /proc/<pid>/status."""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    nspids = tuple(int(field) for field in fields.get("NSpid", fields["Pid"]).split())
    return Process(int(fields["Pid"]), int(fields["PPid"]), nspids)


def processes() -> Iterator[Process]:
    """Yield every process that /proc shows us."""
    for path in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended while we looked
            yield parse_status(path.read_text())


def init_of(daemon: int) -> int | None:
    """Our number of process 1 of the daemon's namespace, which is the daemon's parent."""
    try:
        return parse_status(Path(f"/proc/{daemon}/status").read_text()).ppid
    except (FileNotFoundError, ProcessLookupError):
        return None


def translation(daemon: int) -> dict[int, int]:
    """Map the numbers inside the namespace of `daemon` (our number of it) to ours."""
    init = init_of(daemon)
    family = {init} if init else set()
    inside: dict[int, int] = {}
    every = sorted(processes())
    while True:  # children of what is already known to be inside, until there are no more
        more = {p.pid: p.nspids[-1] for p in every if p.ppid in family and p.pid not in inside}
        if not more:
            return {there: here for here, there in inside.items()}
        inside |= more
        family |= set(more)
