"""Commands that do not end by themselves: servers, and programs in a terminal."""

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
from collections.abc import Iterator, Sequence
from pathlib import Path

from labs.pages.blocks import Command, lacking

ENDED = {"falcon_ctl": 130, "v1switch": 0}  # by Ctrl-C
_SIZE = struct.pack("HHHH", 40, 160, 0, 0)  # rows and columns of the terminal
_STYLE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>()][B0]?")


@contextlib.contextmanager
def serving(
    command: Command,
    argv: Sequence[str],
    cwd: Path,
    env: dict[str, str],
    seconds: float,
    out: Path,
) -> Iterator[None]:
    """Run a server until what the page shows of it is there, and on until the block's end.

    `out` gets what it prints. Then it is interrupted, as by Ctrl-C: falcon_ctl exits with 130, and
    v1switch, as BMv2, with 0.
    """
    with out.open("wb") as file:
        process = subprocess.Popen(
            ["stdbuf", "-oL", *argv], cwd=cwd, env={**env, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        end = time.monotonic() + seconds
        assert command.shown, f"$ {command.text}: the page shows no line of when it serves"
        while missing := lacking(command.shown, out.read_text()):
            said = f"$ {command.text}\nno line like: {missing}\n{out.read_text()}"
            assert process.poll() is None, said
            assert time.monotonic() < end, said
            time.sleep(0.05)
        yield
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(seconds)
        ended = next((code for name, code in ENDED.items() if name in command.text), status)
        assert status == ended, f"$ {command.text}: {status}\n{out.read_text()}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def in_terminal(
    command: Command, typed: str, cwd: Path, env: dict[str, str], seconds: float
) -> None:
    """Run a command in a terminal until it shows what the page shows, then type what ends it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, _SIZE)
    env = {key: value for key, value in env.items() if key not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        ["bash", "-c", command.text], cwd=cwd, env={**env, "TERM": "xterm-256color"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said, end, is_typed = b"", time.monotonic() + seconds, False
    try:
        while process.poll() is None:
            assert time.monotonic() < end, f"$ {command.text}\n{said.decode(errors='replace')}"
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    said += os.read(ours, 1 << 16)
                except OSError:  # it has closed the terminal
                    continue
            text = _STYLE.sub(b" ", said).decode(errors="replace").replace("\r", "\n")
            if not is_typed and not lacking(command.shown, text):
                os.write(ours, typed.encode() if len(typed) == 1 else f"{typed}\r".encode())
                is_typed = True
        assert process.returncode == 0, said.decode(errors="replace")
        assert is_typed, said.decode(errors="replace")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(ours)
