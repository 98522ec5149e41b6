"""Frames per second through the whole live path, veth to veth, compared with a plain batch loop.

    python benchmarks/bench_rxpath_live.py [--seconds 2] [--frame 100] [--json FILE]

A sender puts VXLAN frames of many flows on the machine's uplink at a given rate; the live path
(or the plain loop: the same recvmmsg and sendmmsg calls and nothing between them) forwards them to
a container's veth, where the kernel counts them.  The rate rises until a frame is lost.  Sender and
forwarder have a core each where there are two.  All of it is in a separate network namespace.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pyroute2 import IPRoute

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from rxpath.compile.jit import jit  # noqa: E402  # found through the line above
from rxpath.live import datapath, host, loop  # noqa: E402
from rxpath.wire import afpacket  # noqa: E402
from rxpath.wire.libc import ppoll, wall_ns  # noqa: E402

RATES = (25_000, 50_000, 75_000, 100_000, 125_000, 150_000, 200_000, 250_000, 300_000, 400_000)
INSIDE = "FALCON_BENCH_INSIDE"
FLOWS = 64
CHUNK = 32
SLICE_NS = 50_000_000


def frame(size: int, flow: int) -> bytes:
    """A VXLAN frame to the first container of `host.example`, `size` bytes of inner payload."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.layers.vxlan import VXLAN

    inner = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:99")
    inner = inner / IP(src="10.0.0.99", dst="10.0.0.11") / UDP(sport=flow, dport=9) / bytes(size)
    outer = Ether(dst="02:00:00:00:01:01", src="02:00:00:00:01:02")
    outer = outer / IP(src="172.16.0.2", dst="172.16.0.1") / UDP(sport=49152 + flow, chksum=0)
    return bytes(outer / VXLAN(vni=5001, flags=8) / inner)


@jit
def pace(fd: int, tx: afpacket.Tx, total: int, rate: int, clock: np.ndarray) -> int:
    """Send `total` frames in chunks at `rate` per second; return how many were refused."""
    start, refused = wall_ns(clock), 0
    for first in range(0, total, CHUNK):
        due = start + first * 1_000_000_000 // rate
        while wall_ns(clock) < due:
            pass
        tx.batch.waiting = CHUNK
        refused += afpacket.send_batch(fd, tx)
    return refused


@jit
def plain(fd: int, out: int, rx: afpacket.Rx, tx: afpacket.Tx, poll: np.ndarray, until: int) -> int:
    """Forward frames from one interface to the other until `until`, and nothing else."""
    carried, time = 0, np.zeros(2, np.int64)
    while wall_ns(time) < until:
        time[0], time[1] = 0, 50_000_000
        ppoll(poll.ctypes.data, 1, time.ctypes.data, 0)
        count = afpacket.read_batch(fd, rx)
        for i in range(count):
            inner, size = rx.frames[i].ctypes.data + 50, rx.descriptors[i].length - 50
            afpacket.put(tx, 0, inner, size, -1, -1)
        afpacket.send_batch(out, tx)
        tx.batch.waiting = 0
        carried += max(count, 0)
    return carried


def send(ifindex: int, size: int, rate: int, seconds: float) -> None:
    """Role `send`: print when ready; on a line of input send, then print the refusals."""
    frames = [np.frombuffer(frame(size, flow), np.uint8) for flow in range(FLOWS)]
    tx = afpacket.make_tx([ifindex], [0])
    for i in range(CHUNK):
        afpacket.put(tx, 0, frames[i % FLOWS].ctypes.data, len(frames[0]), -1, -1)
    sock = afpacket.open_sender()
    clock = np.zeros(2, np.int64)
    pace(sock.fileno(), tx, 0, rate, clock)
    print("ready", flush=True)
    sys.stdin.readline()
    total = int(rate * seconds) // CHUNK * CHUNK
    print(pace(sock.fileno(), tx, total, rate, clock), total, flush=True)


