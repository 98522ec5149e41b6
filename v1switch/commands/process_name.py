"""The name of this process, as ps, pkill and killall see it."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

COMM = Path("/proc/self/comm")  # the kernel keeps 15 characters of it
START, END = 48 - 3, 49 - 3  # arg_start and arg_end of proc(5), stat, after "pid (comm)"


def set_name(name: str) -> None:
    """Give the process a name instead of the interpreter's, in its comm and its command line.

    The command line is what the kernel placed on the stack when the process began; it is written
    over, shorter than it was. Where /proc is not there the process keeps its old names.
    """
    with contextlib.suppress(OSError):
        COMM.write_text(name[:15])
    with contextlib.suppress(OSError, ValueError, IndexError):
        _write_arguments(name)


def _write_arguments(name: str) -> None:
    import ctypes  # only where a process is renamed

    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(stat[START]), int(stat[END])
    before = Path("/proc/self/cmdline").read_bytes()
    words = [name, *sys.argv[1:]]
    after = b"\0".join(word.encode("utf-8", "surrogateescape") for word in words) + b"\0"
    if start <= 0 or len(before) != end - start or len(after) > len(before):
        return
    ctypes.memmove(start, after.ljust(len(before), b"\0"), len(before))
