"""The switches under test, started in the same way: v1switch and BMv2's simple_switch_grpc."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType

import grpc
from p4.v1 import p4runtime_pb2, p4runtime_pb2_grpc
from typing_extensions import Self

from tests.switch.harness import PATIENCE, Sandbox, SandboxError, poll

V1SWITCH = "v1switch"
BMV2 = "bmv2"
TARGETS = (V1SWITCH, BMV2)
START_PATIENCE = 30.0
CPU_PORT = 510
DROP_PORT = 511
THRIFT_PORT = 9090
LOG_TAIL = 2000


def installed(name: str) -> bool:
    """Whether a target can be started here."""
    return name == V1SWITCH or shutil.which("simple_switch_grpc") is not None


class Target:
    """A running switch with P4Runtime on a Unix socket. Enter it to start it.

    Args:
        name: "v1switch" or "bmv2".
        sandbox: where it runs; the sandbox's interface sw<n> is its port n.
        device_id: for P4Runtime.
        options: further options of the common command line, before the `--`.
        log_level: of the target's own log file.
        program: what to start instead of the v1switch of this checkout.
    """

    def __init__(
        self,
        name: str,
        sandbox: Sandbox,
        *,
        device_id: int = 1,
        options: Sequence[str] = (),
        log_level: str = "warn",
        program: Sequence[str] = (sys.executable, "-m", "v1switch"),
    ) -> None:
        self.name = name
        self.sandbox = sandbox
        self.device_id = device_id
        self.options = list(options)
        self.log_level = log_level
        self.program = list(program)
        self.pid = 0
        self.output = sandbox.directory / f"{name}.out"
        self.log = sandbox.directory / f"{name}.log"  # BMv2 appends a suffix
        self._rpc_path = sandbox.directory / f"{name}.p4rt.sock"

    @property
    def address(self) -> str:
        """Where its P4Runtime server listens, in gRPC's notation."""
        return f"unix:{self._rpc_path}"

    def __enter__(self) -> Self:
        """Start the switch and wait until it answers."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the switch."""
        self.stop()

    def command(self) -> list[str]:
        """Return the command line, with the options that only BMv2 has."""
        interfaces = [
            word for n in self.sandbox.numbers for word in ("-i", f"{n}@{self.sandbox.ifname(n)}")
        ]
        return [
            *self._program(),
            *interfaces,
            *("--device-id", str(self.device_id)),
            *("--log-file", str(self.log), "--log-level", self.log_level),
            *self._limits(),
            *self.options,
            "--no-p4",
            "--",
            *("--grpc-server-addr", self.address),
            *("--cpu-port", str(CPU_PORT), "--drop-port", str(DROP_PORT)),
        ]

    def start(self) -> None:
        """Start the switch and poll until its P4Runtime server answers.

        Raises:
            SandboxError: it ended, or did not answer in time; with the end of its output.
        """
        self._rpc_path.unlink(missing_ok=True)
        self.pid = self.sandbox.start(self.command(), self.output)
        try:
            poll(self._answers, f"{self.name} answers P4Runtime", START_PATIENCE)
        except SandboxError as error:
            raise SandboxError(f"{error}\n{self.tail()}") from error

    def stop(self) -> int:
        """End the switch as Ctrl-C would and return its exit status."""
        if self.pid == 0:
            return 0
        pid, self.pid = self.pid, 0
        if self.sandbox.exit_status(pid) is None:
            self.sandbox.signal(pid, signal.SIGINT)
        return self.sandbox.wait(pid, PATIENCE)

    def alive(self) -> bool:
        """Whether the switch still runs."""
        return self.pid != 0 and self.sandbox.exit_status(self.pid) is None

    def written(self) -> list[str]:
        """Return what the switch wrote, a text for each file."""
        files: list[Path] = sorted(self.sandbox.directory.glob(f"{self.name}.*"))
        return [f.read_text(errors="replace") for f in files if f.is_file()]

    def tail(self) -> str:
        """Return the end of what the switch wrote."""
        return "\n".join(text[-LOG_TAIL:] for text in self.written() if text)

    def _program(self) -> list[str]:
        if self.name == V1SWITCH:
            return self.program
        return ["simple_switch_grpc"]

    def _limits(self) -> list[str]:
        if self.name == V1SWITCH:
            return []
        options = ["--log-file-max-size", str(4 << 20), "--log-file-max-files", "1"]
        options += ["--thrift-port", str(THRIFT_PORT)]
        if "--notifications-addr" in _bmv2_help():  # a BMv2 that was built without nanomsg has none
            path = f"ipc://{self.sandbox.directory}/notifications.ipc"
            options += ["--notifications-addr", path]
        return options

    def _answers(self) -> bool:
        if not self.alive():
            raise SandboxError(f"{self.name} ended while it started")
        with grpc.insecure_channel(self.address) as channel:
            stub = p4runtime_pb2_grpc.P4RuntimeStub(channel)
            try:
                stub.Capabilities(p4runtime_pb2.CapabilitiesRequest(), timeout=1)
            except grpc.RpcError:
                return False
        return True


@cache
def _bmv2_help() -> str:
    done = subprocess.run(
        ["simple_switch_grpc", "--help"], capture_output=True, text=True, check=False
    )
    return done.stdout
