"""The programs of the network: how each is started, when it is ready, and what became of it."""

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from typing import Any, Literal

from topo.nodes import Namespaced
from topo.rundir import RunDir
from topo.spec import Machine, Topology
from topo.state import Part

TAIL_LINES, TAIL_BYTES = 15, 8192
PROBE_SECONDS = 1.0
VXLAN_PORT = 4789  # RFC 7348 section 5; the default profile's
DILATION = 1000  # wall seconds a model second
# The connection preface of HTTP/2 and an empty SETTINGS frame, RFC 9113 sections 3.4 and 6.5: a
# gRPC server answers with its own SETTINGS, a socket that nobody serves yet does not.
HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
HTTP2_SETTINGS = 4


@dataclass
class Program:
    """A program to run in a node, and the process once it runs.

    `logs` are the files that it may write to, standard output and error last; `is_ready` asks it.
    """

    name: str
    kind: Literal["switch", "rxpath"]
    node: Namespaced
    argv: Sequence[str]
    logs: Sequence[Path]
    is_ready: Callable[[], bool]
    process: Popen[bytes] | None = field(default=None, init=False)

    def start(self, env: Mapping[str, str], cwd: Path, on_end: Callable[["Program"], None]) -> None:
        """Start it and watch it: `on_end` is called, in a thread of its own, when it ends."""
        with self.logs[-1].open("ab") as output:
            process = self.node.run(self.argv, DEVNULL, output, STDOUT, env, cwd)
        self.process = process

        def watch() -> None:
            process.wait()
            on_end(self)

        threading.Thread(target=watch, name=f"watch {self.name}", daemon=True).start()

    @property
    def returncode(self) -> int | None:
        """Exit status as subprocess has it, None while it runs."""
        return None if self.process is None else self.process.returncode

    def tail(self) -> list[str]:
        """The last lines of its logs."""
        return [line for log in self.logs for line in tail(log)][-TAIL_LINES:]

    def part(self) -> Part:
        """Its state, for `status`."""
        returncode = self.returncode
        return Part(
            name=self.name,
            kind=self.kind,
            node=self.node.name,
            pid=self.process.pid if self.process else 0,
            returncode=returncode,
            log=str(next((log for log in self.logs if log.exists()), self.logs[0])),
            tail=() if returncode is None else tuple(self.tail()),
        )


def switch_program(node: Namespaced, argv: Sequence[str], run_dir: RunDir) -> Program:
    """The switch target of a node; it is ready when its P4Runtime server speaks HTTP/2."""
    return Program(
        name=node.name,
        kind="switch",
        node=node,
        argv=argv,
        logs=(*run_dir.switch_logs(node.name), run_dir.program_output(node.name)),
        is_ready=partial(answers_http2, run_dir.p4rt(node.name)),
    )


def rxpath_program(node: Namespaced, config: Path, run_dir: RunDir) -> Program:
    """The rxpath of a machine; it is ready when it answers on its control socket."""
    return Program(
        name=f"rx-{node.name}",
        kind="rxpath",
        node=node,
        argv=[sys.executable, "-m", "rxpath", "--config", str(config)],
        logs=(run_dir.program_log(f"rx-{node.name}"),),
        is_ready=partial(answers_status, run_dir.control(node.name)),
    )


def tail(path: Path) -> list[str]:
    """The last lines of a file, none when there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
    except FileNotFoundError:
        return []


def rxpath_config(topology: Topology, machine: Machine, run_dir: RunDir) -> dict[str, Any]:
    """The configuration of a machine's rxpath, as it reads it from a JSON file."""
    containers = [
        {
            "name": container.name,
            "ifname": container.ifname,
            "mac": container.mac,
            "ip": str(container.ip),
            "vlan": topology.tenant(container.tenant).vlan,
            "vni": topology.tenant(container.tenant).vni,
        }
        for container in topology.containers_of(machine.name)
    ]
    return {
        "machine": machine.name,
        "uplink": machine.uplink,
        "mac": machine.mac,
        "vtep": str(machine.vtep),
        "control": str(run_dir.control(machine.name)),
        "records_dir": str(run_dir.records),
        "vxlan_ports": [VXLAN_PORT],
        "containers": containers,
        "system": {"profile": "docker", "policy": "same_cpu"},
        "dilation": DILATION,
        "seed": 1,
    }


def answers_http2(path: Path) -> bool:
    """Whether an HTTP/2 server, such as gRPC's, answers on a Unix socket."""
    reply = _converse(path, HTTP2_HELLO, 9)
    return len(reply) >= 9 and reply[3] == HTTP2_SETTINGS


def answers_status(path: Path) -> bool:
    """Whether a control socket (one JSON object a line) answers ``status``."""
    request = json.dumps({"id": 1, "op": "status", "params": {}}).encode() + b"\n"
    reply = _converse(path, request, None)
    try:
        return json.loads(reply or b"{}").get("ok") is True
    except (ValueError, AttributeError):
        return False


def _converse(path: Path, request: bytes, size: int | None) -> bytes:
    """Send `request` and return `size` bytes, or a line; less when the other side has no more."""
    reply = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PROBE_SECONDS)
        try:
            sock.connect(os.fspath(path))
            sock.sendall(request)
            while len(reply) < size if size is not None else not reply.endswith(b"\n"):
                data = sock.recv(1 << 16)
                if not data:
                    break
                reply += data
        except (OSError, TimeoutError):
            return b""
    return reply
