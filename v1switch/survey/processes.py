"""Runs a probe for each program, some at a time, and takes what they find."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from v1switch.survey.finding import FAILED, Finding

ROOT = Path(__file__).parents[2]
_WAITING = 10  # a probe on a busy machine may take this many times its processor time …
_STARTING = 60.0  # … and some seconds (s) to load Python and LLVM


class Probes:
    """Probes that run, until `close`.

    Attributes:
        seconds: processor time that each may take.
    """

    def __init__(self, jobs: int, seconds: int) -> None:
        self.seconds = seconds
        self._pool = ThreadPoolExecutor(jobs)
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] | None = set()  # None: no more are started

    def close(self) -> None:
        """End all probes."""
        with self._lock:
            running, self._running = self._running or set(), None
            for process in running:
                process.kill()
        self._pool.shutdown(cancel_futures=True)

    def findings(self, paths: Sequence[Path]) -> Iterator[Finding]:
        """Probe programs; gives what is found in their order."""
        return self._pool.map(self._finding, paths)

    def _finding(self, path: Path) -> Finding:
        process = self._start(path)
        if process is None:
            return Finding(str(path), FAILED, reason="interrupted")
        try:
            said, errors = process.communicate(timeout=_WAITING * self.seconds + _STARTING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return self._late(path)
        finally:
            with self._lock:
                if self._running is not None:
                    self._running.discard(process)
        if process.returncode == 0:
            return Finding(**json.loads(said))
        if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return self._late(path)
        return Finding(str(path), FAILED, reason=_end(process.returncode, errors))

    def _start(self, path: Path) -> subprocess.Popen[bytes] | None:
        places = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        command = [sys.executable, "-m", "v1switch.survey.probe", str(path), str(self.seconds)]
        with self._lock:
            if self._running is None:
                return None
            process = subprocess.Popen(
                command,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            self._running.add(process)
        return process

    def _late(self, path: Path) -> Finding:
        reason = f"no machine code after {self.seconds} s of processor time"
        return Finding(str(path), FAILED, reason=reason)


def _end(code: int, errors: bytes) -> str:
    """How a probe ended that found nothing."""
    lines = errors.decode(errors="replace").strip().splitlines()
    last = f": {lines[-1]}" if lines else ""
    how = f"signal {-code}" if code < 0 else f"status {code}"
    return f"the compiler ended with {how}{last}"
