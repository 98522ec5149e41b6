"""One network under attack: its run directory, the commands that users type, and its processes.

Every wait is bounded. Only processes that this harness started, or that belong to the network which
it brought up, are ever signalled.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.topo.driver import ROOT, is_gone
from topo.client import pids
from topo.client.network import Network
from topo.errors import TopoError
from topo.system import linux

UP_SECONDS, DOWN_SECONDS = 120.0, 30.0
JOB_SECONDS = 60.0  # a short job takes 8 s on an idle machine, more when its runs are late
DISK_BYTES = 64 << 20
SHORT_JOB = ("--systems", "host", "--duration", "0.2")


class Ended(NamedTuple):
    """How a command ended: exit status (None: it had to be killed), output, seconds."""

    status: int | None
    out: str
    err: str
    seconds: float

    @property
    def last(self) -> str:
        """The last line of its errors, else of its output."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[-1] if lines else ""


class Job:
    """A running `falcon_ctl` of ours."""

    def __init__(self, world: "World") -> None:
        self.report = world.folder / "report.json"
        self.results = world.results
        argv = [sys.executable, "-m", "falcon_ctl", *SHORT_JOB, "--json", str(self.report)]
        # Not on the network's disk, which may be full.
        self._files = [tempfile.TemporaryFile("w+") for _ in range(2)]  # noqa: SIM115  # `_ended`
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*argv, "--results", str(self.results)],
            stdin=subprocess.DEVNULL,
            stdout=self._files[0],
            stderr=self._files[1],
            env=world.env,
            cwd=ROOT,
            start_new_session=True,
        )

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def wait(self, seconds: float) -> Ended:
        """Wait for its end; a job that does not end in time is killed."""
        status: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self.process.wait(max(0.0, seconds))
        if status is None:
            self.process.kill()
            self.process.wait()
        return self._ended(status)

    def _ended(self, status: int | None) -> Ended:
        texts = []
        for file in self._files:
            file.seek(0)
            texts.append(file.read())
            file.close()
        return Ended(status, texts[0], texts[1], round(time.monotonic() - self.began, 2))


def own_disks() -> bool:
    """Whether a run directory can have a small disk of its own."""
    return os.geteuid() == 0


class World:
    """The network of one run directory, on a small disk of its own where we may mount one."""

    def __init__(self, parent: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=parent))
        self.has_disk = own_disks()
        if self.has_disk:  # in the harness's mount namespace: nobody else sees it
            linux.mount("tmpfs", str(self.folder), "tmpfs", 0, f"size={DISK_BYTES},mode=700")
        self.run_dir = self.folder / "run"
        self.results = self.folder / "results"
        self.run_dir.mkdir(mode=0o700)
        self.env = os.environ | {"FALCON_RUN_DIR": str(self.run_dir)}

    # -- what users type ---------------------------------------------------------------------------

    def topo(self, *arguments: str, seconds: float = UP_SECONDS) -> Ended:
        """``python -m topo …``, which is what `make topo` and `make down` run."""
        return self._run([sys.executable, "-m", "topo", *arguments], seconds)

    def check(self) -> Ended:
        """A short but real main job."""
        return Job(self).wait(JOB_SECONDS)

    def main_job(self) -> Ended:
        """The whole main job."""
        argv = [sys.executable, "-m", "falcon_ctl", "--results", str(self.results)]
        return self._run(argv, 4 * JOB_SECONDS)

    def look(self) -> Ended:
        """Whether `status` calls the network usable and containers of a tenant answer."""
        return self.topo("status", seconds=20)

    def _run(self, argv: list[str], seconds: float) -> Ended:
        began = time.monotonic()
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env,
            cwd=ROOT,
            start_new_session=True,
        )
        status: int | None = None
        try:
            out, err = process.communicate(timeout=seconds)
            status = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        return Ended(status, out, err, round(time.monotonic() - began, 2))

    # -- what is there -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def network(self) -> Iterator[Network]:
        """A connection to the daemon."""
        with Network.connect(self.run_dir) as network:
            yield network

    def family(self) -> list[int]:
        """Every process of the network, process 1 of its namespaces first; [] when it is down."""
        try:
            with self.network() as network:
                daemon = network.daemon_pid
        except (TopoError, OSError):
            return []
        init = pids.init_of(daemon)
        return [init, *pids.translation(daemon).values()] if init else []

    def sweep_results(self) -> list[str]:
        """Problems of what a job left: a result is whole or not there. Removes all of it."""
        found = []
        report = self.folder / "report.json"
        if report.exists() and not _is_whole(report):
            found.append("report.json is not whole")
        found += [
            f"results/{folder.name} is not whole"
            for folder in sorted(self.results.glob("[!.]*"))
            if not _is_whole_folder(folder)
        ]
        report.unlink(missing_ok=True)
        shutil.rmtree(self.results, ignore_errors=True)
        return found

    def close(self, family: list[int]) -> None:
        """Take the network down, end what `family` left, remove the folder."""
        self.topo("down", seconds=DOWN_SECONDS)
        end_all(family)
        if self.has_disk:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False, timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)


def end_all(family: list[int]) -> list[int]:
    """Kill these processes, which were ours, and return those that had outlived their network."""
    left = [pid for pid in family if not is_gone(pid)]
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return left


def gone_within(family: list[int], seconds: float) -> list[int]:
    """Wait until these processes have ended; return those that have not."""
    end = time.monotonic() + seconds
    while (left := [pid for pid in family if not is_gone(pid)]) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def _is_whole(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_text())["checks"])
    except (OSError, ValueError, LookupError):
        return False


def _is_whole_folder(folder: Path) -> bool:
    """A report, a picture that ends as PNG files do, and captures that are not empty."""
    picture = folder / "figures.png"
    captures = list(folder.glob("*.pcapng"))
    return (
        _is_whole(folder / "report.json")
        and picture.exists()
        and picture.read_bytes().endswith(b"IEND\xaeB`\x82")
        and bool(captures)
        and all(capture.stat().st_size for capture in captures)
    )
