"""Packet sockets: the only module of rxpath that uses network interfaces.

Frames are received and sent in batches by recvmmsg(2) and sendmmsg(2) with headers that are laid
out once, so that neither direction makes a Python object per frame.  A batch is received into
fixed buffers; a frame that is kept must be copied.  Layouts are of 64-bit little-endian Linux.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import sys
from typing import NamedTuple

import numpy as np

import rxpath.compile.pointers  # noqa: F401  # Numba learns what rows and tables are
from rxpath.compile.jit import entry, inner
from rxpath.compile.tables import Row, Rows, word
from rxpath.errors import RxPathError
from rxpath.wire.libc import EAGAIN, EINTR, errno, recvmmsg, sendmmsg

# uapi linux/if_ether.h, linux/if_packet.h, asm-generic/socket.h, linux/sockios.h
ETH_P_ALL = 0x0003
SOL_PACKET, PACKET_STATISTICS, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 6, 8, 23
SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_TIMESTAMPNS = 32, 33, 35
TP_STATUS_CSUMNOTREADY, TP_STATUS_VLAN_VALID = 1 << 3, 1 << 4
SIOCGIFMTU = 0x8921
MSG_TRUNC, MSG_DONTWAIT = 0x20, 0x40  # linux/socket.h

# struct mmsghdr = struct msghdr (linux/socket.h: user_msghdr) + msg_len
MMSGHDR = np.dtype(
    {
        "names": ["name", "namelen", "iov", "iovlen", "control", "controllen", "flags", "len"],
        "formats": ["u8", "u4", "u8", "u8", "u8", "u8", "u4", "u4"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
        "itemsize": 64,
    }
)
IOVEC = np.dtype([("base", "u8"), ("len", "u8")])  # uapi linux/uio.h
SOCKADDR_LL = np.dtype(  # uapi linux/if_packet.h
    [
        *(("family", "u2"), ("protocol", "u2"), ("ifindex", "i4")),
        *(("hatype", "u2"), ("pkttype", "u1"), ("halen", "u1"), ("addr", "u1", 8)),
    ]
)

RCVBUF = 32 << 20
BATCH = 256
PARTS = 3  # of a sent frame: MAC addresses, 802.1Q tag, the rest
CONTROL_WORDS = 16  # room for SCM_TIMESTAMPNS (32 bytes) and PACKET_AUXDATA (40), in 8-byte words
TAG_AT = 12  # an 802.1Q tag stands behind the two MAC addresses


class DeviceError(RxPathError):
    """An interface is missing or refuses: `device` names it, `reason` says why."""

    def __init__(self, device: str, reason: str) -> None:
        self.device = device
        self.reason = reason
        super().__init__(f"{device}: {reason}")


class RxDescriptor(Row):
    """A received frame."""

    length = word("without the 802.1Q tag that was taken off", "bytes")
    tag = word("the 16 bits of that tag; -1: there was none")
    stamp = word("when the kernel received it; 0: unknown", "wall ns")
    truncated = word("1: it was longer than a buffer")
    unfinished = word("1: its checksum was left to hardware that does not exist")


class Rx(NamedTuple):
    """A batch of received frames."""

    msgs: np.ndarray  # MMSGHDR [BATCH]
    control: np.ndarray  # int64 [BATCH, CONTROL_WORDS]
    frames: np.ndarray  # uint8 [BATCH, slot size]: each without its outer 802.1Q tag
    descriptors: Rows[RxDescriptor]  # [BATCH]
    scratch: np.ndarray  # int64 [1]


class TxDescriptor(Row):
    """A frame to send."""

    slot = word("of the pool, to free once it is sent; -1: none")
    due = word("when the frame was due", "model ns")
    failed = word("1: the kernel did not take it")


class TxBatch(Row):
    """What frames to send have in common."""

    waiting = word("frames in the batch")
    ports = word("address of each port's SOCKADDR_LL")
    tags = word("address of each port's 802.1Q tag")


class Tx(NamedTuple):
    """A batch of frames to send on any of the ports."""

    msgs: np.ndarray  # MMSGHDR [BATCH]
    iovs: np.ndarray  # IOVEC [BATCH * PARTS]
    descriptors: Rows[TxDescriptor]  # [BATCH]
    batch: TxBatch
    scratch: np.ndarray  # int64 [1]


_buffers: list[np.ndarray] = []  # what addresses in `Rx` and `Tx` point to, for the process's life


def make_rx(slot_size: int) -> Rx:
    """Allocate a receive batch whose buffers hold frames of up to `slot_size` bytes."""
    rx = Rx(
        msgs=np.zeros(BATCH, MMSGHDR),
        control=np.zeros((BATCH, CONTROL_WORDS), np.int64),
        frames=np.zeros((BATCH, slot_size), np.uint8),
        descriptors=Rows.new(RxDescriptor, BATCH),
        scratch=np.zeros(1, np.int64),
    )
    iovs = np.zeros(BATCH, IOVEC)
    _buffers.append(iovs)
    index = np.arange(BATCH, dtype=np.uint64)
    iovs["base"] = rx.frames.ctypes.data + index * slot_size
    iovs["len"] = slot_size
    rx.msgs["iov"] = iovs.ctypes.data + index * IOVEC.itemsize
    rx.msgs["iovlen"] = 1
    rx.msgs["control"] = rx.control.ctypes.data + index * (8 * CONTROL_WORDS)
    return rx


def make_tx(ifindexes: list[int], vlans: list[int]) -> Tx:
    """Allocate a send batch for ports with these interface indexes and 802.1Q VLAN ids."""
    ports = np.zeros(len(ifindexes), SOCKADDR_LL)
    ports["family"], ports["ifindex"] = socket.AF_PACKET, ifindexes
    tags = np.array([list(struct.pack("!HH", 0x8100, vlan)) for vlan in vlans], np.uint8)
    _buffers.extend((ports, tags))
    tx = Tx(
        msgs=np.zeros(BATCH, MMSGHDR),
        iovs=np.zeros(BATCH * PARTS, IOVEC),
        descriptors=Rows.new(TxDescriptor, BATCH),
        batch=TxBatch.new(),
        scratch=np.zeros(1, np.int64),
    )
    tx.batch.ports, tx.batch.tags = ports.ctypes.data, tags.ctypes.data
    index = np.arange(BATCH, dtype=np.uint64)
    tx.msgs["iov"] = tx.iovs.ctypes.data + index * (PARTS * IOVEC.itemsize)
    tx.msgs["namelen"] = SOCKADDR_LL.itemsize
    return tx


@inner
def _decode(rx: Rx, i: int) -> None:
    """Take timestamp and tag out of message i's control data (uapi linux/socket.h, cmsghdr)."""
    message, words, descriptor = rx.msgs[i], rx.control[i], rx.descriptors[i]
    descriptor.length, descriptor.stamp, descriptor.tag = message["len"], 0, -1
    descriptor.truncated = int(message["flags"] & MSG_TRUNC != 0)
    descriptor.unfinished = 0
    at, end = 0, np.int64(message["controllen"]) // 8
    while at + 2 <= end and words[at] >= 16:
        level, kind = words[at + 1] & 0xFFFFFFFF, words[at + 1] >> 32
        if level == 1 and kind == SO_TIMESTAMPNS:  # struct timespec
            descriptor.stamp = words[at + 2] * 1_000_000_000 + words[at + 3]
        elif level == SOL_PACKET and kind == PACKET_AUXDATA:  # struct tpacket_auxdata
            status = words[at + 2]
            if status & TP_STATUS_VLAN_VALID:
                descriptor.tag = words[at + 4] & 0xFFFF  # tp_vlan_tci
            if status & TP_STATUS_CSUMNOTREADY:
                descriptor.unfinished = 1
        at += (words[at] + 7) // 8


