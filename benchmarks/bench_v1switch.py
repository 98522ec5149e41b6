"""Frames per second through a switch that runs the VXLAN program, sockets included.

    python benchmarks/bench_v1switch.py [--frames N] [--size BYTES]

Frames of one tenant go through veths of a namespace of their own, are encapsulated by the switch
and counted behind it. At most a window of frames is under way, so none is lost. v1switch is
measured, and BMv2 where `simple_switch_grpc` is on the PATH. The rate is that of the wall clock;
"per CPU second" divides by the processor time that the switch itself used, so a busy machine
disturbs it less.
"""

import argparse
import os
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.p4.world import M1, M2, MAC, RED, World, from_m1, inner  # noqa: E402  # needs the path
from tests.switch.harness import Port, Sandbox  # noqa: E402  # needs the path
from tests.switch.harness_client import SwitchClient  # noqa: E402  # needs the path
from tests.switch.harness_targets import BMV2, V1SWITCH, Target, installed  # noqa: E402  # see above

WINDOW = 32  # BMv2 drops when more than 64 frames wait for egress
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Result:
    """What one target did."""

    target: str
    frames: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Frames per second of the wall clock."""
        return self.frames / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Frames per second of processor time."""
        return self.frames / self.cpu_seconds if self.cpu_seconds else 0.0


def cpu_seconds(inner_pid: int, socket_path: str) -> float:
    """Processor time of the process that has this pid in its namespace and this address."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
            command = (status.parent / "cmdline").read_bytes()
            times = (status.parent / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue  # it ended meanwhile
        same_pid = fields.get("NSpid", "").split()[-1:] == [str(inner_pid)]
        if same_pid and socket_path.encode() in command:
            return (int(times[11]) + int(times[12])) / TICKS
    return 0.0


def windows(total: int) -> Iterator[int]:
    """Sizes of the bursts that make up `total` frames."""
    while total > 0:
        yield min(WINDOW, total)
        total -= WINDOW


def receive(receiver: socket.socket) -> bool:
    """Wait for one frame; False when none comes."""
    try:
        receiver.recv(64)
    except BlockingIOError:
        if not select.select([receiver], [], [], 2.0)[0]:
            return False
        receiver.recv(64)
    return True


def exchange(source: Port, sink: Port, frame: bytes, count: int) -> int:
    """Send `count` frames, a window at a time, and return how many came out."""
    arrived = 0
    sender = socket.socket(fileno=os.dup(source.fileno()))
    receiver = socket.socket(fileno=os.dup(sink.fileno()))
    with sender, receiver:
        for burst in windows(count):
            for _ in range(burst):
                sender.send(frame)
            for _ in range(burst):
                if not receive(receiver):
                    return arrived
                arrived += 1
    return arrived


def measure(name: str, frames: int, size: int) -> Result:
    """Run one target and push frames through it."""
    frame = from_m1(inner(1, MAC[2], size), RED)
    with (
        Sandbox(ports=4) as sandbox,
        Target(name, sandbox, log_level="off") as target,
        SwitchClient(target.address) as client,
    ):
        World(name, sandbox, client).populate()
        sandbox.drain()
        source, sink = sandbox.port(M1), sandbox.port(M2)
        exchange(source, sink, frame, 4 * WINDOW)
        path = target.address.removeprefix("unix:")
        before = cpu_seconds(target.pid, path)
        started = time.perf_counter()
        arrived = exchange(source, sink, frame, frames)
        seconds = time.perf_counter() - started
        used = cpu_seconds(target.pid, path) - before
    if arrived != frames:
        raise SystemExit(f"{name}: {frames - arrived} of {frames} frames were lost")
    return Result(name, frames, seconds, used)


def main() -> None:
    """Measure what is installed and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=1000, help="bytes of UDP payload")
    options = parser.parse_args()
    results = [
        measure(name, options.frames, options.size) for name in (V1SWITCH, BMV2) if installed(name)
    ]
    for result in results:
        print(
            f"{result.target:9} {result.rate:9,.0f} frames/s "
            f"{result.per_cpu_second:9,.0f} per CPU second"
        )
    if len(results) > 1:
        print(f"ratio     {results[0].rate / results[1].rate:9.2f}")


if __name__ == "__main__":
    main()
