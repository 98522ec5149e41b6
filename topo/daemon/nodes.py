"""Nodes of the network: Mininet hosts and switches, each with namespaces and without a shell.

Mininet runs a bash on a pseudo-terminal in every node and configures through it, which merges
output and loses exit statuses. Here a sleeping process keeps the namespaces open, and programs are
started with an argument list. Switches and machines have a network and a mount namespace;
containers are kept apart from the machine, see `topo.container`.
"""

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from typing import IO, Any, NamedTuple

from topo.daemon.launcher import CONTAINER, Launcher
from topo.daemon.mininet_api import Host, Switch
from topo.errors import RequestError, StartFailed
from topo.system.linux import wait_readable

MNEXEC = shutil.which("mnexec") or "mnexec"
ADMIN_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # not in the PATH of Debian's users
ENTER_SECONDS = 20.0
END_SECONDS = 5.0
Stream = int | IO[Any]


class Running(NamedTuple):
    """A program that was started: the process to wait for, and the number of its process group."""

    process: "Popen[bytes]"
    leader: int


class Namespaced:
    """Mixin for Mininet's node classes: namespaces without a shell. Goes first in the bases.

    `pid` is the process that keeps them open, as Mininet's users expect it: it names them for
    netlink and nsenter(1).
    """

    isSetup = True  # noqa: N815  # Mininet's name; keeps it from exiting when there is no ifconfig

    name: str
    pid: int

    def begin(self) -> None:
        """Begin to create the namespaces; `finish` waits for them."""
        # -d: own session; -n: own network and mount namespace, fresh /sys; then -p: report.
        command = [MNEXEC, "-dnp", "sleep", "infinity"]
        self.holder = Popen(command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, cwd="/")

    def finish(self, timeout: float) -> int:
        """The number of the process that keeps the namespaces; StartFailed when there is none."""
        output = self.holder.stdout
        assert output is not None
        if not wait_readable([output.fileno()], timeout):
            raise StartFailed(self.name, f"no namespaces within {timeout:g} s")
        said = output.readline()
        if not said.startswith(b"\x01"):  # mnexec -p prints ^A and its process number
            reason = said.decode(errors="replace").strip() or "mnexec ended"
            raise StartFailed(self.name, f"no namespaces: {reason}")
        return self.holder.pid

    def startShell(self, mnopts: str | None = None) -> None:  # noqa: N802, ARG002  # Mininet's hook
        """Begin to create the namespaces; `wait_ready` waits until they are there."""
        self.begin()

    def wait_ready(self, timeout: float) -> None:
        """Return when the namespaces exist; raise StartFailed when they cannot be created."""
        self.pid = self.finish(timeout)
        self.pidfd = os.pidfd_open(self.pid)
        self.netns = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    @property
    def is_alive(self) -> bool:
        """Whether the process that keeps the namespaces open still does (pidfd_open(2))."""
        return not wait_readable([self.pidfd], 0)

    def resume(self) -> None:
        """Continue that process after a SIGSTOP."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGCONT)

    def close(self) -> None:
        """End that process, and with it every process of a container, and let go of it."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        wait_readable([self.pidfd], END_SECONDS)
        self.reap()
        os.close(self.pidfd)
        os.close(self.netns)

    def reap(self) -> None:
        """Take note of the process's end, as its parent."""
        with self.holder:
            pass

    def run(
        self,
        argv: Sequence[str],
        streams: tuple[Stream, Stream, Stream],
        env: Mapping[str, str] | None = None,
        cwd: str | Path = "/",
        privileged: bool = False,  # noqa: ARG002  # every program here is
    ) -> Running:
        """Start a program in a session of its own, so that its process group has its number.

        `streams` become its standard input, output and error. Raises RequestError when there is no
        directory `cwd`.
        """
        if not Path(cwd).is_dir():
            raise RequestError("bad_request", "cwd", f"{cwd} is not a directory in the network")
        process: Popen[bytes] = self.popen(  # type: ignore[attr-defined]  # Mininet's Node has it
            [*argv],
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            env=_environment(env),
            cwd=cwd,
            mncmd=[MNEXEC, "-da", str(self.pid)],
        )
        return Running(process, process.pid)


class Machine(Namespaced, Host):  # type: ignore[misc]  # Mininet carries no types
    """A receiving host; its network stack is rxpath."""


class P4Switch(Namespaced, Switch):  # type: ignore[misc]  # Mininet carries no types
    """A switch; `topo.system.targets` has the programs that can be one."""


class Container(Namespaced, Host):  # type: ignore[misc]  # Mininet carries no types
    """A container, made as ``(name, launcher=…)``: applications and the kernel's network stack."""

    params: dict[str, Launcher]

    def begin(self) -> None:
        """Have the launcher create the container."""
        self.params["launcher"].begin(self.name)

    def finish(self, timeout: float) -> int:
        """The number of the container's process 1; StartFailed when there is none."""
        return self.params["launcher"].finish(self.name, timeout)

    def reap(self) -> None:
        """Nothing: the parent of a container's process 1 is process 1 of the network."""

    def run(
        self,
        argv: Sequence[str],
        streams: tuple[Stream, Stream, Stream],
        env: Mapping[str, str] | None = None,
        cwd: str | Path = "/",
        privileged: bool = False,
    ) -> Running:
        """Start a program, see `Namespaced.run`; as the daemon could if it is `privileged`.

        Raises RequestError when it does not start.
        """
        reader, writer = os.pipe()
        kind = "privileged" if privileged else "confined"
        enter = [*CONTAINER, "enter", str(self.pidfd), str(writer), kind, os.fspath(cwd)]
        try:
            process = Popen(
                [*enter, *argv],
                stdin=streams[0],
                stdout=streams[1],
                stderr=streams[2],
                env=_environment(env),
                cwd="/",
                pass_fds=(self.pidfd, writer),
                start_new_session=True,
            )
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        return Running(process, self._leader(process, reader))

    def _leader(self, process: "Popen[bytes]", report: int) -> int:
        """The process number of the program that ``enter`` started."""
        with os.fdopen(report) as reader:
            text = reader.read() if wait_readable([report], ENTER_SECONDS) else ""
        match json.loads(text or "[]"):
            case [int(leader)]:
                return leader
            case ["cwd", _]:
                what = f"it is not a directory that {self.name} can enter (docs/containers.md)"
                error = RequestError("bad_request", "cwd", what)
            case [what, reason]:
                error = RequestError("failed", self.name, f"{what}: {reason}")
            case _:
                error = RequestError("failed", self.name, "the container does not answer")
        process.kill()
        process.wait()
        raise error


def _environment(env: Mapping[str, str] | None) -> dict[str, str]:
    environment = dict(os.environ if env is None else env)
    path = environment.get("PATH", os.defpath).split(os.pathsep)
    environment["PATH"] = os.pathsep.join([*path, *(d for d in ADMIN_PATH if d not in path)])
    return environment
