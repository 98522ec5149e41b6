"""A real VXLAN overlay of three network namespaces on this computer, and the kernel's view of it.

In a root shell:

    python overlay.py up                     # make it
    python overlay.py rps l9vxlan 2          # write rps_cpus of one device
    python overlay.py run FOLDER             # send one UDP flow; the kernel's view goes there
    python overlay.py down

    l9-sender                l9-host                                        l9-container
    l9vxlan 10.99.0.1        l9nic ─ UDP 4789 ─ l9vxlan ─ l9br ─ l9port ──── l9eth 10.99.0.2
       └─ l9wire ─────────────┘

All of it is the kernel's own code: veth, VXLAN, bridge, RPS. Only the wire is a pair of veths, so
the "interrupt" of l9nic comes to the CPU on which the sender runs. Nothing outside of the three
namespaces is changed, and `down` removes them.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SENDER, HOST, CONTAINER = "l9-sender", "l9-host", "l9-container"
NAMESPACE_OF = {
    "l9nic": HOST,
    "l9vxlan": HOST,
    "l9eth": CONTAINER,
}  # the devices of the three stages
PORT = 9009
CPUS = sorted(os.sched_getaffinity(0))
TRACING = Path("/sys/kernel/tracing")
UP = f"""
ip netns add {SENDER}
ip netns add {HOST}
ip netns add {CONTAINER}
ip -n {SENDER} link add l9wire type veth peer name l9nic netns {HOST}
ip -n {SENDER} addr add 192.0.2.1/24 dev l9wire
ip -n {HOST} addr add 192.0.2.2/24 dev l9nic
ip -n {SENDER} link add l9vxlan type vxlan id 42 dstport 4789 local 192.0.2.1 remote 192.0.2.2
ip -n {HOST} link add l9vxlan type vxlan id 42 dstport 4789 local 192.0.2.2 remote 192.0.2.1
ip -n {HOST} link add l9br type bridge
ip -n {HOST} link add l9port type veth peer name l9eth netns {CONTAINER}
ip -n {HOST} link set l9vxlan master l9br
ip -n {HOST} link set l9port master l9br
ip -n {SENDER} addr add 10.99.0.1/24 dev l9vxlan
ip -n {CONTAINER} addr add 10.99.0.2/24 dev l9eth
ip -n {SENDER} link set l9wire up
ip -n {SENDER} link set l9vxlan up
ip -n {HOST} link set l9nic up
ip -n {HOST} link set l9vxlan up
ip -n {HOST} link set l9br up
ip -n {HOST} link set l9port up
ip -n {CONTAINER} link set l9eth up
"""


class OverlayError(Exception):
    """What could not be done, in one line."""


def command(*words: str) -> str:
    """Run a program, and return what it printed."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise OverlayError(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def up() -> None:
    """Make the three namespaces and all devices; on failure nothing is left."""
    if HOST in command("ip", "netns", "list").split():
        raise OverlayError("the overlay is up already; `overlay.py down` removes it")
    try:
        for line in UP.strip().splitlines():
            command(*line.split())
        command("ip", "netns", "exec", SENDER, "ping", "-c", "1", "-W", "3", "10.99.0.2")
    except BaseException:
        down()
        raise


def down() -> None:
    """Remove the three namespaces, and with them every device."""
    names = command("ip", "netns", "list").split()
    for namespace in (SENDER, HOST, CONTAINER):
        if namespace in names:
            command("ip", "netns", "del", namespace)


def rps(device: str, mask: str) -> None:
    """Write a device's RPS mask, in the namespace where the device is."""
    path = f"/sys/class/net/{device}/queues/rx-0/rps_cpus"
    namespace = ["ip", "netns", "exec", NAMESPACE_OF[device]]
    write = [*namespace, "tee", path]
    done = subprocess.run(
        write, input=mask, capture_output=True, text=True, timeout=30, check=False
    )
    if done.returncode != 0:
        raise OverlayError(f"{path}: the kernel refuses {mask!r}: {done.stderr.strip()}")


@contextmanager
def tracing() -> Iterator[Path]:
    """The folder of the kernel's tracing; mounted meanwhile where the system has not done so."""
    if (TRACING / "instances").is_dir():
        yield TRACING
        return
    with tempfile.TemporaryDirectory() as folder:
        command("mount", "-t", "tracefs", "tracefs", folder)
        try:
            yield Path(folder)
        finally:
            command("umount", folder)


