"""A capture of one interface: an AF_PACKET socket, read by a thread."""

from __future__ import annotations

import selectors
import socket
import struct
from contextlib import suppress

from falcon_ctl.background import Background
from falcon_ctl.capture.pcapng import Packet
from falcon_ctl.traffic.receiver import SO_TIMESTAMPNS, timestamp

# linux/if_packet.h, asm-generic/socket.h; Python names none of these.
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_AUXDATA = 263, 6, 8
_STATISTICS = struct.Struct("@II")  # struct tpacket_stats: frames, and those that were dropped
_SO_RCVBUFFORCE = 33
_AUXDATA = struct.Struct("@IIIHHHH")  # status, len, snaplen, mac, net, vlan_tci, vlan_tpid
_TP_STATUS_VLAN_VALID = 1 << 4
_ANCILLARY = socket.CMSG_SPACE(_AUXDATA.size) + socket.CMSG_SPACE(16)
_BUFFER = 8 << 20
_MAX_FRAME = 65_600
_ROUND = 1024  # frames between two looks whether to end: a flood must not keep the thread


class Tap(Background):
    """Context manager: keeps the frames that `interface` receives, at most `limit` of them.

    `sock` is an AF_PACKET SOCK_RAW socket of the interface's namespace. With `outgoing` it keeps
    what the interface sends instead. An 802.1Q tag that the kernel removed is restored. `lost`,
    after the block: frames that it could not keep, over the limit or because the socket's buffer
    was full. A capture that lost frames proves neither order nor counts.
    """

    def __init__(
        self, sock: socket.socket, interface: str, limit: int = 20_000, outgoing: bool = False
    ) -> None:
        super().__init__(f"tap-{interface}")
        self.interface = interface
        self.packets: list[Packet] = []
        self.lost = 0
        self._outgoing = outgoing
        self._limit = limit
        self._sock = sock
        _enlarge(sock)
        sock.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setblocking(False)
        sock.bind((interface, 0x0003))  # ETH_P_ALL

    def _finish(self) -> None:
        raw = self._sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size)
        self.lost += _STATISTICS.unpack(raw)[1]
        self._sock.close()

    def _loop(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            while True:
                ready = selector.select(timeout=0.05)
                if ready:
                    self._drain()
                if self._is_over(idle=not ready):
                    return

    def _drain(self) -> None:
        for _ in range(_ROUND):
            try:
                data, ancillary, _, address = self._sock.recvmsg(_MAX_FRAME, _ANCILLARY)
            except BlockingIOError:
                return
            if (address[2] == socket.PACKET_OUTGOING) != self._outgoing:
                continue
            if len(self.packets) >= self._limit:
                self.lost += 1
                continue
            frame = _with_tag(data, ancillary)
            self.packets.append(Packet(timestamp(ancillary), frame, len(frame)))


def _enlarge(sock: socket.socket) -> None:
    """Request a large buffer; beyond net.core.rmem_max only a privileged process gets it."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    with suppress(PermissionError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)


def _with_tag(frame: bytes, ancillary: list[tuple[int, int, bytes]]) -> bytes:
    """The frame as it was on the wire: the kernel strips the tag into PACKET_AUXDATA."""
    for level, kind, data in ancillary:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
            status, *_, tci, tpid = _AUXDATA.unpack_from(data)
            if status & _TP_STATUS_VLAN_VALID:
                return frame[:12] + struct.pack("!HH", tpid or 0x8100, tci) + frame[12:]
    return frame
