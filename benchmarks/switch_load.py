"""An open-loop load for a switch: numbered frames at a fixed rate, and the fate of each.

The generator does not wait for the switch: one that falls behind is offered the same rate. The
payload of a frame has its number; recorded are the time just before the call that sent it, and the
kernel's timestamp (SO_TIMESTAMPNS) of its arrival after the switch. One thread sends
and receives, in compiled loops of sendmmsg(2) and recvmmsg(2). Times are wall nanoseconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import struct
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rxpath.compile.jit import jit
from rxpath.wire import afpacket
from rxpath.wire.libc import memcpy, wall_ns
from tests.switch.harness import LONGEST_FRAME, PATIENCE, Port, SandboxError

BURST = 32  # frames in one sendmmsg at most
LATE_NS = 20_000_000  # later frames waited in a growing queue and count as lost
QUIET_NS = 200_000_000  # without arrivals for so long after the last one, the trial is over
KEPT_UP = 0.99  # least share of the requested rate; below, the trial measures the generator
PROBE = struct.pack("=Q", 0x5EED_FACE_0FF5_E7A5)
SIOCGIFINDEX = 0x8933  # uapi linux/sockios.h


class Trace(NamedTuple):
    """What is sent and received, with one element for each frame."""

    tag: np.ndarray  # int64 [2]: its number (trial << 32 | frame) and a word of the caller's
    sent: np.ndarray  # int64: when
    came: np.ndarray  # int64: when, 0 not at all


class Wires(NamedTuple):
    """The generator's ends, for the compiled loop."""

    ends: np.ndarray  # int64 [4]: descriptors to send on and to receive on, the number's offsets
    frames: np.ndarray  # uint8 [BURST, length]: what `tx` sends
    tx: afpacket.Tx
    rx: afpacket.Rx


