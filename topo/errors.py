"""What can go wrong with a network, as fields and as the exit status that it means."""

from pathlib import Path
from typing import ClassVar

LONGEST = 300  # characters of an error that quotes a file


class TopoError(Exception):
    """Root of this room's errors; its text is always one line or a few that a user can act on."""

    exit_code: ClassVar[int] = 1


class CallError(TopoError):
    """The caller's input is wrong: nothing was begun."""

    exit_code = 2


class SpecError(CallError):
    """A topology is not well formed.

    Attributes:
        source: file (or builder) that the topology came from.
        line: line in it, 1-based; None when it came from no file.
        path: key path of the offending value, such as ``containers.red1-1.ip``.
        expected: what should have stood there, and what stood there instead.
    """

    def __init__(self, source: str, line: int | None, path: str, expected: str) -> None:
        self.source, self.line = source, line
        self.path, self.expected = path, expected = _one_line(path), _one_line(expected)
        place = source if line is None else f"{source}:{line}"
        super().__init__(f"{place}: {path}: {expected}" if path else f"{place}: {expected}")


def _one_line(text: str) -> str:
    """Text of a file as it may stand in a message: control characters escaped, not too long."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


class SystemLacks(CallError):
    """The machine does not hold what a network needs; `missing` has one line for each thing."""

    def __init__(self, missing: list[str]) -> None:
        self.missing = missing
        super().__init__("\n".join(missing))


class RunDirError(CallError):
    """The run directory is not a private directory of the user's own."""

    def __init__(self, path: Path, expected: str) -> None:
        self.path, self.expected = path, expected
        super().__init__(f"{path}: {expected}")


class NotRunning(TopoError):
    """No network is up in this run directory."""

    exit_code = 3

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        super().__init__(f"no network is up in {run_dir} (bring one up: make topo)")


class Busy(TopoError):
    """Another `up` or `down` is at work in this run directory."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        super().__init__(f"another `topo up` or `topo down` is at work in {run_dir}: try again")


class StartFailed(TopoError):
    """The network did not come up; nothing of it is left.

    Attributes:
        part: the part that failed (a switch, a machine's rxpath, ``namespaces``, ``links`` …).
        reason: one line.
        log: the last lines that the part wrote, if it wrote any.
    """

    def __init__(self, part: str, reason: str, log: str = "") -> None:
        self.part, self.reason, self.log = part, reason, log
        tail = "".join(f"\n  | {line}" for line in log.splitlines())
        super().__init__(f"{part}: {reason}{tail}")


class RequestError(TopoError):
    """The daemon answered a request with an error.

    Attributes:
        kind: ``bad_request`` (the call is wrong) or ``failed`` (the network could not do it),
            or ``timeout`` (no answer; said by the client).
        where: the parameter, node or part that it is about.
    """

    def __init__(self, kind: str, where: str, message: str) -> None:
        self.kind, self.where, self.message = kind, where, message
        super().__init__(f"{where}: {message}")

    @property
    def is_timeout(self) -> bool:
        """True when the daemon holds the network up but does not answer."""
        return self.kind == "timeout"

    @property
    def is_bad_request(self) -> bool:
        """True when the caller, not the network, is at fault."""
        return self.kind == "bad_request"
