"""What counts as a finding: an unexpected exception, an input that takes too long, memory that
grows. One input at a time goes through `Watch.run`.
"""

import ctypes
import gc
import os
import resource
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

SECONDS = 10.0  # of this process's time for one input; usual ones take milliseconds
WAITING = 60.0  # for one input by the clock: the machine may be busy, or the input waits forever
WARM_UP = 0.25  # share of the inputs after which memory is expected to be constant
BLOCKS_AN_INPUT = 0.1  # objects that may stay for each further input: far fewer than one
RSS_BYTES = 32 << 20  # what the process may grow by, for blocks too large for Python's allocator
PAGE = resource.getpagesize()
LIBC = ctypes.CDLL(None)

Target = Callable[[bytes], str]
"""Processes one input and returns a word for its outcome; any exception is a finding."""


class Hang(BaseException):
    """An input took too long. A BaseException, so that no `except Exception` swallows it."""


class Leak(Exception):
    """Memory grew after the warm-up."""


def _too_long(number: int, _frame: FrameType | None) -> None:
    limit = SECONDS if number == signal.SIGPROF else WAITING
    raise Hang(f"no answer within {limit:g} s")


TIMERS = (  # which clock, its signal, its limit
    (signal.ITIMER_PROF, signal.SIGPROF, SECONDS),
    (signal.ITIMER_REAL, signal.SIGALRM, WAITING),
)


@contextmanager
def deadline() -> Iterator[None]:
    """Raise Hang inside when it takes too long."""
    before = [signal.signal(number, _too_long) for _, number, _ in TIMERS]
    for clock, _, limit in TIMERS:
        signal.setitimer(clock, limit)
    try:
        yield
    finally:
        for (clock, number, _), handler in zip(TIMERS, before, strict=True):
            signal.setitimer(clock, 0)
            signal.signal(number, handler)


@dataclass
class Level:
    """Memory in use: Python's small objects, counted, and the process as a whole."""

    inputs: int
    blocks: int
    rss: int

    @classmethod
    def now(cls, inputs: int) -> "Level":
        """Measure, without garbage and without what malloc(3) keeps for later."""
        gc.collect()
        if hasattr(LIBC, "malloc_trim"):  # glibc has it, musl has not
            LIBC.malloc_trim(0)
        rss = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
        return cls(inputs, sys.getallocatedblocks(), rss)


@dataclass
class Watch:
    """Runs inputs through a target and keeps account.

    Attributes:
        target: what the inputs are for.
        last: the current input, or the last one, which reproduces a finding.
        outcomes: number of inputs with each outcome.
    """

    target: Target
    last: bytes = b""
    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    warm: Level | None = None

    def run(self, data: bytes) -> None:
        """Run one input; raises what the target raises, or Hang."""
        self.last = data
        self.inputs += 1
        with deadline():
            self.outcomes[self.target(data)] += 1

    def settle(self) -> None:
        """Take the level that later ones are compared with: the warm-up is over."""
        self.warm = Level.now(self.inputs)

    def check_memory(self) -> str:
        """Compare with the level after the warm-up.

        Raises:
            Leak: more than fewer than one object stays for each input, or the process grew.
        """
        assert self.warm is not None, "settle() comes first"
        now = Level.now(self.inputs)
        blocks, rss = now.blocks - self.warm.blocks, now.rss - self.warm.rss
        count = max(1, now.inputs - self.warm.inputs)
        shown = f"{blocks:+d} objects, {rss / (1 << 20):+.1f} MiB in {count} inputs"
        if blocks > 4000 + BLOCKS_AN_INPUT * count or rss > RSS_BYTES:
            raise Leak(f"memory grew by {shown}")
        return shown


def signature(error: BaseException) -> tuple[str, str]:
    """What makes two findings the same: the exception's class and the place that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f"{os.sep}v1switch{os.sep}" in f.filename] or frames
    return type(error).__name__, f"{ours[-1].filename}:{ours[-1].name}" if ours else ""


def shrink(target: Target, data: bytes, budget: int = 400) -> bytes:
    """Cut an input down while it shows the same finding, by ever smaller pieces."""
    wanted, size = _finding(target, data), max(1, len(data) // 2)
    while size and budget > 0:
        at = 0
        while at < len(data) and budget > 0:
            budget -= 1
            shorter = data[:at] + data[at + size :]
            if wanted == _finding(target, shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data


def _finding(target: Target, data: bytes) -> tuple[str, str] | None:
    try:
        Watch(target).run(data)
    except BaseException as error:  # noqa: BLE001  # findings are of any class
        return signature(error)
    return None
