"""Network namespaces of a test's own, reached through agents in them (see `live_agent`)."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from rxpath.errors import ControlError
from rxpath.live.control import Client

ROOT = Path(__file__).parents[2]
ETH_P_ALL = 3
PATIENCE = 120.0  # seconds until something that must happen has not happened
T = TypeVar("T")


def until(probe: Callable[[], T | None], what: str) -> T:
    """Wait until `probe` returns something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = probe()
        if found is not None and found is not False:
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited {PATIENCE} s for {what}")


class Namespace:
    """A network namespace; `Namespace.own()` makes the first, `child` further ones beside it."""

    def __init__(self, channel: socket.socket, pid: int) -> None:
        self.channel = channel
        self.pid = pid

    @classmethod
    def own(cls) -> tuple[Namespace, subprocess.Popen[bytes]]:
        ours, theirs = socket.socketpair()
        flags = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        agent = str(Path(__file__).with_name("live_agent.py"))
        argv = ["unshare", *flags, "--net", sys.executable, agent, str(theirs.fileno())]
        # Debian keeps ethtool where an ordinary user's PATH does not lead.
        env = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
        process = subprocess.Popen(argv, pass_fds=[theirs.fileno()], env=env)
        theirs.close()
        return cls(ours, process.pid), process

    def ask(self, op: str, **args: Any) -> tuple[Any, list[int]]:
        self.channel.sendall(json.dumps({"op": op, **args}).encode())
        data, fds, _, _ = socket.recv_fds(self.channel, 1 << 20, 1)
        reply = json.loads(data)
        assert "error" not in reply, reply["error"]
        return reply["result"], fds

    def child(self) -> Namespace:
        pid, (fd,) = self.ask("agent")
        return Namespace(socket.socket(fileno=fd), pid)

    def socket(self, family: int, kind: int, proto: int = 0) -> socket.socket:
        _, (fd,) = self.ask("socket", kind=[int(family), int(kind), proto])
        return socket.socket(fileno=fd)

    def raw(self, ifname: str) -> socket.socket:
        """A packet socket that gets every frame arriving on an interface."""
        sock = self.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sock.setsockopt(263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
        sock.setsockopt(263, 8, 1)  # PACKET_AUXDATA: the tag that the kernel took off
        sock.bind((ifname, ETH_P_ALL))
        return sock

    def run(self, command: str) -> str:
        result, _ = self.ask("run", argv=command.split())
        assert result["status"] == 0, f"{command}: {result['out']}"
        return str(result["out"])

    def veth(self, one: str, other: str, where: Namespace | None = None, mtu: int = 1600) -> None:
        """A veth pair, its second end in another namespace; no offloads, no IPv6 noise."""
        there = where or self
        self.run(f"ip link add {one} mtu {mtu} type veth peer name {other} mtu {mtu}")
        if where:
            self.run(f"ip link set {other} netns {where.pid}")
        for namespace, name in ((self, one), (there, other)):
            path = f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6"
            namespace.ask("write", path=path, text="1")
            namespace.run(f"ethtool -K {name} rx off tx off tso off gso off gro off")
            namespace.run(f"ip link set {name} up")


class Machine:
    """An rxpath process in a namespace."""

    def __init__(self, namespace: Namespace, config: dict[str, Any], folder: Path) -> None:
        self.namespace, self.config = namespace, config
        self.log = folder / f"{config['machine']}.log"
        path = folder / f"{config['machine']}.json"
        path.write_text(json.dumps(config))
        argv = [sys.executable, "-m", "rxpath", "--config", str(path)]
        self.pid, _ = namespace.ask("spawn", argv=argv, log=str(self.log))
        self.status: int | None = None

    def ready(self) -> Client:
        """A client, once the machine answers."""

        def probe() -> Client | None:
            assert self.wait(0) is None, self.log.read_text()
            try:
                client = Client(self.config["control"], timeout=PATIENCE)
            except ControlError:
                return None
            client.call("status")
            return client

        return until(probe, f"{self.config['machine']} to answer")

    def wait(self, timeout: float) -> int | None:
        """The exit status, or None when it still runs."""
        if self.status is None:
            self.status, _ = self.namespace.ask("wait", pid=self.pid, timeout=timeout)
        return self.status

    def stop(self) -> int | None:
        if self.wait(0) is None:
            self.namespace.ask("kill", pid=self.pid, signal=int(signal.SIGTERM))
        return self.wait(PATIENCE)


def take(sock: socket.socket, count: int, quiet: float = 0.0) -> list[bytes]:
    """Receive `count` frames, tags put back, then make sure that no more come for `quiet` s."""
    frames: list[bytes] = []
    end = time.monotonic() + PATIENCE
    while len(frames) < count and time.monotonic() < end:
        if select.select([sock], [], [], 1)[0]:
            frames.append(receive(sock))
    assert len(frames) == count, f"{len(frames)} of {count} frames came"
    assert not select.select([sock], [], [], quiet)[0], "more frames than expected"
    return frames


def receive(sock: socket.socket) -> bytes:
    data, ancillary, _, _ = sock.recvmsg(1 << 16, 128)
    for level, kind, content in ancillary:
        if (level, kind) == (263, 8) and content[0] & 1 << 4:  # TP_STATUS_VLAN_VALID
            tci = int.from_bytes(content[16:18], sys.byteorder)
            data = data[:12] + b"\x81\x00" + tci.to_bytes(2, "big") + data[12:]
    return data
