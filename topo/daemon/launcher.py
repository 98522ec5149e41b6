"""The program that creates the containers of a network; `topo.container` says how."""

import json
import sys
import threading
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import IO

from topo import container
from topo.container.view import Files
from topo.errors import StartFailed
from topo.system.linux import wait_readable

# Of the standard library only: starts in milliseconds, whatever the environment says.
CONTAINER = (sys.executable, "-I", "-S", str(Path(container.__file__).with_name("__main__.py")))


class Launcher:
    """Creates containers that see `files` of the machine's. Its program is started when needed."""

    def __init__(self, files: Files) -> None:
        self._command = [*CONTAINER, "hold", json.dumps(files)]
        self._program: Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._answers: dict[str, int | str] = {}

    def begin(self, name: str) -> None:
        """Have a container created; `finish` waits for it."""
        with self._lock:
            self._answers.pop(name, None)
            if self._program is None or self._program.poll() is not None:
                self._program = Popen(
                    self._command, stdin=PIPE, stdout=PIPE, stderr=STDOUT, cwd="/", bufsize=0
                )
            assert self._program.stdin is not None
            self._program.stdin.write(f"{name}\n".encode())

    def finish(self, name: str, timeout: float) -> int:
        """The number of a container's process 1; StartFailed when there is none in time."""
        with self._lock:
            assert self._program is not None
            assert self._program.stdout is not None
            while name not in self._answers:
                self._receive(self._program.stdout, name, timeout)
            answer = self._answers.pop(name)
        if isinstance(answer, str):
            raise StartFailed(name, f"no namespaces: {answer}")
        return answer

    def _receive(self, output: IO[bytes], name: str, timeout: float) -> None:
        if not wait_readable([output.fileno()], timeout):
            raise StartFailed(name, f"no namespaces within {timeout:g} s")
        line = output.readline()
        try:
            answered, answer = json.loads(line)
        except ValueError:  # its end, or a traceback of Python's
            said = (line + output.read()).decode(errors="replace").strip()
            raise StartFailed(name, "the launcher of containers ended", said) from None
        self._answers[answered] = answer
