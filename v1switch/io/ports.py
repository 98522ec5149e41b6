"""Switch ports on Linux network interfaces, through AF_PACKET sockets.

The kernel takes an 802.1Q tag out of a frame before packet sockets see it
(net/core/dev.c, skb_vlan_untag) and reports it in PACKET_AUXDATA; it is put back here. Without
PACKET_IGNORE_OUTGOING (Linux 4.20) a port would receive the frames that it sends.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import struct
import threading
from collections import deque
from collections.abc import Sequence

from v1switch.errors import PortError
from v1switch.io.counters import InterfaceCounters
from v1switch.io.offload import Notes, finished

log = logging.getLogger("v1switch")

ETH_P_ALL = 0x0003  # include/uapi/linux/if_ether.h
SOL_PACKET = 263  # include/linux/socket.h; the rest of include/uapi/linux/if_packet.h
PACKET_ADD_MEMBERSHIP = 1
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
PACKET_MR_PROMISC = 1
PACKET_STATISTICS = 6
TP_STATUS_CSUMNOTREADY = 1 << 3
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
AUXDATA = struct.Struct("=I12xHH")  # struct tpacket_auxdata: status, …, VLAN TCI, VLAN TPID
STATISTICS = struct.Struct("=II")  # struct tpacket_stats: frames, drops; reading resets them
TAG = struct.Struct("!HH")
SO_RCVBUFFORCE = 33  # include/uapi/asm-generic/socket.h

ETH_P_8021Q = 0x8100
BUFFER = 32 * 1024 * 1024  # bytes for reception; the kernel doubles it for its own book-keeping
PATIENT = 128  # frames that may wait for an interface before its queues are held (BMv2's output)
MAX_FRAME = 65_600  # bytes: an IP packet of the largest size, with link-layer headers
ANCILLARY = socket.CMSG_SPACE(AUXDATA.size)


class Port:
    """One port.

    Attributes:
        number: the port number.
        ifname: the network interface.
        index: its ifindex.
        sent, refused, failed: frames, as in InterfaceCounters.
        waiting: frames that the interface has not taken yet.
        alive: False once the interface is gone.
        offloads: says once that frames come with checksums left to hardware.
    """

    def __init__(self, number: int, ifname: str) -> None:
        """Open the interface in promiscuous mode; raises PortError."""
        self.number = number
        self.ifname = ifname
        self.sent = self.refused = self.failed = 0
        self.waiting: deque[bytes] = deque()
        self._received = self._unread = 0
        self._reading = threading.Lock()  # the kernel's counters, which reading resets
        self.alive = True
        self.offloads = Notes()
        try:
            self.index = socket.if_nametoindex(ifname)
            self._socket = _open(ifname, self.index)
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno == errno.EPERM:
                reason += ", expected the capability CAP_NET_RAW"
            raise PortError(number, ifname, reason) from error

    def fileno(self) -> int:
        """The socket's file descriptor, for epoll."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._read_statistics()
        with self._reading:
            self._socket.close()

    def counters(self, *, up: bool) -> InterfaceCounters:
        """Return the counters so far, with whether the link is up; any thread may call this."""
        self._read_statistics()
        return InterfaceCounters(
            self.number,
            self.ifname,
            up and self.alive,
            received=self._received,
            unread=self._unread,
            failed=self.failed,
            sent=self.sent,
            refused=self.refused,
        )

    def _read_statistics(self) -> None:
        """Add what the kernel has counted since the last time; once closed there is no more."""
        with self._reading:
            if self.fileno() != -1:
                found = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, STATISTICS.size)
                frames, dropped = STATISTICS.unpack(found)  # frames include those dropped
                self._received += frames - dropped
                self._unread += dropped

    def receive(self, limit: int) -> list[bytes]:
        """Read up to `limit` waiting frames, with VLAN tags and whole checksums; never blocks."""
        frames: list[bytes] = []
        recvmsg, unpack, pack = self._socket.recvmsg, AUXDATA.unpack, TAG.pack
        try:
            for _ in range(limit):
                frame, ancillary, _, _ = recvmsg(MAX_FRAME, ANCILLARY)
                status, tci, tpid = unpack(ancillary[0][2])
                if status & TP_STATUS_VLAN_VALID:
                    if not status & TP_STATUS_VLAN_TPID_VALID:
                        tpid = ETH_P_8021Q
                    frame = frame[:12] + pack(tpid, tci) + frame[12:]
                if status & TP_STATUS_CSUMNOTREADY:
                    frame = self._finished(frame)
                frames.append(frame)
        except BlockingIOError:
            pass
        except OSError as error:
            self.fail(error)
        return frames

    def _finished(self, frame: bytes) -> bytes:
        """A frame with the checksum that was left to hardware, if that can be done."""
        whole = finished(frame)
        self.offloads.note(self.number, self.ifname, whole=whole is not None)
        return frame if whole is None else whole

    def send(self, frame: bytes) -> None:
        """Send one frame, after those that wait: it may have to wait, too.

        One that the interface does not take is counted and dropped, also where the kernel's own
        queue is full (ENOBUFS), as BMv2 does.
        """
        if self.waiting or not self._sent(frame):
            self.waiting.append(frame)

    def drain(self) -> None:
        """Send what waits, as much as the interface takes."""
        while self.waiting and self._sent(self.waiting[0]):
            self.waiting.popleft()

    def _sent(self, frame: bytes) -> bool:
        """Send a frame, or count it as refused; False where it has to wait for room."""
        try:
            self._socket.send(frame)
            self.sent += 1
        except BlockingIOError:
            return False
        except OSError as error:
            self.refused += 1
            if error.errno not in (errno.EMSGSIZE, errno.EINVAL, errno.ENOBUFS):
                self.fail(error)
        return True

    def fail(self, error: OSError) -> None:
        """Handle a socket error: a link may come up again, an interface that is gone does not."""
        if error.errno == errno.ENETDOWN and _index(self.ifname) == self.index:
            return
        if self.alive:
            log.error("port %d: interface %r: %s", self.number, self.ifname, error.strerror)
            self.alive = False


def _index(ifname: str) -> int:
    try:
        return socket.if_nametoindex(ifname)
    except OSError:
        return 0


def _open(ifname: str, index: int) -> socket.socket:
    # protocol 0: nothing arrives before the socket is bound to its interface
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        membership = struct.pack("=iHH8s", index, PACKET_MR_PROMISC, 0, b"")
        sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
        _enlarge(sock)
        sock.setblocking(False)
        sock.bind((ifname, ETH_P_ALL))
    except OSError:
        sock.close()
        raise
    return sock


def _enlarge(sock: socket.socket) -> None:
    """Set a large receive buffer; beyond the system's limit only a privileged process gets it.

    The send buffer stays the system's default, as BMv2's does: a packet's wait is to be in the
    switch's queue, which programs see, and not in the kernel.
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)


def open_ports(interfaces: Sequence[tuple[int, str]]) -> list[Port]:
    """Open all ports or none; raises PortError for the first that fails."""
    ports: list[Port] = []
    with contextlib.ExitStack() as opened:
        for number, ifname in interfaces:
            ports.append(Port(number, ifname))
            opened.callback(ports[-1].close)
        opened.pop_all()
    return ports
