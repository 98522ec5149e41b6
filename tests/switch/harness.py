"""A sandbox for a switch: its own user (without root), network and PID namespaces.

    with Sandbox(ports=3) as sandbox:
        with Target("v1switch", sandbox) as switch:     # harness_targets
            with SwitchClient(switch.address) as p4rt:  # harness_client
                sandbox.port(1).send(frame)
                answer = sandbox.port(2).receive()

Nothing of it is visible outside, so several sandboxes can run at once, and all of it is removed
when the `with` block ends or when the test process dies, for whatever reason. Works as root, and
as an ordinary user where unprivileged user namespaces are allowed.
"""

import contextlib
import functools
import json
import os
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from typing_extensions import Self

ROOT = Path(__file__).parents[2]
AGENT = Path(__file__).with_name("harness_agent.py")
PATIENCE = 40.0  # seconds to wait for anything; a computer under load
POLL_INTERVAL = 0.005

SOL_PACKET = 263
PACKET_AUXDATA = 8
AUXDATA = struct.Struct("IIIHHHH")  # include/uapi/linux/if_packet.h: struct tpacket_auxdata
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
ETHERTYPE_VLAN = 0x8100
LONGEST_FRAME = 1 << 16

T = TypeVar("T")


class SandboxError(Exception):
    """The sandbox or something in it failed; the message says what."""