@contextmanager
def traced(tracefs: Path, path: Path, kilobytes: int) -> Iterator[None]:
    """Write the kernel's netif_rx and netif_receive_skb events of our devices to a file meanwhile.

    A tracing instance of our own: nobody else's tracing is touched.
    """
    instance = tracefs / "instances" / f"l9-{os.getpid()}"
    instance.mkdir()
    try:
        (instance / "buffer_size_kb").write_text(str(kilobytes))  # of each CPU; holds the latest
        for event in ("netif_rx", "netif_receive_skb"):
            folder = instance / "events/net" / event
            (folder / "filter").write_text('name ~ "l9*"')
            (folder / "enable").write_text("1")
        yield
        path.write_text((instance / "trace").read_text())
    finally:
        (instance / "events/enable").write_text("0")
        instance.rmdir()


def send(frames: int, rate: int, cpu: int) -> None:
    """Send numbered datagrams of one flow from one CPU (called in the sender's namespace)."""
    os.sched_setaffinity(0, {cpu})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("10.99.0.2", PORT))
        begin = time.monotonic()
        for number in range(frames):
            while rate and time.monotonic() < begin + number / rate:
                pass
            out.send(number.to_bytes(8, "big"))


def receive(ready: int) -> None:
    """Receive until half a second passes without a datagram; print what came (in the container)."""
    numbers = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        server.bind(("10.99.0.2", PORT))
        server.settimeout(5)
        os.write(ready, b"1")
        try:
            while True:
                numbers.append(int.from_bytes(server.recv(64), "big"))
                server.settimeout(0.5)
        except TimeoutError:
            pass
    highest, late = -1, 0
    for number in numbers:
        late += number < highest
        highest = max(highest, number)
    print(json.dumps({"received": len(numbers), "reordered": late}))


def masks() -> str:
    """The RPS masks as the kernel has them, a line a device."""
    lines = []
    for device, namespace in NAMESPACE_OF.items():
        path = f"/sys/class/net/{device}/queues/rx-0/rps_cpus"
        lines.append(f"{device} {command('ip', 'netns', 'exec', namespace, 'cat', path)}")
    return "".join(lines)


def run(frames: int, rate: int, cpu: int, kilobytes: int, folder: Path) -> dict[str, int]:
    """Send one flow across the overlay; the kernel's counters and trace go to `folder`."""
    me = [sys.executable, str(Path(__file__).resolve())]
    reading, writing = os.pipe()
    inside = ["ip", "netns", "exec", CONTAINER, *me, "receive", "--ready", str(writing)]
    with subprocess.Popen(inside, stdout=subprocess.PIPE, text=True, pass_fds=[writing]) as server:
        os.close(writing)
        try:
            if not os.read(reading, 1):
                raise OverlayError("the receiver in the container ended before it listened")
            (folder / "rps.txt").write_text(masks())
            (folder / "softnet-before.txt").write_text(Path("/proc/net/softnet_stat").read_text())
            with tracing() as tracefs, traced(tracefs, folder / "trace.txt", kilobytes):
                command("ip", "netns", "exec", SENDER, *me, "send", "--frames", str(frames),
                        "--rate", str(rate), "--cpu", str(cpu))  # fmt: skip
                printed, _ = server.communicate(timeout=30)
            (folder / "softnet-after.txt").write_text(Path("/proc/net/softnet_stat").read_text())
        finally:
            os.close(reading)
            if server.poll() is None:
                server.kill()
    result = {"cpu": cpu, "sent": frames, **json.loads(printed)}
    (folder / "udp.json").write_text(json.dumps(result) + "\n")
    return result


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|rps|run|down")
    commands.add_parser("up")
    commands.add_parser("down")
    mask = commands.add_parser("rps")
    mask.add_argument("device", choices=NAMESPACE_OF)
    mask.add_argument("mask")
    for name in ("run", "send"):
        flow = commands.add_parser(name)
        flow.add_argument("--frames", type=int, default=200)
        flow.add_argument("--rate", type=int, default=5_000, help="frames a second; 0: no pause")
        flow.add_argument("--cpu", type=int, default=min(CPUS), help="the sender's CPU")
        if name == "run":
            flow.add_argument(
                "--trace-kb", type=int, default=4096, help="size of the trace's buffer"
            )
            flow.add_argument(
                "folder", type=Path, help="takes the counters, the trace and udp.json"
            )
    commands.add_parser("receive").add_argument("--ready", type=int)
    asked = parser.parse_args()
    try:
        if asked.command == "up":
            up()
        elif asked.command == "down":
            down()
        elif asked.command == "rps":
            rps(asked.device, asked.mask)
        elif asked.command == "run":
            asked.folder.mkdir(parents=True, exist_ok=True)
            result = run(asked.frames, asked.rate, asked.cpu, asked.trace_kb, asked.folder)
            print(json.dumps(result))
        elif asked.command == "send":
            send(asked.frames, asked.rate, asked.cpu)
        else:
            receive(asked.ready)
    except (OverlayError, OSError, subprocess.TimeoutExpired) as error:
        print(f"overlay.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
