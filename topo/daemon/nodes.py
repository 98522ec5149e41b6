"""Nodes of the network: Mininet hosts and switches, each a network namespace without a shell.

Mininet runs a bash on a pseudo-terminal in every node and configures through it, which merges
output and loses exit statuses. Here a sleeping process keeps the namespace open, and programs are
started by `Node.popen` with an argument list.
"""

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from select import select
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from typing import IO, Any

from topo.daemon.mininet_api import Host, Switch
from topo.errors import StartFailed

MNEXEC = shutil.which("mnexec") or "mnexec"
ADMIN_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # not in the PATH of Debian's users


class Namespaced:
    """Mixin for Mininet's node classes: a namespace without a shell. Goes first in the bases."""

    isSetup = True  # noqa: N815  # Mininet's name; keeps it from exiting when there is no ifconfig

    name: str
    pid: int
    holder: Popen[bytes]

    def startShell(self, mnopts: str | None = None) -> None:  # noqa: N802, ARG002  # Mininet's hook
        """Start the process that keeps the namespace open; `wait_ready` waits until it does."""
        # -d: own session; -n: own network and mount namespace, fresh /sys; then -p: report.
        command = [MNEXEC, "-dnp", "sleep", "infinity"]
        self.holder = Popen(command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, cwd="/")
        self.shell, self.pid, self.waiting = self.holder, self.holder.pid, False

    def wait_ready(self, timeout: float) -> None:
        """Return when the namespace exists; raise StartFailed when it cannot be created."""
        output = self.holder.stdout
        assert output is not None
        if not select([output], [], [], timeout)[0]:
            raise StartFailed(self.name, f"no network namespace within {timeout:g} s")
        said = output.readline()
        if not said.startswith(b"\x01"):  # mnexec -p prints ^A and its process number
            reason = said.decode(errors="replace").strip() or "mnexec ended"
            raise StartFailed(self.name, f"no network namespace: {reason}")
        self.netns = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    @property
    def is_alive(self) -> bool:
        """Whether the process that keeps the namespace is there; without it nothing starts."""
        return self.holder.poll() is None

    def resume(self) -> None:
        """Continue the process that keeps the namespace after a SIGSTOP."""
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """End the process that keeps the namespace, and let go of it."""
        self.holder.kill()
        self.holder.wait()
        os.close(self.netns)

    def run(
        self,
        argv: Sequence[str],
        stdin: int | IO[Any],
        stdout: int | IO[Any],
        stderr: int | IO[Any],
        env: Mapping[str, str] | None = None,
        cwd: str | Path = "/",
    ) -> "Popen[bytes]":
        """Start a program in a session of its own, so that its process group has its number."""
        environment = dict(os.environ if env is None else env)
        path = environment.get("PATH", os.defpath).split(os.pathsep)
        environment["PATH"] = os.pathsep.join([*path, *(d for d in ADMIN_PATH if d not in path)])
        process: Popen[bytes] = self.popen(  # type: ignore[attr-defined]  # Mininet's Node has it
            [*argv],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=cwd,
            mncmd=[MNEXEC, "-da", str(self.pid)],
        )
        return process


class Machine(Namespaced, Host):  # type: ignore[misc]  # Mininet carries no types
    """A receiving host; its network stack is rxpath."""


class Container(Namespaced, Host):  # type: ignore[misc]  # Mininet carries no types
    """A container: applications and the kernel's own network stack."""


class P4Switch(Namespaced, Switch):  # type: ignore[misc]  # Mininet carries no types
    """A switch; `topo.system.targets` has the programs that can be one."""
