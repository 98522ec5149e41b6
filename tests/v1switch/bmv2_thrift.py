"""The few calls of BMv2's Thrift interface that have no counterpart in P4Runtime.

Apache Thrift's binary protocol (thrift-binary-protocol.md), strict, to a multiplexed server; the
calls are those of BMv2's `standard.thrift` and `simple_switch.thrift`.
"""

from __future__ import annotations

import socket
import struct

VERSION_CALL = 0x8001_0001
STOP, I32, I64, STRING, LIST = 0, 8, 10, 11, 15
REPLY = 2
CONTEXT = struct.pack("!bhi", I32, 1, 0)  # the first argument of `standard`: context 0


class ThriftError(Exception):
    """BMv2 refused a call."""


class Thrift:
    """BMv2's Thrift server, over a connected socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")

    def deep_queues(self, frames: int) -> None:
        """Set the length of egress queues, so that a busy computer drops no frame."""
        self._call("simple_switch:set_all_egress_queue_depths", struct.pack("!bhi", I32, 1, frames))
        if self._reader.read(8) != struct.pack("!bhib", I32, 0, 0, STOP):
            raise ThriftError("the depth of the queues was refused")

    def add_to_value_set(self, name: str, value: bytes) -> None:
        """Add a member to a parser value set."""
        self._call("standard:bm_parse_vset_add", CONTEXT + _string(2, name) + _string(3, value))
        if self._reader.read(1) != bytes([STOP]):
            raise ThriftError(f"value set {name!r} refused a member")

    def registers(self, name: str) -> list[int]:
        """Return all cells of a register array, as signed numbers of 64 bits."""
        self._call("standard:bm_register_read_all", CONTEXT + _string(2, name))
        head = self._reader.read(8)
        if head[:4] != struct.pack("!bhb", LIST, 0, I64):
            raise ThriftError(f"register array {name!r} was not read")
        (size,) = struct.unpack_from("!i", head, 4)
        cells = struct.unpack(f"!{size}q", self._reader.read(8 * size))
        self._reader.read(1)
        return list(cells)

    def _call(self, method: str, arguments: bytes) -> None:
        """Send a call and read its reply up to the result."""
        name = method.encode()
        head = struct.pack("!Ii", VERSION_CALL, len(name)) + name + struct.pack("!i", 0)
        self._connection.sendall(head + arguments + bytes([STOP]))
        version, size = struct.unpack("!Ii", self._reader.read(8))
        self._reader.read(size + 4)
        if version & 0xFF != REPLY:
            raise ThriftError(f"{method} is not known")


def _string(number: int, value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("!bhi", STRING, number, len(data)) + data
