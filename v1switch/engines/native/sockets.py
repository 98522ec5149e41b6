"""Message headers for recvmmsg(2) and sendmmsg(2), laid out once for all batches.

Layouts are those of 64-bit little-endian Linux. Frames follow a headroom for the 802.1Q tag
that the kernel strips (see `io/ports.py`).
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence

from v1switch.errors import SwitchError
from v1switch.io.ports import MAX_FRAME, Port
from v1switch.state.words import WORD_BYTES, address, byte_address, zeros

BATCH = 64  # frames taken from one port at a time: the longest that a writer waits for the lock
TAG_BYTES = 4
SLOT = MAX_FRAME + 128  # bytes of a received frame with its headroom, in whole words

# struct mmsghdr: a struct msghdr (linux/socket.h: user_msghdr) and the length
NAME, NAME_LENGTH, IOV, IOV_COUNT, CONTROL, CONTROL_LENGTH, LENGTH = 0, 8, 16, 24, 32, 40, 56
MESSAGE = 64
IOVEC = 16  # uapi linux/uio.h: base, len
CONTROL_SIZE = 40  # CMSG_SPACE of a struct tpacket_auxdata
STATUS_AT, TCI_AT = 16, 32  # in the control data: uapi linux/if_packet.h; the TPID follows the TCI
# Words of a port that sends: its number, socket and struct pollfd, frames sent and frames refused
PLACE, SEND_FD, POLL_AT, SENT, REFUSED = 0, 1, 2, 3, 4
FIRST, LAST, WAITING = 5, 6, 7  # frames that wait to be sent: the first, the last, how many
STAGED, NEXT_MESSAGE, NEXT_PORT = 8, 9, 10  # of a flush: messages, the next one, another port
PORT_WORDS = 11
POLLFD = struct.Struct("=ihh")  # uapi asm-generic/poll.h
POLLIN, POLLOUT = 1, 4
PARTS = 2  # of a frame that leaves: its headers and its payload


class Receiver:
    """A batch of received frames: `messages` is the address of BATCH message headers."""

    def __init__(self) -> None:
        """Lay out the headers."""
        self._frames = bytearray(BATCH * SLOT)
        self._messages = zeros(BATCH * MESSAGE // WORD_BYTES)
        self._iovs = zeros(BATCH * IOVEC // WORD_BYTES)
        self._controls = zeros(BATCH * CONTROL_SIZE // WORD_BYTES)
        self.frames = byte_address(self._frames)
        self.messages = address(self._messages)
        for n in range(BATCH):
            iov = n * IOVEC // WORD_BYTES
            self._iovs[iov] = self.frames + n * SLOT + TAG_BYTES
            self._iovs[iov + 1] = MAX_FRAME
            at = n * MESSAGE // WORD_BYTES
            self._messages[at + IOV // WORD_BYTES] = address(self._iovs) + n * IOVEC
            self._messages[at + IOV_COUNT // WORD_BYTES] = 1
            control = address(self._controls) + n * CONTROL_SIZE
            self._messages[at + CONTROL // WORD_BYTES] = control

    def frame(self, start: int, size: int) -> bytes:
        """Copy the bytes of a frame that begins at an address in here."""
        at = start - self.frames
        return bytes(memoryview(self._frames)[at : at + size])


class Sender:
    """A batch of frames to send."""

    def __init__(self, capacity: int) -> None:
        """Lay out headers for `capacity` frames."""
        if sys.byteorder != "little" or struct.calcsize("P") != WORD_BYTES:
            raise SwitchError("machine code needs a 64-bit little-endian system")
        self._messages = zeros(capacity * MESSAGE // WORD_BYTES)
        self._iovs = zeros(capacity * PARTS * IOVEC // WORD_BYTES)
        self.messages, self.iovs = address(self._messages), address(self._iovs)
        for n in range(capacity):
            at = n * MESSAGE // WORD_BYTES
            self._messages[at + IOV // WORD_BYTES] = self.iovs + n * PARTS * IOVEC
            self._messages[at + IOV_COUNT // WORD_BYTES] = PARTS


class Ports:
    """The ports as the compiled loop sees them.

    Attributes:
        polls: address of struct pollfd: the wake-up descriptor, then the ports.
        senders: by port number the address of its PORT_WORDS, 0 where there is no port.
        numbers: port numbers, in the order of `polls`.
    """

    def __init__(self, wake: int, ports: Sequence[Port]) -> None:
        """Lay out ports and the descriptor that wakes the loop."""
        self._ports = list(ports)
        self._polls = bytearray(POLLFD.size * (1 + len(ports)))
        POLLFD.pack_into(self._polls, 0, wake, POLLIN, 0)
        self._sending = zeros(PORT_WORDS * len(ports) or 1)
        self._at = {port.number: PORT_WORDS * n for n, port in enumerate(ports)}
        self.numbers = zeros(len(ports))
        self.senders = zeros(1 + max((port.number for port in ports), default=0))
        self.polls = byte_address(self._polls)
        for n, port in enumerate(ports):
            poll_at = POLLFD.size * (1 + n)
            POLLFD.pack_into(self._polls, poll_at, port.fileno(), POLLIN, 0)
            self.numbers[n] = port.number
            at = self._at[port.number]
            own = (port.number, port.fileno(), self.polls + poll_at)
            for index, value in zip((PLACE, SEND_FD, POLL_AT), own, strict=True):
                self._sending[at + index] = value
            self.senders[port.number] = address(self._sending) + WORD_BYTES * at

    def counted(self, number: int) -> tuple[int, int]:
        """Give how many frames were sent out of a port, and how many its interface refused."""
        at = self._at.get(number)
        return (0, 0) if at is None else (self._sending[at + SENT], self._sending[at + REFUSED])

    def waiting(self, number: int) -> int:
        """How many frames wait to be sent out of a port."""
        at = self._at.get(number)
        return 0 if at is None else self._sending[at + WAITING]

    def forget(self, number: int) -> None:
        """Neither receive from a port nor send to it any more."""
        for n, port in enumerate(self._ports):
            if port.number == number:
                POLLFD.pack_into(self._polls, POLLFD.size * (1 + n), -1, 0, 0)
        self.senders[number] = 0