def stopped() -> bool:
    """Whether standard input has ended: a second after all frames were sent."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


def forward_plain(ifindex: int) -> None:
    """Role `plain`: the loop to compare with."""
    source, sender = afpacket.open_port("up"), afpacket.open_sender()
    rx, tx = afpacket.make_rx(2048), afpacket.make_tx([ifindex], [0])
    poll = np.zeros(1, loop.POLLFD)
    poll["fd"], poll["events"] = source.fileno(), loop.POLLIN
    plain(source.fileno(), sender.fileno(), rx, tx, poll, 0)
    print("ready", flush=True)
    before = time.process_time()
    carried = 0
    while not stopped():
        until = time.time_ns() + SLICE_NS
        carried += plain(source.fileno(), sender.fileno(), rx, tx, poll, until)
    print(time.process_time() - before, carried, afpacket.kernel_drops(source), flush=True)


def forward_live() -> None:
    """Role `live`: the whole path under a model clock that is the wall clock."""
    config = host.example(1).model_copy(
        update={"uplink": "up", "dilation": 1, "slots": 32_768, "system": {"profile": "docker"}}
    )
    with host.LiveHost(config) as live:
        host.sleep_precisely()
        live.run(0)
        print("ready", flush=True)
        before = time.process_time()
        while not stopped():
            live.run(SLICE_NS)
        used = time.process_time() - before
        counters = live.datapath.counters
        lost = enumerate(counters.drops.array.tolist())
        print(used, counters.delivered, live.count_kernel_drops()["up"], flush=True)
        print({datapath.REASON_NAMES[i]: n for i, n in lost if n}, file=sys.stderr)


def role(core: int, *arguments: object) -> subprocess.Popen[str]:
    """Start this file in a role, pinned to a core, and wait until it is ready."""
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, __file__, "--role", *map(str, arguments)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {cores[core % len(cores)]}),
    )
    assert process.stdout
    if process.stdout.readline() != "ready\n":
        raise SystemExit(f"bench: role {arguments} did not start")
    return process


def received(net: IPRoute, ifindex: int) -> int:
    """Frames that the kernel counted on the container's side."""
    return int(net.get_links(ifindex)[0].get("stats64")["rx_packets"])


def settled(count: Callable[[], int]) -> None:
    """Return when a counter has not moved for half a second."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 0.5:
        now = count()
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.05)


def trial(
    net: IPRoute, links: dict[str, int], kind: str, rate: int, options: Any
) -> dict[str, Any]:
    """Forward frames at one rate; returns sent, received and the forwarder's CPU time."""
    sender = role(1, "send", links["net"], options.frame, rate, options.seconds)
    carrier = role(0, kind, links["red0"])
    before = received(net, links["c0"])
    out, _ = sender.communicate("go\n")
    refused, sent = map(int, out.split())
    settled(lambda: received(net, links["c0"]))
    used, _, kernel = carrier.communicate()[0].split()
    got = received(net, links["c0"]) - before
    return {
        "rate": rate,
        "sent": sent - refused,
        "received": got,
        "cpu_us_per_frame": round(float(used) / max(got, 1) * 1e6, 2),
        "kernel_drops": int(kernel),
    }


def climb(net: IPRoute, links: dict[str, int], kind: str, options: Any) -> dict[str, Any]:
    """Raise the rate until every attempt loses a frame; the last whole trial counts."""
    best: dict[str, Any] = {"rate": 0}
    for rate in RATES:
        for _ in range(options.attempts):
            result = trial(net, links, kind, rate, options)
            print(f"{kind:5} {rate:>7,}/s  {result}", file=sys.stderr, flush=True)
            if result["received"] == result["sent"]:
                best = result
                break
        if best["rate"] != rate:
            break
    return best


def main(options: Any) -> None:
    """Make the interfaces, measure both, print the ratio."""
    with IPRoute() as net:
        for one, other in (("up", "net"), ("red0", "c0")):
            net.link("add", ifname=one, kind="veth", peer={"ifname": other}, mtu=1600)
        links = {name: net.link_lookup(ifname=name)[0] for name in ("up", "net", "red0", "c0")}
        for name in links:
            Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
            net.link("set", index=links[name], state="up")
        peer = climb(net, links, "plain", options)
        live = climb(net, links, "live", options)
    result = {"plain": peer, "live": live, "ratio": live["rate"] / max(peer["rate"], 1)}
    for kind, best in (("live", live), ("plain", peer)):
        print(f"{kind}: {best['rate']:,} frames/s, {best.get('cpu_us_per_frame')} us CPU each")
    print(f"ratio {result['ratio']:.2f}")
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=2))


def inside() -> None:
    """Run this file again in a separate network namespace."""
    command = ["unshare", "--net"]
    if os.geteuid() != 0:
        command[1:1] = ["--user", "--map-root-user"]
    raise SystemExit(
        subprocess.run(
            [*command, sys.executable, *sys.argv], env={**os.environ, INSIDE: "1"}, check=False
        ).returncode
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--role"]:
        name, *rest = sys.argv[2:]
        if name == "send":
            send(int(rest[0]), int(rest[1]), int(rest[2]), float(rest[3]))
        elif name == "plain":
            forward_plain(int(rest[0]))
        else:
            forward_live()
        raise SystemExit
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--attempts", type=int, default=3, help="per rate, on a busy machine")
    parser.add_argument("--frame", type=int, default=100, help="bytes of inner payload")
    parser.add_argument("--json", help="file for the figures")
    chosen = parser.parse_args()
    if os.environ.get(INSIDE) != "1":
        inside()
    main(chosen)
