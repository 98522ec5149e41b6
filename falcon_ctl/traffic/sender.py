"""Sends prepared frames at absolute deadlines, and reports how late it was."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.traffic import payload
from falcon_ctl.traffic.flows import Template
from falcon_ctl.traffic.schedule import Offsets

LAG_BUDGET_NS = 30_000_000
_GAP_NS = 120_000  # no faster than this when behind: a burst would overrun a switch's queues
_SWITCH_SECONDS = 0.0005  # a tenth of Python's default
_NICER = 10  # steps of nice(2)
_SPIN_NS = 80_000  # a sleeping thread wakes later than this; below it the thread only yields


@dataclass(frozen=True)
class Sent:
    """What a sender did: frames per flow, first and last send (wall ns), lag behind schedule."""

    per_flow: tuple[int, ...]
    refused: int
    start_ns: int
    end_ns: int
    lag_p99_ns: int
    lag_max_ns: int

    @property
    def total(self) -> int:
        """Frames that the kernel took."""
        return sum(self.per_flow)

    @property
    def lateness(self) -> str:
        """How far the schedule was missed; "" when 99 of 100 frames were within the budget."""
        if self.lag_p99_ns <= LAG_BUDGET_NS:
            return ""
        return f"sender: p99 {self.lag_p99_ns / 1e6:.0f} ms, budget {LAG_BUDGET_NS / 1e6:.0f} ms"


@dataclass
class Sender:
    """Frames of many flows on their sockets, in one schedule.

    Args of `run`: `offsets` [n] ns from the start, `flows` [n] index into `templates`.
    """

    templates: Sequence[Template]
    sockets: Sequence[socket.socket]
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, offsets: Offsets, flows: NDArray[np.int64]) -> Sent:
        """Send everything (or until `stop` is set); blocks as long as the schedule takes."""
        with undisturbed():
            return self._run(offsets, flows)

    def _run(self, offsets: Offsets, flows: NDArray[np.int64]) -> Sent:
        frames = [bytearray(template.frame) for template in self.templates]
        at = [template.payload_offset for template in self.templates]
        ids = [template.flow.id for template in self.templates]
        counts, refused = [0] * len(frames), 0
        lags = np.zeros(len(offsets), np.int64)
        start = now = time.time_ns() + 1_000_000
        for index, (offset, flow) in enumerate(zip(offsets.tolist(), flows.tolist(), strict=True)):
            if self.stop.is_set():
                lags = lags[:index]
                break
            now = wait_until(max(start + offset, now + _GAP_NS))
            lags[index] = now - start - offset
            payload.write(frames[flow], at[flow], payload.Stamp(ids[flow], counts[flow], now))
            try:
                self.sockets[flow].send(frames[flow])
                counts[flow] += 1
            except (BlockingIOError, OSError):
                refused += 1
        p99, worst = (int(np.quantile(lags, 0.99)), int(lags.max())) if len(lags) else (0, 0)
        return Sent(tuple(counts), refused, start, time.time_ns(), p99, worst)


def send_frames(
    sock: socket.socket, frames: Sequence[bytes], offsets: Offsets, stop: threading.Event
) -> int:
    """Send each frame as it is at its offset (ns from now); returns how many the kernel took."""
    taken = 0
    with undisturbed():
        start = time.time_ns()
        for frame, offset in zip(frames, offsets.tolist(), strict=True):
            if stop.is_set():
                break
            wait_until(start + offset)
            taken += sock.send(frame) == len(frame)
    return taken


@contextmanager
def undisturbed() -> Iterator[None]:
    """Disable the garbage collector, and raise this thread's priority where that is allowed."""
    interval, collects = sys.getswitchinterval(), gc.isenabled()
    thread = threading.get_native_id()
    usual = os.getpriority(os.PRIO_PROCESS, thread)
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.disable()
    with suppress(PermissionError):  # it takes CAP_SYS_NICE
        os.setpriority(os.PRIO_PROCESS, thread, usual - _NICER)
    try:
        yield
    finally:
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, thread, usual)
        sys.setswitchinterval(interval)
        if collects:
            gc.enable()


def wait_until(deadline_ns: int) -> int:
    """Sleep until the wall clock shows `deadline_ns`; return the time then."""
    while (left := deadline_ns - (now := time.time_ns())) > 0:
        time.sleep(max(0, left - _SPIN_NS) / 1e9)
    return now