@entry
def read_batch(fd: int, rx: Rx) -> int:
    """Receive waiting frames from `fd`, up to BATCH, without blocking.

    Returns how many, or -errno.
    """
    rx.msgs["controllen"][:] = 8 * CONTROL_WORDS
    count: int = recvmmsg(fd, rx.msgs.ctypes.data, BATCH, MSG_DONTWAIT, 0)
    if count < 0:
        error = errno(rx.scratch)
        return 0 if error in (EAGAIN, EINTR) else -error
    for i in range(count):
        _decode(rx, i)
    return count


@inner
def _part(tx: Tx, i: int, part: int, base: int, size: int) -> None:
    tx.iovs[i * PARTS + part]["base"] = base
    tx.iovs[i * PARTS + part]["len"] = size


@entry
def put(tx: Tx, port: int, base: int, size: int, slot: int, due: int) -> None:
    """Add a frame of `size` bytes at address `base`; the batch must not be full."""
    i = tx.batch.waiting
    tx.batch.waiting = i + 1
    descriptor = tx.descriptors[i]
    descriptor.slot, descriptor.due, descriptor.failed = slot, due, 0
    tx.msgs[i]["name"] = tx.batch.ports + port * 20
    tx.msgs[i]["iovlen"] = 1
    _part(tx, i, 0, base, size)


