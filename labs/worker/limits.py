"""Limits of the worker: processor time of each request, and what the system bounds.

A time limit is one of processor time, so that a verdict does not depend on what else a machine
does; the checker has one of real time besides, for what sleeps or does not return to Python.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

CALL_SECONDS = 10  # processor time of a call
MOST_ANSWER = 16 * 2**20  # bytes of what a function returns
MOST_FILE = 64 * 2**20  # bytes of a file that it writes
MOST_MEMORY = 6 * 2**30  # bytes of address space: LLVM and BLAS reserve far more than they use


class TimeIsUp(BaseException):
    """Raised in the student's code; no Exception, so that ``except Exception`` lets it pass."""


def bound() -> None:
    """Bound the process, as far as the system knows how."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, MOST_FILE)]
    if sys.platform == "linux":  # macOS refuses it
        limits.append((resource.RLIMIT_AS, MOST_MEMORY))
    for kind, most in limits:
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, hard))
    if hasattr(signal, "SIGXFSZ"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write fails, with an error that says why


@contextlib.contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """Raise `TimeIsUp` in the block when it used that much processor time."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGPROF, _time_is_up)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1)  # again, when it was caught
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _time_is_up(_number: int, _frame: FrameType | None) -> NoReturn:
    raise TimeIsUp
