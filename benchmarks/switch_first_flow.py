"""Starts a switch many times on a loaded computer; says where its first flow's frames were lost.

    python -m benchmarks.switch_first_flow [--starts N] [--hogs N] [--namespaces N] [--json FILE]

As soon as a controller has loaded the program, frames go through the switch, one a millisecond,
while the program is compiled and machine code takes over. Where a frame does not arrive, the counts
of each place on its way say where it was lost. The load is processes that compute (`--hogs`) and
processes that make and end network namespaces (`--namespaces`), which hold the mutex that the
kernel brings links up under.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc

from tests.switch.harness import Sandbox
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_targets import V1SWITCH, Target
from tests.v1switch.twin import COMPILED
from v1switch.p4runtime import interfaces

HEAD = bytes.fromhex("020000000002020000000001") + b"\x12\x34"
SIZE = 64
GAP_S = 0.001
SETTLE_S = 1.0  # for what is under way when the last frame is sent
HOG = "while True: pass"
NAMESPACES = (
    "import subprocess\n"
    "script = 'ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up'\n"
    "while True: subprocess.run(['unshare', '--net', 'sh', '-c', script], check=False)"
)


@contextlib.contextmanager
def load(hogs: int, namespaces: int) -> Iterator[None]:
    """Load the computer meanwhile."""
    texts = [HOG] * hogs + [NAMESPACES] * namespaces
    running = [subprocess.Popen([sys.executable, "-c", text]) for text in texts]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def flow(sandbox: Sandbox, seconds: float) -> tuple[int, dict[int, float]]:
    """Send frames from port 1 to port 2: how many, and the delay (s) of each that arrived."""
    sent: list[float] = []
    arrived: dict[int, float] = {}
    source, sink = sandbox.port(1), sandbox.port(2)
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end + SETTLE_S:
        if now < end:
            source.send(HEAD + len(sent).to_bytes(4, "big") + bytes(SIZE - len(HEAD) - 4))
            sent.append(now)
        for frame in sink.drain():
            number = int.from_bytes(frame[len(HEAD) : len(HEAD) + 4], "big")
            if frame.startswith(HEAD):
                arrived[number] = time.monotonic() - sent[number]
        if now >= end and len(arrived) == len(sent):
            break
        time.sleep(GAP_S)
    return len(sent), arrived


def start(seconds: float) -> dict[str, Any]:
    """One start: when the first frame arrived, how many did not, and the counters on their way."""
    with (
        Sandbox(ports=3) as sandbox,
        Target(V1SWITCH, sandbox, log_level="info") as target,
    ):
        with SwitchClient(target.address) as client:
            client.load(COMPILED / "wire.p4info.txtpb", COMPILED / "wire.json")
        count, arrived = flow(sandbox, seconds)
        with grpc.insecure_channel(target.address) as channel:
            counters = interfaces.get(channel, 60.0)
    lost = sorted(set(range(count)) - set(arrived))
    first, second = counters.interfaces[:2]
    return {
        "sent": count,
        "lost": lost[:20],
        "lost_count": len(lost),
        "first_ms": round(1e3 * arrived[min(arrived)], 2) if arrived else None,
        "longest_ms": round(1e3 * max(arrived.values()), 2) if arrived else None,
        # The way of a frame: what a place has fewer than the one before was lost in between.
        "way": {
            "sent by the host": count,
            "in the switch's socket": first.received + first.unread,
            "read": first.received,
            "sent by the switch": second.sent,
            "arrived": len(arrived),
        },
        "switch": counters.lost(),
    }


def main() -> None:
    """Start switches and print what was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each flow")
    parser.add_argument("--hogs", type=int, default=2)
    parser.add_argument("--namespaces", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    found = []
    with load(options.hogs, options.namespaces):
        for number in range(options.starts):
            one = start(options.seconds)
            found.append(one)
            if one["lost_count"]:
                print(f"start {number}: {json.dumps(one)}", flush=True)
    whole = sum(not one["lost_count"] for one in found)
    firsts = [one["first_ms"] for one in found if one["first_ms"] is not None]
    longest = [one["longest_ms"] for one in found if one["longest_ms"] is not None]
    print(f"{whole} of {len(found)} starts lost no frame")
    if firsts:
        print(f"first frame: at most {max(firsts)} ms; any frame: at most {max(longest)} ms")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
