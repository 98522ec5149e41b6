"""Arguments, state and age of a process, from /proc (proc_pid_stat(5))."""

import os
import time
from pathlib import Path

START = 19  # of the fields after the command's name


def arguments(pid: int) -> list[bytes]:
    """The argument list of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped by a signal."""
    return _stat(pid)[:1] == ["T"]


def age(pid: int) -> float:
    """Seconds since a process was started, 0 when it has ended."""
    fields = _stat(pid)
    if not fields:
        return 0.0
    started = int(fields[START]) / os.sysconf("SC_CLK_TCK")
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name; empty when the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