@inner
def put_tagged(tx: Tx, port: int, base: int, size: int, tag_of: int) -> None:
    """Add a frame with the 802.1Q tag of port `tag_of` pushed; no pool slot, no due time."""
    i = tx.batch.waiting
    put(tx, port, base, TAG_AT, -1, -1)
    tx.msgs[i]["iovlen"] = 3
    _part(tx, i, 1, tx.batch.tags + tag_of * 4, 4)
    _part(tx, i, 2, base + TAG_AT, size - TAG_AT)


@entry
def send_batch(fd: int, tx: Tx) -> int:
    """Send all frames of `tx` and return how many the kernel refused (`failed`).

    A refused frame (its interface is down or gone) does not delay later ones.  A negative `fd`
    sends nothing and refuses nothing: a replay without interfaces.
    """
    done, refused, waiting = 0, 0, tx.batch.waiting
    while fd >= 0 and done < waiting:
        start = tx.msgs.ctypes.data + done * 64
        sent = sendmmsg(fd, start, waiting - done, 0)
        if sent > 0:
            done += sent
        elif errno(tx.scratch) != EINTR:
            tx.descriptors[done].failed = 1
            refused += 1
            done += 1
    return refused


def open_port(ifname: str) -> socket.socket:
    """Open a socket that receives every frame arriving on `ifname`, timestamped.

    Raises `DeviceError` when the interface does not exist or packet sockets are not allowed.
    """
    sock = open_sender()
    try:
        with contextlib.suppress(PermissionError):  # beyond rmem_max only with CAP_NET_ADMIN
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RCVBUF)
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.bind((ifname, ETH_P_ALL))
    except OSError as error:
        sock.close()
        raise DeviceError(ifname, error.strerror or str(error)) from error
    return sock


def open_sender() -> socket.socket:
    """Open a packet socket that receives nothing; each message names its interface."""
    if sys.byteorder != "little" or struct.calcsize("P") != 8:
        raise DeviceError("this machine", "not 64-bit little-endian")
    try:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except OSError as error:
        raise DeviceError("packet socket", f"{error.strerror}, CAP_NET_RAW is needed") from error
    with contextlib.suppress(PermissionError):
        sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, RCVBUF)
    return sock


def kernel_drops(sock: socket.socket) -> int:
    """Return how many frames the kernel dropped at this socket since the last call."""
    raw = sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)  # struct tpacket_stats
    _, drops = struct.unpack("II", raw)
    return int(drops)


def mtu(ifname: str) -> int:
    """Return the interface's MTU in bytes. Raises `DeviceError`."""
    return int(struct.unpack_from("i", _ioctl(ifname, SIOCGIFMTU), 16)[0])


def _ioctl(ifname: str, request: int) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            name = ifname.encode()[:15]
            return fcntl.ioctl(sock, request, struct.pack("16s24x", name))  # struct ifreq
        except OSError as error:
            raise DeviceError(ifname, error.strerror or str(error)) from error
