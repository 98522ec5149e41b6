"""The compiled loop's sockets and buffers, and what it hands back."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Frame
from v1switch.engines.native import loop_memory as lm
from v1switch.engines.native.compile import loop_functions
from v1switch.engines.native.engine import Native
from v1switch.engines.native.sockets import Ports, Receiver, Sender
from v1switch.engines.native.working_memory import MAX_FRAMES
from v1switch.io.offload import Notes
from v1switch.io.ports import Port
from v1switch.state.words import address, zeros

_PR_SET_TIMERSLACK = 29  # uapi linux/prctl.h
_TIMER_SLACK_NS = 1_000  # the default is as long as the loop's own pauses


class Carrier:
    """Sockets and buffers of the compiled loop, for one switch."""

    def __init__(self, dataplane: Dataplane, ports: Sequence[Port], wake: int) -> None:
        """Lay everything out; `wake` is the descriptor that interrupts the loop."""
        self.receiver, self._sender = Receiver(), Sender(MAX_FRAMES)
        self.ports = Ports(wake, ports)
        self._of_number = {port.number: port for port in ports}
        self._in_order = list(ports)
        self._functions = loop_functions()
        self.words = zeros(lm.LOOP_WORDS)
        self._offloaded = zeros(len(ports) or 1)
        self.reason = lm.IDLE
        values = {
            lm.MESSAGES: self.receiver.messages,
            lm.SLOTS: self.receiver.frames,
            lm.SEND_MESSAGES: self._sender.messages,
            lm.SEND_IOVS: self._sender.iovs,
            lm.POLLS: self.ports.polls,
            lm.PORTS: len(ports),
            lm.NUMBERS: address(self.ports.numbers),
            lm.SENDERS: address(self.ports.senders),
            lm.LAST_SENDER: len(self.ports.senders) - 1,
            lm.QUEUES: dataplane.queues.address,
            lm.CPU_PORT: -1 if dataplane.cpu_port is None else dataplane.cpu_port,
            lm.WRITER_AT: address(dataplane.writer_waiting),
            lm.AT: -1,
            lm.FAILED_PORT: -1,
            lm.GAP: lm.LONGEST_GAP_NS,
            lm.OFFLOADED_AT: address(self._offloaded),
        }
        for index, value in values.items():
            self.words[index] = value
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, _TIMER_SLACK_NS)  # of this thread: the loop's

    def carry(self, native: Native) -> None:
        """Move frames through a program's machine code until Python is needed."""
        self.words[lm.RUN] = native.compiled.address
        self.words[lm.CONTEXT] = address(native.context)
        self.words[lm.OUT] = address(native.memory.words)
        native.refresh()
        self.reason = self._functions["carry"](address(self.words))

    @property
    def has_results(self) -> bool:
        """Whether there may be digests, messages or frames for the CPU port (see `_batch`)."""
        return self.reason in (lm.REPORT, lm.PUNTED)

    @property
    def has_punted(self) -> bool:
        """Whether the loop has handed over a frame."""
        return self.reason == lm.PUNTED

    @property
    def has_dequeued(self) -> bool:
        """Whether the loop has handed over a packet that has waited in a queue."""
        return self.reason == lm.DEQUEUED

    @property
    def has_met_others(self) -> bool:
        """Whether it is the turn of a packet that another program or plain Python let wait."""
        return self.reason == lm.FOREIGN

    @property
    def has_yielded(self) -> bool:
        """Whether the loop made way for a writer."""
        return self.reason == lm.WRITER

    def punted(self) -> tuple[int, bytes, int]:
        """Give port, bytes and time of the frame that was handed over."""
        words = self.words
        frame = self.receiver.frame(words[lm.START], words[lm.SIZE])
        return words[lm.INTO], frame, words[lm.NOW]

    def resume(self, native: Native) -> list[Frame]:
        """Carry on in plain Python with the packet that was handed over after it had waited."""
        return native.resume_plain(self.words[lm.NODE], self.words[lm.NOW])

    def release(self) -> None:
        """Give back the memory of the packet that has waited, once Python has all of it."""
        if self.words[lm.NODE]:
            self._functions["release"](self.words[lm.NODE])
            self.words[lm.NODE] = 0

    def transmit(self, number: int, frame: bytes) -> bool:
        """Send a frame out of a port, after those that wait for it; False when there is none."""
        kept = ctypes.create_string_buffer(frame, len(frame))
        start = ctypes.addressof(kept)
        return bool(self._functions["transmit"](address(self.words), number, start, len(frame)))

    def drain(self, number: int) -> None:
        """Send what waits for a port, as much as its interface takes."""
        self._functions["drain"](address(self.words), number)

    def discard(self, number: int) -> None:
        """Forget what waits for a port, whose interface is gone."""
        self._functions["discard"](address(self.words), number)

    @property
    def source(self) -> int:
        """Port number that the batch came from."""
        return self.words[lm.INTO]

    def leftover(self) -> list[Frame]:
        """Take the frames of a batch that was interrupted, to carry them in another way."""
        words, frames = self.words, []
        for n in range(words[lm.NEXT], words[lm.FOUND]):
            self._functions["locate"](address(words), n)
            port, frame, _ = self.punted()
            frames.append((port, frame))
        words[lm.NEXT] = words[lm.FOUND]
        return frames

    @property
    def no_port(self) -> int:
        """How many frames were for a port that does not exist."""
        return self.words[lm.NO_PORT]

    def note_offloads(self, notes: Notes) -> None:
        """Say which ports' frames came with checksums left to hardware, since the last time."""
        if not self.words[lm.NEWS]:
            return
        self.words[lm.NEWS] = 0
        for port, found in zip(self._in_order, self._offloaded, strict=False):
            for flag, whole in ((lm.FINISHED, True), (lm.UNFINISHED, False)):
                if found & flag:
                    notes.note(port.number, port.ifname, whole=whole)

    def failure(self) -> tuple[Port, OSError] | None:
        """Give, once, which port failed and how."""
        which, error = self.words[lm.FAILED_PORT], self.words[lm.FAILED_ERROR]
        if which == -1:
            return None
        self.words[lm.FAILED_PORT] = -1
        return self._of_number[which], OSError(error, os.strerror(error))
