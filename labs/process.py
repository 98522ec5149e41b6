"""The worker as the checker sees it: started, asked, bounded, and ended with its children."""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labs.worker import messages
from rxpath.texts import escaped

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

ROOT = Path(__file__).parents[1]
REAL_SECONDS = 30.0  # for an answer; it may use `limits.CALL_SECONDS` of processor time
START_SECONDS = 180.0  # for imports, and for kernels that are compiled once
MOST_LINE = 20 * 2**20  # bytes of an answer
MOST_PRINTED = 2**20  # bytes of output, of all requests
MOST_TRIED = 200  # characters of what was tried
KEPT_ERRORS = 2000  # bytes of what C libraries and programs write


class Ended(Exception):
    """The worker did not answer: `what` it did instead, and whether `time` was the reason."""

    def __init__(self, what: str, time: bool = False) -> None:
        super().__init__(what)
        self.what, self.time = what, time


def command(folder: Path, trial: Path | None = None, policies: Sequence[str] = ()) -> list[str]:
    """The command of a worker for the files in `folder`; to be run in `ROOT`."""
    words = [sys.executable, "-m", "labs.worker", str(folder.resolve())]
    if trial is not None:
        words += ["--trial", str(trial.resolve())]
    for name in policies:
        words += ["--policy", name]
    return words


def environment(hash_seed: int = 0) -> dict[str, str]:
    """Of a worker: the user's, with what makes runs equal."""
    fixed = {
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
    }
    dropped = ("PYTHONPATH", "PYTHONSTARTUP", "PYTHONINSPECT")
    return {key: value for key, value in os.environ.items() if key not in dropped} | fixed


_live: set[Process] = set()


def end_all() -> None:
    """End all workers, from any thread: who waits for an answer gets `Ended`."""
    for one in list(_live):
        one.kill()


class Process:
    """A worker; a context manager, which ends it and its children.

    Attributes:
        printed: what the student's code printed since it was last emptied.
        tried: what a guard has reported since then that the code tried (`labs.worker.guard`).
    """

    def __init__(self, words: Sequence[str], hash_seed: int = 0) -> None:
        self.printed, self.tried = "", list[str]()
        self._size = 0  # of all output
        self._errors = b""
        self._left = bytearray()
        self._awaited = ""
        self._child = subprocess.Popen(
            list(words),
            cwd=ROOT,
            env=environment(hash_seed),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that all that it started can be ended
        )
        _live.add(self)
        self._selector = selectors.DefaultSelector()
        for stream in (self._child.stdout, self._child.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ)

    def ask(self, request: dict[str, Any], seconds: float = 0.0) -> dict[str, Any]:
        """The answer to a request. Raises `Ended`, and then the worker is no more."""
        self._awaited = secrets.token_hex(8)
        try:
            line = messages.dump({"id": self._awaited, **request})
            assert self._child.stdin is not None
            try:
                self._child.stdin.write(line)
                self._child.stdin.flush()
            except BrokenPipeError:
                pass  # it has ended: reading its answer says how
            return self._answer(time.monotonic() + (seconds or REAL_SECONDS))
        except BaseException:
            self.close()
            raise

    def kill(self) -> None:
        """Kill it and all that it started, without waiting."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it and all that it started."""
        self.kill()
        self._child.wait()
        _live.discard(self)
        self._selector.close()
        for stream in (self._child.stdin, self._child.stdout, self._child.stderr):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]  # all three are pipes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, deadline: float) -> dict[str, Any]:
        while True:
            while (end := self._left.find(b"\n")) >= 0:
                line = bytes(self._left[:end])
                del self._left[: end + 1]
                answer = self._message(line)
                if answer is not None:
                    return answer
            if len(self._left) > MOST_LINE:
                raise Ended("returned too much")
            self._read(deadline)

    def _message(self, line: bytes) -> dict[str, Any] | None:
        """The answer to the last request, if a line is one."""
        try:
            found = messages.load(line)
        except ValueError:
            raise Ended("wrote into the pipe to the checker") from None
        if isinstance(found, dict) and isinstance(found.get("printed"), str):
            self._count(len(found["printed"]))
            self.printed += found["printed"]
            return None
        if isinstance(found, dict) and isinstance(found.get("tried"), str):
            self.tried.append(escaped(found["tried"], MOST_TRIED))
            raise Ended(self.tried[-1])
        if isinstance(found, dict) and found.get("id") == self._awaited:
            return found
        raise Ended("wrote into the pipe to the checker")

    def _read(self, deadline: float) -> None:
        """Wait for more of the pipes."""
        ready = self._selector.select(max(0.0, deadline - time.monotonic()))
        if not ready:
            raise Ended("did not end in time", time=True)
        for key, _ in ready:
            data = os.read(key.fd, 65536)
            if key.fileobj is self._child.stderr:
                if not data:
                    self._selector.unregister(key.fileobj)
                self._count(len(data))
                self._errors = (self._errors + data)[-KEPT_ERRORS:]
            elif data:
                self._left += data
            else:
                raise Ended(self._how_it_ended())

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MOST_PRINTED:
            raise Ended(f"printed more than {MOST_PRINTED >> 20} MiB")

    def _how_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1)
        status = self._child.poll()
        if status is None:
            return "closed the pipe to the checker"
        if status < 0:
            with contextlib.suppress(ValueError):
                return f"ended the process by {signal.Signals(-status).name}"
        return f"ended the process with status {status}"

    @property
    def errors(self) -> str:
        """The end of what bypassed Python's output, such as an error of the dynamic loader."""
        return self._errors.decode(errors="replace")
