"""The process inside of a sandbox's namespaces: `python harness_agent.py FD`.

It is pid 1 of its PID namespace, so when it ends (or is killed, or the test process dies and the
socket FD is closed) the kernel ends every process and removes every interface in there. It uses
the standard library only and serves one JSON request per datagram on FD; see `harness.Sandbox`.
"""

import array
import contextlib
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SIOCGIFFLAGS = 0x8913
SIOCETHTOOL = 0x8946
IFF_RUNNING = 0x40
LINK_PATIENCE = 30.0  # seconds; the kernel looks at new carriers once a second, later under load
# include/uapi/linux/ethtool.h: rx and tx checksums, scatter-gather, TSO, GSO, GRO.
ETHTOOL_SETTERS = (0x15, 0x17, 0x19, 0x1F, 0x24, 0x2C)
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
ETH_P_ALL = 3
RECEIVE_BUFFER = 8 << 20
POLL_INTERVAL = 0.005

Reply = tuple[dict[str, Any], list[int]]
children: dict[int, subprocess.Popen[bytes]] = {}


def ip(*words: str) -> None:
    """Run iproute2; its error output becomes the error's message."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def offloads_off(ifname: str) -> None:
    """Turn offloads off: frames have finished checksums and keep their length."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for command in ETHTOOL_SETTERS:
            value = array.array("B", struct.pack("II", command, 0))
            request = struct.pack("16sP8x", ifname.encode(), value.buffer_info()[0])
            with contextlib.suppress(OSError):  # a setting that this kernel does not have is off
                fcntl.ioctl(probe, SIOCETHTOOL, request)


def wait_for_carrier(ifname: str) -> None:
    """Wait until the kernel has seen the link's carrier; before that it drops what is sent."""
    deadline = time.monotonic() + LINK_PATIENCE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        while True:
            answer = fcntl.ioctl(probe, SIOCGIFFLAGS, struct.pack("16s16x", ifname.encode()))
            if struct.unpack_from("16xH", answer)[0] & IFF_RUNNING:
                return
            if time.monotonic() > deadline:
                raise OSError(f"{ifname}: no carrier within {LINK_PATIENCE} s")
            time.sleep(POLL_INTERVAL)


def op_veths(pairs: list[list[str]], mtu: int) -> Reply:
    """Make veth pairs, both ends up, without offloads and without IPv6."""
    for scope in ("all", "default"):
        Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")
    ip("link", "set", "lo", "up")
    for near, far in pairs:
        ip(*f"link add {near} mtu {mtu} type veth peer name {far} mtu {mtu}".split())
        for end in (near, far):
            offloads_off(end)
            ip("link", "set", end, "up")
    for pair in pairs:
        for end in pair:
            wait_for_carrier(end)
    # Flag and queue change under one lock (net/core/link_watch.c); the next holder sees both.
    ip("link", "set", "lo", "up")
    return {}, []


def op_ip(words: list[str]) -> Reply:
    """Change what iproute2 can change: `ip WORDS`."""
    ip(*words)
    return {}, []


def op_socket(ifname: str) -> Reply:
    """Open a raw socket on an interface; it receives what arrives, not what it sends."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK)
    try:
        raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        raw.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        raw.bind((ifname, ETH_P_ALL))
    except OSError:
        raw.close()
        raise
    return {}, [raw.detach()]


def op_connect(port: int) -> Reply:
    """Connect to a TCP port of a program in here."""
    return {}, [socket.create_connection(("127.0.0.1", port)).detach()]


def op_start(argv: list[str], env: dict[str, str], cwd: str, log: str) -> Reply:
    """Start a program with its output in a log file."""
    with Path(log).open("ab") as output:
        child = subprocess.Popen(
            argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    children[child.pid] = child
    return {"pid": child.pid}, []


def op_poll(pid: int) -> Reply:
    """Return the exit status of a program that was started here, or None while it runs."""
    return {"status": children[pid].poll()}, []


def op_signal(pid: int, number: int) -> Reply:
    """Send a signal to a program that was started here."""
    children[pid].send_signal(number)
    return {}, []


def op_wait(pid: int, seconds: float) -> Reply:
    """Wait for a program's end; kill it when the time is over."""
    child = children[pid]
    try:
        status, killed = child.wait(seconds), False
    except subprocess.TimeoutExpired:
        child.kill()
        status, killed = child.wait(), True
    return {"status": status, "killed": killed}, []


OPERATIONS: dict[str, Callable[..., Reply]] = {
    "veths": op_veths,
    "ip": op_ip,
    "socket": op_socket,
    "connect": op_connect,
    "start": op_start,
    "poll": op_poll,
    "signal": op_signal,
    "wait": op_wait,
}


def serve(control: socket.socket) -> None:
    """Answer requests until the other side closes the socket."""
    while request := control.recv(1 << 20):
        asked = json.loads(request)
        descriptors: list[int] = []
        try:
            result, descriptors = OPERATIONS[asked["op"]](**asked["params"])
            reply = {"ok": True, "result": result}
        except (OSError, KeyError, ValueError) as error:
            reply = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        socket.send_fds(control, [json.dumps(reply).encode()], descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def main() -> None:
    """Serve on the inherited socket; Ctrl-C is for the test process to act on."""
    # A handler, because programs started here would inherit SIG_IGN.
    signal.signal(signal.SIGINT, lambda *_: None)
    with socket.socket(fileno=int(sys.argv[1])) as control:
        serve(control)


if __name__ == "__main__":
    main()
