"""Counts the frames of a run that arrive on one interface, in the kernel, and reads none of them.

A packet socket with a filter counts each frame that the filter accepts in PACKET_STATISTICS, also
those for which its buffer has no room (net/packet/af_packet.c, packet_rcv).  Its buffer is the
smallest there is, so a frame costs the filter and an increment.
"""

from __future__ import annotations

import ctypes
import socket
import struct

# uapi linux/if_packet.h, asm-generic/socket.h; Python names none of these.
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_IGNORE_OUTGOING = 263, 6, 23
_SO_ATTACH_FILTER = 26
_STATISTICS = struct.Struct("@II")  # struct tpacket_stats: frames, those dropped among them
_PROGRAM = struct.Struct("@HP")  # struct sock_fprog
_ETH_P_ALL = 0x0003


class FrameCounter:
    """Counts on `interface`; `sock` is an AF_PACKET SOCK_RAW socket of its namespace, protocol 0.

    The socket becomes the counter's, which `close` closes.
    """

    def __init__(self, sock: socket.socket, interface: str) -> None:
        self._sock = sock
        self._interface = interface
        self._is_bound = False
        self._count = 0
        sock.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # becomes SOCK_MIN_RCVBUF

    def start(self, program: bytes) -> None:
        """Count from 0 what `program` accepts (see `capture.bpf`)."""
        code = ctypes.create_string_buffer(program, len(program))
        filter_ = _PROGRAM.pack(len(program) // 8, ctypes.addressof(code))
        self._sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)
        if not self._is_bound:
            self._sock.bind((self._interface, _ETH_P_ALL))
            self._is_bound = True
        self._statistics()
        self._count = 0

    @property
    def count(self) -> int:
        """Frames since `start`."""
        self._count += self._statistics()
        return self._count

    def _statistics(self) -> int:
        """Frames since the last call."""
        raw = self._sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size)
        return int(_STATISTICS.unpack(raw)[0])

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()
