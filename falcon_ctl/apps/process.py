"""Runs a program in a container: its output, its exit status, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING

from falcon_ctl.apps.application import Command
from topo.client.execution import Streams
from topo.client.network import Network
from topo.errors import TopoError

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

_LOOK = 0.02  # s; one look at whether it has ended
_GRACE = 3.0  # s between SIGTERM and SIGKILL
_LAST = 3  # lines of output that an error quotes
_LONGEST = 200  # characters of each


class Process:
    """A program that runs in a container; a context manager that ends it.

    Its output goes to files without a name, so that it never waits for a reader and nothing is left
    of them.
    """

    def __init__(self, network: Network, node: str, command: Command) -> None:
        self.node = node
        self.name = Path(command.argv[0]).name
        self.returncode: int | None = None
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  # closed by __exit__
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        streams = Streams(null, self._output.fileno(), self._errors.fileno())
        try:
            self._execution = network.start(node, command.argv, streams=streams, cwd="/")
        except BaseException:
            self._close()
            raise
        finally:
            os.close(null)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it, its children included, and return when it has ended."""
        with contextlib.suppress(TopoError):  # the network went down, and the program with it
            self.end(0.0 if kind else _GRACE)
        self._execution.close()
        self._close()

    @property
    def has_ended(self) -> bool:
        """Whether it has ended; `returncode` says how then."""
        with contextlib.suppress(TimeoutError):
            self.returncode = self._execution.wait(_LOOK)
        return self.returncode is not None

    def wait(self, seconds: float, look: Callable[[], object]) -> bool:
        """Wait until it ends, for `seconds` at most, and call `look` again and again meanwhile.

        Returns whether it has ended.
        """
        end = time.monotonic() + seconds
        while not self.has_ended and time.monotonic() < end:
            look()
        return self.returncode is not None

    def end(self, grace: float) -> None:
        """Have it end: SIGTERM, and SIGKILL after `grace` seconds."""
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, _GRACE)):
            if self.has_ended:
                return
            if seconds:
                self._execution.send_signal(number)
                with contextlib.suppress(TimeoutError):
                    self.returncode = self._execution.wait(seconds)

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return _text(self._output)

    @property
    def errors(self) -> str:
        """What it has printed to standard error so far."""
        return _text(self._errors)

    @property
    def exit_text(self) -> str:
        """How it ended, with the end of its output."""
        said = last_lines(f"{self.output}\n{self.errors}")
        ended = how_it_ended(self.returncode)
        tail = f"; its last output: {said}" if said else "; it printed nothing"
        return f"{self.name} in {self.node} {ended}{tail}"

    def _close(self) -> None:
        self._output.close()
        self._errors.close()


def how_it_ended(returncode: int | None) -> str:
    """An exit status as subprocess reports it, in words."""
    if returncode is None:
        return "did not end"
    if returncode < 0:
        return f"was killed by {signal.Signals(-returncode).name}"
    return f"ended with status {returncode}"


def last_lines(text: str) -> str:
    """The last lines of a text that are not empty, as one."""
    lines = [line.strip()[:_LONGEST] for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-_LAST:])


def _text(file: IO[bytes]) -> str:
    """The file's content; the program goes on to write at its end."""
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode(errors="replace")
