"""Drive ``python -m topo`` as a user would, on a run directory of the test's own."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from topo.client import pids
from topo.client.network import Network

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


class Topo:
    """The command line on one run directory; `prefix` is put before every command.

    `program` starts it, in the directory `cwd`.
    """

    def __init__(
        self,
        run_dir: Path,
        prefix: Sequence[str] = (),
        program: Sequence[str] = (sys.executable, "-m", "topo"),
        cwd: Path = ROOT,
    ) -> None:
        self.run_dir, self.prefix = run_dir, list(prefix)
        self.program, self.cwd = list(program), cwd
        self.env = os.environ | {"FALCON_RUN_DIR": str(run_dir)}

    def argv(self, *arguments: str) -> list[str]:
        return [*self.prefix, *self.program, *arguments]

    def __call__(
        self, *arguments: str, status: int | None = 0, **kwargs: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; `status` is the exit status that it must have."""
        done = subprocess.run(
            self.argv(*arguments),
            **{"env": self.env, "cwd": self.cwd, "capture_output": True, "text": True} | kwargs,
        )
        what = f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert status is None or done.returncode == status, what
        return done

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command and return at once."""
        return subprocess.Popen(
            self.argv(*arguments),
            env=self.env,
            cwd=self.cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def status(self) -> dict[str, Any]:
        done = self("status", "--json", status=None)
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def network(self) -> Network:
        return Network.connect(self.run_dir)

    def family(self) -> list[int]:
        """Our numbers of every process in the daemon's namespaces, process 1 first."""
        with self.network() as network:
            daemon = network.daemon_pid
        init = pids.init_of(daemon)
        assert init is not None
        return [init, *pids.translation(daemon).values()]

    def files(self) -> set[str]:
        if not self.run_dir.exists():
            return set()
        return {path.name for path in self.run_dir.rglob("*")}


@contextlib.contextmanager
def network_up(source: str, *options: str, start: Sequence[str] = ()) -> Iterator[Topo]:
    """The network `source`, up in a run directory of its own; taken down at the end.

    `start` is put before the command that brings it up.
    """
    path = Path(tempfile.mkdtemp(prefix="topo-test-", dir="/tmp"))
    topo = Topo(path)
    try:
        Topo(path, start)("up", source, *options)
        yield topo
    finally:
        topo("down", status=None)
        shutil.rmtree(path, ignore_errors=True)


def until(probe: Callable[[], T], deadline: float = 60.0) -> T:
    """Call `probe` until it returns something true, and return that."""
    end = time.monotonic() + deadline
    while not (result := probe()):
        assert time.monotonic() < end, f"{probe} did not come true"
        time.sleep(0.02)
    return result


def is_gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody reaps has)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return text.rpartition(")")[2].split()[0] in "ZX"


def long(number: int) -> str:
    """Seconds that no other process of tests sleeps for, to know a process by."""
    return str(number * 10_000_000 + os.getpid())


def sleepers(argument: str) -> list[int]:
    """Processes with this argument, in any namespace."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if argument.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def interfaces() -> set[str]:
    return {path.name for path in Path("/sys/class/net").iterdir()}


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """End one process, and return when it has ended."""
    os.kill(pid, number)
    until(lambda: is_gone(pid))
