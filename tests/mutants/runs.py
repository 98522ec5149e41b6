"""Run tests on mutants, each in a process forked from one that has the libraries loaded."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]
MEMORY = 6 << 30  # bytes of address space
POLL_S = 0.01
LIBRARIES = ("numpy", "numba", "llvmlite.binding", "hypothesis", "pytest", "pydantic", "yaml")


@dataclass(frozen=True)
class Job:
    """Tests to run with one file replaced.

    Attributes:
        key: what the caller calls it.
        tests: arguments of pytest; the first failure ends the run.
        cpu: seconds of CPU time until it is killed.
        file: the file to replace, from the root, and its text; nothing is replaced when empty.
    """

    key: object
    tests: Sequence[str]
    cpu: int
    file: str = ""
    text: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: pytest's exit status (None: killed by a limit), CPU seconds, its output."""

    job: Job
    status: int | None
    cpu: float
    output: str


@dataclass
class Slot:
    """A copy of the project, in which one run goes on at a time."""

    copy: Path
    job: Job | None = None
    pid: int = 0
    deadline: float = 0.0
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.copy.with_suffix(".log")

    def start(self, job: Job) -> None:
        """Replace the file and fork the run."""
        self.job = job
        if job.file:
            (self.copy / job.file).write_text(job.text)
        sys.stdout.flush()
        self.deadline = time.monotonic() + 10 * job.cpu
        self.pid = os.fork()
        if self.pid == 0:
            _run(self.copy, self.log, job)

    def ended(self) -> Outcome | None:
        """Return the outcome when the run has ended, with the file as it was."""
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid == 0:
            if time.monotonic() > self.deadline:
                os.kill(self.pid, signal.SIGKILL)
            return None
        job, self.job = self.job, None
        assert job is not None
        if job.file:
            shutil.copyfile(ROOT / job.file, self.copy / job.file)
        code = os.waitstatus_to_exitcode(status)
        output = self.log.read_text(errors="replace")
        return Outcome(job, code if code >= 0 else None, usage.ru_utime + usage.ru_stime, output)


def _run(copy: Path, log: Path, job: Job) -> NoReturn:
    """Run pytest in the copy; this process holds the libraries and nothing of the project."""
    os.setsid()
    for stream in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    resource.setrlimit(resource.RLIMIT_CPU, (job.cpu, job.cpu + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.chdir(copy)
    here = [str(ROOT), "", str(Path.cwd())]
    sys.path[:] = [str(copy), *(entry for entry in sys.path if entry not in here)]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    import pytest

    status = 1
    try:
        status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--tb=short", *job.tests]))
    finally:
        os._exit(status)


def run_all(jobs: Sequence[Job], workers: int, folder: Path) -> Iterator[Outcome]:
    """Run jobs, as many side by side as there are workers, and yield outcomes as they come."""
    for name in LIBRARIES:
        __import__(name)
    slots = [Slot(copied(folder / f"copy-{number}")) for number in range(workers)]
    waiting = list(reversed(jobs))
    while waiting or any(slot.job for slot in slots):
        for slot in slots:
            if slot.job is None and waiting:
                slot.start(waiting.pop())
            elif slot.job is not None and (outcome := slot.ended()):
                yield outcome
        time.sleep(POLL_S)


def copied(folder: Path) -> Path:
    """Copy all files that Git knows into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder
