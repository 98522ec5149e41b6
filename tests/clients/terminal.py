"""A program at a terminal: what a person would type and wait for."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.clients.cases import Failed

SIZE = struct.pack("HHHH", 50, 1000, 0, 0)  # rows and columns: no line is folded
READ = 1 << 16  # bytes
TAIL = 600  # characters of output that a failure shows
END_S = 5.0
KEY_S = 0.1


class Terminal:
    """A program with a pseudo-terminal of its own, without echo; a context manager."""

    def __init__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        settings = termios.tcgetattr(slave)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, SIZE)
        self._process = subprocess.Popen(
            argv, cwd=cwd, env=dict(env), stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        self._pending = ""
        self.output = ""  # all that the program has written

    def type(self, line: str) -> None:
        """Type a line and Return."""
        os.write(self._master, line.encode() + b"\n")

    def type_slowly(self, line: str) -> None:
        """Type a line key by key: Mininet passes one on to a host's program for each poll."""
        for key in (*line, "\n"):
            os.write(self._master, key.encode())
            time.sleep(KEY_S)

    def interrupt(self) -> None:
        """Type Control-C."""
        os.write(self._master, b"\x03")

    def expect(self, pattern: str, patience_s: float = 60.0) -> str:
        """What was written up to the end of the first match of a pattern; Failed if none comes."""
        deadline = time.monotonic() + patience_s
        wanted = re.compile(pattern)
        while not (found := wanted.search(self._pending)):
            if not self._read(deadline):
                shown = self._pending[-TAIL:].strip()
                raise Failed(f"waited for {pattern!r}, got {shown!r}")
        before, self._pending = self._pending[: found.end()], self._pending[found.end() :]
        return before

    def _read(self, deadline: float) -> bool:
        """Read what comes; False when the program has ended or the time is up."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self._master], [], [], left)[0]:
            return False
        try:
            data = os.read(self._master, READ)
        except OSError:  # EIO: the other side is closed
            return False
        text = data.decode(errors="replace").replace("\r", "")
        self.output += text
        self._pending += text
        return bool(data)

    def read_for(self, seconds: float) -> None:
        """Read what comes in some time."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            pass

    def wait(self, patience_s: float) -> int:
        """Read until the program ends; its exit status."""
        deadline = time.monotonic() + patience_s
        while self._read(deadline):
            pass
        try:
            return self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failed(f"did not end in {patience_s:.0f} s: {self.output[-TAIL:]!r}") from None

    def __enter__(self) -> Terminal:  # noqa: PYI034 - Self is of Python 3.11
        """Use the terminal."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up, and end the program if that does not."""
        os.close(self._master)
        for number in (signal.SIGHUP, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
                break
