"""The compiled loop's sockets and buffers, and what it hands back."""

from __future__ import annotations

import os
from collections.abc import Sequence

from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Frame
from v1switch.io.ports import Port
from v1switch.native import loop as lp
from v1switch.native.engine import MAX_FRAMES, Native
from v1switch.native.sockets import Ports, Receiver, Sender
from v1switch.state.words import address, zeros


class Carrier:
    """Sockets and buffers of the compiled loop, for one switch."""

    def __init__(self, dataplane: Dataplane, ports: Sequence[Port], wake: int) -> None:
        """Lay everything out; `wake` is the descriptor that interrupts the loop."""
        self.receiver, self.sender = Receiver(), Sender(MAX_FRAMES)
        self.ports = Ports(wake, ports)
        self._of_index = {port.index: port for port in ports}
        self._in_order = list(ports)
        self.words = zeros(lp.PLANT_WORDS)
        self.reason = lp.IDLE
        values = {
            lp.MESSAGES: self.receiver.messages,
            lp.SLOTS: self.receiver.frames,
            lp.SEND_FD: self.sender.socket.fileno(),
            lp.SEND_MESSAGES: self.sender.messages,
            lp.SEND_IOVS: self.sender.iovs,
            lp.POLLS: self.ports.polls,
            lp.PORTS: len(ports),
            lp.NUMBERS: address(self.ports.numbers),
            lp.NAMES: address(self.ports.names),
            lp.LAST_NAME: len(self.ports.names) - 1,
            lp.ASKED_AT: address(dataplane.writer_waiting),
            lp.AT: -1,
            lp.FAILED_PORT: -1,
        }
        for index, value in values.items():
            self.words[index] = value

    def carry(self, native: Native) -> bool:
        """Move frames through a program's machine code; False when there are none left."""
        self.words[lp.RUN] = native.plan.address
        self.words[lp.CONTEXT] = address(native.context)
        self.words[lp.OUT] = address(native.output.words)
        native.refresh()
        self.reason = lp.carry(address(self.words))
        return self.reason != lp.IDLE

    @property
    def has_punted(self) -> bool:
        """Whether the loop has handed over a frame."""
        return self.reason == lp.PUNTED

    @property
    def was_asked(self) -> bool:
        """Whether the loop made way for others."""
        return self.reason == lp.ASKED

    def punted(self) -> tuple[int, bytes, int]:
        """Give port, bytes and time of the frame that was handed over."""
        words = self.words
        frame = self.receiver.frame(words[lp.START], words[lp.SIZE])
        return words[lp.INTO], frame, words[lp.NOW]

    def leftover(self) -> list[Frame]:
        """Take the frames of a batch that was interrupted, to carry them in another way."""
        words, frames = self.words, []
        for n in range(words[lp.NEXT], words[lp.FOUND]):
            lp.locate(address(words), n)
            port, frame, _ = self.punted()
            frames.append((port, frame))
        words[lp.NEXT] = words[lp.FOUND]
        return frames

    def drops(self) -> tuple[int, int]:
        """Give how many frames interfaces did not take, and how many had no port."""
        return self.words[lp.REFUSED], self.words[lp.UNSENDABLE]

    def failure(self) -> tuple[Port, OSError] | None:
        """Give, once, which port failed and how."""
        which, error = self.words[lp.FAILED_PORT], self.words[lp.FAILED_ERROR]
        if which == -1:
            return None
        self.words[lp.FAILED_PORT] = -1
        port = self._in_order[-2 - which] if which < 0 else self._of_index[which]
        return port, OSError(error, os.strerror(error))
