"""SIGINT and SIGTERM end a command within a second, whatever its main thread is doing.

Python runs a handler between two instructions of its main thread, so compiled code that takes long,
or a steering policy that never returns, would keep it waiting. The C part of every handler runs at
once and writes the signal's number to a descriptor (`signal.set_wakeup_fd`). A thread reads it and
ends the process when the main thread takes no note in time; compiled code runs without Python's
lock, so this thread can always run.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

GRACE = 0.6  # s, until the main thread has to take note
LIMIT = 0.95  # s, for all: also for what it does then, such as setting the hosts' knobs back
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Ending:
    """What has come of the signals; made by `ending`.

    Attributes:
        number: the first signal that came, 0 before.
    """

    def __init__(self) -> None:
        self.number = 0
        self._noted = threading.Event()

    def note(self, number: int, _frame: FrameType | None = None) -> None:
        """Take note of a signal in the main thread: the process is left to end by itself."""
        self.number = self.number or number
        self._noted.set()

    def interrupt(self, number: int, frame: FrameType | None = None) -> None:
        """As `note`, and raise KeyboardInterrupt there."""
        self.note(number, frame)
        raise KeyboardInterrupt

    def leave(self) -> None:
        """End the process if a signal came, without waiting for threads that still compute."""
        if self.number:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(128 + self.number)

    def _watch(self, read: int, program: str, relay: Callable[[], object]) -> None:
        """Wait for a signal, then for the end of the process."""
        number = _next(read, None)
        if not number:
            return
        end = time.monotonic() + LIMIT
        relay()
        if self._noted.wait(GRACE) and _next(read, max(0.0, end - time.monotonic())) == 0:
            return  # the block has ended
        os.write(2, f"{program}: ended by {signal.Signals(number).name}\n".encode())
        os._exit(128 + number)


def _next(read: int, timeout: float | None) -> int:
    """The next SIGINT or SIGTERM; 0 when there are no more, -1 after `timeout` s."""
    while select.select([read], [], [], timeout)[0]:
        data = os.read(read, 1)
        if not data:
            return 0
        if data[0] in SIGNALS:
            return data[0]
    return -1


@contextmanager
def ending(
    program: str, *, raises: bool = True, relay: Callable[[], object] = lambda: None
) -> Iterator[Ending]:
    """Handle both signals while the block runs; only the main thread may.

    Args:
        program: its name, for the message when the process has to be ended.
        raises: whether the main thread gets a KeyboardInterrupt, or only `Ending.number`.
        relay: called in another thread as soon as a signal comes.
    """
    state = Ending()
    read, write = os.pipe()
    os.set_blocking(write, False)
    handler = state.interrupt if raises else state.note
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    woken = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    watch = threading.Thread(
        target=state._watch, args=(read, program, relay), name="signals", daemon=True
    )
    watch.start()
    try:
        yield state
    finally:
        signal.set_wakeup_fd(woken)
        for number, was in before.items():
            signal.signal(number, was)
        os.close(write)  # which ends the thread
        watch.join()
        os.close(read)
