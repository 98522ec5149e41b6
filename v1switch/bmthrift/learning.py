"""Digests for clients of BMv2's notifications: its learn engine, in front of a publisher.

Every learn list of the program is reported, from the start: up to 16 samples, or what came in a
second. A sample that was sent is not sent again until it is acknowledged over Thrift
(bm_sim/learning.cpp).
"""

from __future__ import annotations

import queue
import struct
import threading
from dataclasses import replace
from types import TracebackType

from v1switch.bmthrift.codes import LearnCode, Refused
from v1switch.bmthrift.nanomsg import Publisher
from v1switch.control.dataplane import Dataplane
from v1switch.program.model import LearnList, Program
from v1switch.state.digests import DigestConfig, DigestList, DigestLists
from v1switch.state.entries import DigestSample

SAMPLES, TIMEOUT_NS = 16, 1_000_000_000  # BMv2's for each list
NEVER = 1 << 62  # ns
WAITING = 4096  # samples that wait for their turn; more are lost
CONTEXT = 0
HEADER = struct.Struct("<4sQiiQI")  # learning.h: msg_hdr_t

CONFIG = DigestConfig(max_timeout_ns=TIMEOUT_NS, max_list_size=SAMPLES, ack_timeout_ns=NEVER)


def message(device_id: int, learn: LearnList, finished: DigestList) -> bytes:
    """A notification: its header, then each sample's fields in whole bytes."""
    number, count = finished.list_id - 1, len(finished.messages)
    body = b"".join(
        value.to_bytes((width + 7) // 8, "big")
        for values in finished.messages
        for value, width in zip(values, learn.widths, strict=True)
    )
    return HEADER.pack(b"LEA|", device_id, CONTEXT, learn.id, number, count) + body


class Learning:
    """Reports the digests of a data plane; a context manager: it owns a thread and a socket."""

    def __init__(self, plane: Dataplane, device_id: int, publisher: Publisher) -> None:
        """Report digests of the running program."""
        self.address = publisher.address
        self._plane = plane
        self._device_id = device_id
        self._publisher = publisher
        self._samples: queue.Queue[DigestSample | None] = queue.Queue(WAITING)
        self._lock = threading.Lock()
        self._program: Program | None = None
        self._lists: dict[int, DigestLists] = {}
        self._thread = threading.Thread(target=self._run, name="learning", daemon=True)

    def __enter__(self) -> Learning:  # noqa: PYI034  # typing.Self is of Python 3.11
        """Begin; raises SwitchError."""
        self._publisher.start()
        self._before = self._plane.on_digest
        self._plane.on_digest = self._learn
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """End the thread and close the socket."""
        self._plane.on_digest = self._before
        self._samples.put(None)
        self._thread.join()
        self._publisher.stop()

    # -- what clients ask for ---------------------------------------------------------------------

    def acknowledge(self, list_id: int, buffer_id: int, samples: tuple[int, ...] | None) -> None:
        """Let samples of a buffer be sent again; None: all of them. Raises Refused."""
        with self._lock:
            lists = self._of(list_id)
            if samples is None:
                lists.acknowledge(buffer_id + 1)
            else:
                lists.acknowledge_some(buffer_id + 1, samples)

    def set_timeout(self, list_id: int, timeout_ms: int) -> None:
        """Set how long samples wait for company; 0: until the buffer is full. Raises Refused."""
        with self._lock:
            lists = self._of(list_id)
            ns = timeout_ms * 1_000_000 if timeout_ms > 0 else NEVER
            lists.config = replace(lists.config, max_timeout_ns=ns)

    def set_size(self, list_id: int, samples: int) -> None:
        """Set how many samples make a full buffer. Raises Refused."""
        with self._lock:
            lists = self._of(list_id)
            lists.config = replace(lists.config, max_list_size=max(samples, 1))

    def _of(self, list_id: int) -> DigestLists:
        self._follow()
        if list_id not in self._lists:
            raise Refused(LearnCode.INVALID_LIST_ID)
        return self._lists[list_id]

    # -- samples ----------------------------------------------------------------------------------

    def _learn(self, sample: DigestSample) -> None:
        """Take a sample from the packet loop, which must not wait."""
        if self._before is not None:
            self._before(sample)
        try:
            self._samples.put_nowait(sample)
        except queue.Full:
            return

    def _run(self) -> None:
        while True:
            try:
                sample = self._samples.get(timeout=self._patience())
            except queue.Empty:
                self._advance()
                continue
            if sample is None:
                return
            self._add(sample)

    def _patience(self) -> float | None:
        """Seconds until a buffer is due; None: no buffer has samples."""
        with self._lock:
            found = (lists.next_deadline() for lists in self._lists.values())
            due = min((each for each in found if each is not None), default=NEVER)
        left = due - self._plane.clock()
        return None if left > NEVER // 2 else max(0.0, left / 1e9)

    def _add(self, sample: DigestSample) -> None:
        with self._lock:
            program = self._follow()
            for learn in program.learn_lists.values():
                if learn.name == sample.name and len(learn.widths) == len(sample.values):
                    lists = self._lists[learn.id]
                    finished = lists.learn(sample.values, self._plane.clock())
                    self._send(learn, finished)
        self._advance()

    def _advance(self) -> None:
        """Send the buffers whose time has come."""
        with self._lock:
            program = self._follow()
            for learn in program.learn_lists.values():
                self._send(learn, self._lists[learn.id].advance(self._plane.clock()))

    def _send(self, learn: LearnList, finished: DigestList | None) -> None:
        if finished is not None:
            self._publisher.publish(message(self._device_id, learn, finished))

    def _follow(self) -> Program:
        """Begin afresh when another program runs; returns the running one."""
        program = self._plane.state.program
        if program is not self._program:
            self._program = program
            self._lists = {each: DigestLists(CONFIG) for each in program.learn_lists}
        return program
