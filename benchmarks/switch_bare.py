"""A switch that does nothing: recvmmsg(2) on one interface, sendmmsg(2) on the other.

    python -m benchmarks.switch_bare IN OUT PREFIX

The peer of v1switch that shows what the socket calls alone allow. Each frame that comes in at IN
leaves at OUT, behind a prefix of so many zeros: the headers that a program would add. It says
`ready` when it begins, and runs until a signal ends it.
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.switch_engines import Cores
from benchmarks.switch_load import Generator
from benchmarks.switch_search import attempt, highest
from rxpath.compile.jit import jit
from rxpath.wire import afpacket
from rxpath.wire.libc import recvmmsg, sendmmsg
from tests.switch.harness import Sandbox, poll

BATCH = 64  # frames, as v1switch takes them
SLOT = 2048  # bytes of a received frame at most
MSG_WAITFORONE = 0x10000  # linux/socket.h
START_PATIENCE = 60.0  # seconds
SECONDS = 2.0  # of the trial that measures latencies


def messages(parts: int) -> tuple[np.ndarray, np.ndarray]:
    """Headers for a batch, each of so many parts: MMSGHDR [BATCH], IOVEC [BATCH, parts]."""
    headers, iovs = np.zeros(BATCH, afpacket.MMSGHDR), np.zeros((BATCH, parts), afpacket.IOVEC)
    headers["iov"] = iovs.ctypes.data + np.arange(BATCH) * parts * afpacket.IOVEC.itemsize
    headers["iovlen"] = parts
    return headers, iovs


@jit
def forward(near: int, far: int, read: np.ndarray, sent: np.ndarray, iovs: np.ndarray) -> None:
    """Move frames from one descriptor to the other, until reading fails."""
    while True:
        found = recvmmsg(near, read.ctypes.data, BATCH, MSG_WAITFORONE, 0)
        if found < 0:
            return
        for n in range(found):
            iovs[n, 1]["len"] = read[n]["len"]
        done = 0
        while done < found:
            done += max(1, sendmmsg(far, sent.ctypes.data + 64 * done, found - done, 0))


def main() -> None:
    """Forward until a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("near", metavar="IN")
    parser.add_argument("far", metavar="OUT")
    parser.add_argument("prefix", metavar="PREFIX", type=int, help="bytes in front of each frame")
    options = parser.parse_args()
    frames, prefix = np.zeros((BATCH, SLOT), np.uint8), np.zeros(max(1, options.prefix), np.uint8)
    read, into = messages(1)
    into["base"][:, 0] = out_of = frames.ctypes.data + np.arange(BATCH) * SLOT
    into["len"] = SLOT
    sent, iovs = messages(2)
    iovs["base"] = np.stack([np.full(BATCH, prefix.ctypes.data), out_of], axis=1)
    iovs["len"][:, 0] = options.prefix
    with afpacket.open_port(options.near) as near, afpacket.open_port(options.far) as far:
        near.setsockopt(socket.SOL_SOCKET, afpacket.SO_TIMESTAMPNS, 0)
        forward(-1, -1, read, sent, iovs)  # is compiled, and reads nothing
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        forward(near.fileno(), far.fileno(), read, sent, iovs)


def measure(cores: Cores, seconds: float, frame: bytes, prefix: int) -> dict[str, Any]:
    """Its highest rate, and latencies at half of it in microseconds."""
    with Sandbox(ports=2) as sandbox:
        log = sandbox.directory / "bare.out"
        names = [sandbox.ifname(number) for number in (1, 2)]
        argv = ["taskset", "-c", str(cores.switch), sys.executable, "-m", __name__]
        sandbox.start([*argv, *names, str(prefix)], log)
        poll(lambda: "ready" in log.read_text(), "the bare loop begins", START_PATIENCE)
        generator = Generator(sandbox.port(1), sandbox.port(2), frame)
        generator.run(1000, 0.2)
        found = highest(lambda rate: generator.run(rate, seconds))
        if found.best is None:
            raise SystemExit("the bare loop loses frames at any rate")
        half = attempt(lambda rate: generator.run(rate, SECONDS), found.best.rate // 2)
        generator.close()
    return {
        "rate": found.best.rate,
        "generator_was_the_limit": found.limited,
        "p50_us": round(half.percentile_us(50), 1),
        "p99_us": round(half.percentile_us(99), 1),
    }


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """The figures for a reader."""
    limit = ", which the generator limits" if figures["generator_was_the_limit"] else ""
    yield f"{'bare loop':16} {figures['rate']:,} frames/s{limit}"
    yield (
        f"{'bare loop':16} at half of it: latency p50 {figures['p50_us']:,} us, "
        f"p99 {figures['p99_us']:,} us"
    )


if __name__ == "__main__":
    main()
