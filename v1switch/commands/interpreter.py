"""Settings of Python's interpreter that keep frames from waiting for other threads.

One thread of Python runs at a time. The packet loop asks for its turn after each system call, and
gets it when the running thread has had its interval, or when that calls something that waits. A
collection of cyclic garbage gives no turns: with a million objects it takes a good part of a
second.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TURN_S = 0.0005  # Python's default is ten times as long
NEVER = 1 << 30  # collections
YOUNG, OLDER = 700, 10  # Python's defaults: these take a millisecond at most
OLD = 2  # the generation of objects that have survived both
FEW = 8  # collections of older objects since the last look: each leaves 7,000 objects at most
INTERVAL_S = 10.0  # between two looks at the old objects


@contextmanager
def short_turns() -> Iterator[None]:
    """Inside, no thread of Python keeps the others waiting for long."""
    sys.setswitchinterval(TURN_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, NEVER)
    end = threading.Event()
    thread = threading.Thread(target=_tidy_often, args=(end,), name="collector", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _tidy_often(end: threading.Event) -> None:
    while not end.wait(INTERVAL_S):
        tidy()


def tidy() -> None:
    """Collect the garbage among old objects, unless there are so many that it would take long.

    Many are then left out for good: a program, its entries, or a large request under way. They
    are freed when nothing refers to them, as most objects are; only garbage in cycles that was
    among them stays.
    """
    if gc.get_count()[OLD] < FEW:  # how often `OLDER` was reached since the last one, or freeze
        gc.collect()
    else:
        gc.freeze()