def poll(question: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """Call `question` until its result is true, and return that.

    Raises:
        SandboxError: it was not true within `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise SandboxError(f"{what}: not within {patience} s, last answer {answer!r}")
        time.sleep(POLL_INTERVAL)
    return answer


@functools.cache
def namespaces_allowed() -> bool:
    """Whether this user may create namespaces: root, or where the system allows it to users."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(["unshare", *user, "--net", "true"], capture_output=True, check=False)
    return done.returncode == 0


class Port:
    """The test's end of the link to one switch port: whole Ethernet frames, as on the wire."""

    def __init__(self, number: int, raw: socket.socket) -> None:
        self.number = number
        self._socket = raw
        self._readable = selectors.DefaultSelector()
        self._readable.register(raw, selectors.EVENT_READ)

    def fileno(self) -> int:
        """Return the raw socket's descriptor, for tests that read in bulk."""
        return self._socket.fileno()

    def send(self, *frames: bytes) -> None:
        """Put frames on the wire towards the switch, waiting while the queue is full."""
        for frame in frames:
            self._socket.setblocking(True)
            try:
                self._socket.send(frame)
            finally:
                self._socket.setblocking(False)

    def receive(self, patience: float = PATIENCE) -> bytes:
        """Return the next frame that left the switch by this port.

        Raises:
            SandboxError: none came within `patience` seconds.
        """
        deadline = time.monotonic() + patience
        while (frame := self.receive_now()) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not self._readable.select(left):
                raise SandboxError(f"port {self.number}: no frame within {patience} s")
        return frame

    def receive_now(self) -> bytes | None:
        """Return the next frame that has already arrived, or None."""
        try:
            frame, ancillary, _, _ = self._socket.recvmsg(LONGEST_FRAME, socket.CMSG_SPACE(64))
        except BlockingIOError:
            return None
        return _with_tag(frame, ancillary)

    def drain(self) -> list[bytes]:
        """Return every frame that has already arrived."""
        frames = []
        while (frame := self.receive_now()) is not None:
            frames.append(frame)
        return frames

    def close(self) -> None:
        """Close the socket."""
        self._readable.close()
        self._socket.close()


def _with_tag(frame: bytes, ancillary: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Put the 802.1Q tag back that the kernel takes out of what a packet socket receives."""
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, tpid = AUXDATA.unpack_from(data)
            if status & TP_STATUS_VLAN_VALID:
                known = status & TP_STATUS_VLAN_TPID_VALID
                tag = struct.pack("!HH", tpid if known else ETHERTYPE_VLAN, tci)
                return frame[:12] + tag + frame[12:]
    return frame


class Sandbox:
    """Namespaces with `ports` veth pairs: `sw1`, `sw2`, ... for the switch, the other ends for us.

    Enter it before use. `directory` holds logs and Unix sockets, and is removed at the end.
    """

    def __init__(self, ports: int = 3, mtu: int = 9000) -> None:
        self.numbers = range(1, ports + 1)
        self.mtu = mtu
        self.directory = Path()
        self._ports: dict[int, Port] = {}
        self._stack = contextlib.ExitStack()
        self._socket: socket.socket

    def __enter__(self) -> Self:
        """Build it; on an error everything is removed."""
        with contextlib.ExitStack() as stack:
            self.directory = Path(tempfile.mkdtemp(prefix="falcon-sw-"))
            stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self._socket = self._enter_namespaces(stack)
            self._call(
                "veths", pairs=[[self.ifname(n), f"far{n}"] for n in self.numbers], mtu=self.mtu
            )
            for number in self.numbers:
                port = self._ports[number] = Port(number, self.raw_socket(self.far_ifname(number)))
                stack.callback(port.close)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take everything down."""
        self._stack.close()

    @staticmethod
    def ifname(number: int) -> str:
        """Return the name of the interface that a switch gets as port `number`."""
        return f"sw{number}"

    @staticmethod
    def far_ifname(number: int) -> str:
        """Return the name of our end of the link to port `number`."""
        return f"far{number}"

    def port(self, number: int) -> Port:
        """Return our end of the link to the switch's port `number`."""
        return self._ports[number]

    def drain(self) -> dict[int, list[bytes]]:
        """Return every frame that has already arrived, by port; quiet ports are left out."""
        arrived = {number: port.drain() for number, port in self._ports.items()}
        return {number: frames for number, frames in arrived.items() if frames}

    def raw_socket(self, ifname: str) -> socket.socket:
        """Open a packet socket on an interface of the sandbox."""
        _, (descriptor,) = self._exchange("socket", ifname=ifname)
        return socket.socket(fileno=descriptor)

    def connect(self, port: int) -> socket.socket:
        """Connect to a TCP port that a program in the sandbox listens at."""
        _, (descriptor,) = self._exchange("connect", port=port)
        return socket.socket(fileno=descriptor)

    def ip(self, *words: str) -> None:
        """Run `ip WORDS` in the sandbox; its error output becomes a SandboxError."""
        self._call("ip", words=list(words))

    def start(self, argv: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> int:
        """Start a program in the sandbox and return its pid there."""
        environment = {**os.environ, **(env or {})}
        result = self._call("start", argv=list(argv), env=environment, cwd=str(ROOT), log=str(log))
        return int(result["pid"])

    def exit_status(self, pid: int) -> int | None:
        """Return a started program's exit status, or None while it runs."""
        status = self._call("poll", pid=pid)["status"]
        return None if status is None else int(status)

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a started program."""
        self._call("signal", pid=pid, number=int(number))

    def wait(self, pid: int, patience: float = PATIENCE) -> int:
        """Wait for a started program's end and return its status.

        Raises:
            SandboxError: it did not end in time and was killed.
        """
        result = self._call("wait", pid=pid, seconds=patience)
        if result["killed"]:
            raise SandboxError(f"pid {pid} did not end within {patience} s and was killed")
        return int(result["status"])

    def _enter_namespaces(self, stack: contextlib.ExitStack) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stack.enter_context(ours)
        ours.settimeout(6 * PATIENCE)
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        with theirs:
            process = subprocess.Popen(
                ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child",
                 sys.executable, str(AGENT), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
            )  # fmt: skip  # one line for unshare's words, one for the agent's
        stack.callback(_end, process)
        return ours

    def _call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self._exchange(operation, **params)[0]

    def _exchange(self, operation: str, **params: Any) -> tuple[dict[str, Any], list[int]]:
        request = json.dumps({"op": operation, "params": params}).encode()
        try:
            self._socket.send(request)
            reply, descriptors, _, _ = socket.recv_fds(self._socket, 1 << 20, 1)
        except OSError as error:
            raise SandboxError(f"{operation}: the sandbox does not answer ({error})") from error
        if not reply:
            raise SandboxError(f"{operation}: the sandbox is gone (unshare allowed?)")
        message = json.loads(reply)
        if not message["ok"]:
            raise SandboxError(f"{operation}: {message['error']}")
        return message["result"], list(descriptors)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the sandbox's first process; the kernel ends the others with it."""
    process.kill()  # unshare --kill-child takes the agent along
    process.wait()