@jit
def offer(wires: Wires, trace: Trace, rate: int) -> int:
    """Send all frames of the trace at `rate` per second, note arrivals; return the refusals."""
    clock, scratch = np.zeros(2, np.int64), np.zeros(1, np.int64)
    total, refused, sent, came = len(trace.tag), 0, 0, 0
    now = started = last = wall_ns(clock)
    while came < total and (sent < total or last + QUIET_NS > now):
        now = wall_ns(clock)
        due = min(total, (now - started) * rate // 1_000_000_000 + 1, sent + BURST)
        if due > sent:
            for i in range(due - sent):
                place = wires.frames[i].ctypes.data + wires.ends[2]
                memcpy(place, trace.tag.ctypes.data + 16 * (sent + i), 16)
                trace.sent[sent + i] = now
            wires.tx.batch.waiting = due - sent
            refused += afpacket.send_batch(wires.ends[0], wires.tx)
            sent, last = due, now
        for i in range(afpacket.read_batch(wires.ends[1], wires.rx)):
            memcpy(scratch.ctypes.data, wires.rx.frames[i].ctypes.data + wires.ends[3], 8)
            at = scratch[0] & 0xFFFFFFFF
            if at < total and scratch[0] == trace.tag[at, 0]:
                trace.came[at] = wires.rx.descriptors[i].stamp
                last, came = now, came + 1
    return refused


@dataclass(frozen=True)
class Trial:
    """One rate, offered for a while.

    Attributes:
        rate: frames per second that were requested.
        offered: frames per second that were sent.
        sent, arrived: frames; `arrived` however late.
        lost: frames that did not arrive within LATE_NS.
        missed: frames that the generator itself lost, because of full buffers or its interface.
        latency_ns: of every frame that arrived.
    """

    rate: int
    offered: float
    sent: int
    arrived: int
    lost: int
    missed: int
    latency_ns: np.ndarray

    @property
    def loss(self) -> float:
        """Share of the frames that were lost."""
        return self.lost / self.sent

    @property
    def valid(self) -> bool:
        """Whether the generator kept up, so that the trial measures the switch."""
        return self.offered >= KEPT_UP * self.rate and self.missed == 0

    def percentile_us(self, percent: float) -> float:
        """A percentile of the latency in microseconds."""
        return float(np.percentile(self.latency_ns, percent)) / 1000


class Generator:
    """Sends numbered copies of a frame into one port of a sandbox, receives them at another."""

    def __init__(
        self, source: Port, sink: Port, frame: bytes, words: np.ndarray | None = None
    ) -> None:
        """Find the offset of the payload in forwarded frames.

        Args:
            source: where frames enter the switch.
            sink: where they leave it.
            frame: what to send. It holds PROBE once: there, 8 bytes become the frame's number and
                the next 8 its word.
            words: int64, taken in turns; None for zeros.

        Raises:
            SandboxError: the frame does not come out of `sink`.
        """
        self._words = np.zeros(1, np.int64) if words is None else words
        self._source = socket.socket(fileno=os.dup(source.fileno()))
        self._sink = socket.socket(fileno=os.dup(sink.fileno()))
        self._trial = 0
        with contextlib.suppress(PermissionError):  # an ordinary user's buffer stays as it is
            self._sink.setsockopt(socket.SOL_SOCKET, afpacket.SO_RCVBUFFORCE, afpacket.RCVBUF)
        self._sink.setsockopt(socket.SOL_SOCKET, afpacket.SO_TIMESTAMPNS, 1)
        out = self._through(frame)
        self._wires = _wires(self._source, self._sink, frame, out)

    def close(self) -> None:
        """Close the generator's descriptors; the ports stay."""
        self._source.close()
        self._sink.close()

    def _through(self, frame: bytes) -> bytes:
        """The frame as the switch forwards it, without the tag that the kernel strips."""
        self._source.send(frame)
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._sink], [], [], left)[0]:
                out = self._sink.recv(LONGEST_FRAME)
                if PROBE in out:
                    return out
        raise SandboxError(f"the frame does not come through within {PATIENCE} s")

    def run(self, rate: int, seconds: float) -> Trial:
        """Offer `rate` frames per second for a while and return the result."""
        self._trial += 1
        total = max(1, int(rate * seconds))
        tag = np.zeros((total, 2), np.int64)
        tag[:, 0] = np.arange(total) | self._trial << 32
        tag[:, 1] = np.resize(self._words, total)
        trace = Trace(tag, np.zeros(total, np.int64), np.zeros(total, np.int64))
        afpacket.kernel_drops(self._sink)
        refused = offer(self._wires, trace, rate)
        missed = refused + afpacket.kernel_drops(self._sink)
        return _judged(rate, trace, missed)


def _judged(rate: int, trace: Trace, missed: int) -> Trial:
    total, arrived = len(trace.sent), trace.came > 0
    latency = (trace.came - trace.sent)[arrived]
    elapsed = max(1, int(trace.sent[-1] - trace.sent[0]))
    return Trial(
        rate=rate,
        offered=(total - 1) / elapsed * 1e9 if total > 1 else rate,
        sent=total,
        arrived=int(arrived.sum()),
        lost=total - int((latency <= LATE_NS).sum()),
        missed=missed,
        latency_ns=latency,
    )


def _wires(source: socket.socket, sink: socket.socket, frame: bytes, out: bytes) -> Wires:
    frames = np.tile(np.frombuffer(frame, np.uint8), (BURST, 1))
    tx, rx = afpacket.make_tx([_ifindex(source)], [0]), afpacket.make_rx(len(out) + 64)
    for i in range(BURST):
        afpacket.put(tx, 0, frames[i].ctypes.data, len(frame), -1, -1)
    offsets = [frame.index(PROBE), out.index(PROBE)]
    ends = np.array([source.fileno(), sink.fileno(), *offsets], np.int64)
    return Wires(ends, frames, tx, rx)


def _ifindex(sock: socket.socket) -> int:
    """Number of the interface that a packet socket is bound to, in the socket's namespace."""
    request = struct.pack("16s24x", sock.getsockname()[0].encode())
    return int(struct.unpack_from("i", fcntl.ioctl(sock, SIOCGIFINDEX, request), 16)[0])
