"""Where a case runs: its copy of the checkout, its programs, its environment."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.clients.cases import Failed
from tests.clients.terminal import TAIL, Terminal

POLL_S = 0.1


@dataclass
class Place:
    """A directory of its own (it is /tmp in there), and the environment of the commands.

    `checkouts` are copies of the clients' directories by the name of their variables: a client
    may write into them.
    """

    switch: str  # "v1switch" or "bmv2"
    directory: Path
    checkouts: Mapping[str, Path]
    env: dict[str, str]
    stack: ExitStack = field(default_factory=ExitStack)

    def run(
        self, *argv: str, cwd: Path, patience_s: float = 60.0, check: bool = True, typed: str = ""
    ) -> str:
        """The output of a command, stderr included; Failed if it ends with a status.

        What it leaves running is not waited for, though that holds the output open.
        """
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as keys:
            keys.write(typed)
            keys.seek(0)
            process = subprocess.Popen(
                argv, cwd=cwd, env=self.env, stdin=keys, stdout=output, stderr=subprocess.STDOUT
            )
            try:
                status = process.wait(patience_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                status = None
            output.seek(0)
            shown = output.read()
        if status is None:
            tail = shown[-TAIL:].strip()
            raise Failed(f"{argv[0]} did not end in {patience_s:.0f} s: {tail}")
        if check and status:
            raise Failed(f"{argv[0]}: status {status}: {shown[-TAIL:].strip()}")
        return shown

    def terminal(self, *argv: str, cwd: Path, **env: str) -> Terminal:
        """A program at a terminal; it is ended with the case."""
        made = Terminal(argv, cwd=cwd, env={**self.env, **env})
        return self.stack.enter_context(made)

    def background(
        self, *argv: str, cwd: Path, output: Path, stdin: IO[bytes] | None = None
    ) -> subprocess.Popen[bytes]:
        """A program that writes to a file; it is ended with the case."""
        file = self.stack.enter_context(output.open("wb"))
        process = subprocess.Popen(
            argv, cwd=cwd, env=self.env, stdin=stdin or subprocess.DEVNULL, stdout=file,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.stack.callback(_end, process)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def require(true: object, otherwise: str) -> None:
    """Fail with a reason unless something is true."""
    if not true:
        raise Failed(otherwise)


def until(ready: Callable[[], object], what: str, patience_s: float = 20.0) -> None:
    """Wait for a condition; Failed when it does not come."""
    deadline = time.monotonic() + patience_s
    while not ready():
        if time.monotonic() > deadline:
            raise Failed(f"{what} did not come in {patience_s:.0f} s")
        time.sleep(POLL_S)


def on_path(directories: Sequence[Path], rest: str | None = None) -> str:
    """A PATH with directories in front."""
    return os.pathsep.join([*map(str, directories), rest or os.environ.get("PATH", os.defpath)])
