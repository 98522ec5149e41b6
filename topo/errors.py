"""The errors of topo, with their fields and exit status."""

from pathlib import Path
from typing import ClassVar

LONGEST = 300  # characters of an error that quotes a file


class TopoError(Exception):
    """Base class of topo's errors; the text is one or a few lines that a user can act on."""

    exit_code: ClassVar[int] = 1


class CallError(TopoError):
    """The input is wrong; nothing was started."""

    exit_code = 2


class SpecError(CallError):
    """A topology is malformed or inconsistent.

    Attributes:
        source: file or builder that the topology came from.
        line: 1-based line in the file; None when there is no file.
        path: key path of the offending value, such as ``containers.red1-1.ip``.
        expected: what was expected, and what was found instead.
    """

    def __init__(self, source: str, line: int | None, path: str, expected: str) -> None:
        self.source, self.line = source, line
        self.path, self.expected = path, expected = _one_line(path), _one_line(expected)
        place = source if line is None else f"{source}:{line}"
        super().__init__(f"{place}: {path}: {expected}" if path else f"{place}: {expected}")


def escaped(text: str) -> str:
    """Escape control characters of others' text, so that a terminal only shows it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _one_line(text: str) -> str:
    """Escape control characters and shorten text that is quoted from a file."""
    shown = escaped(text)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


class SystemLacks(CallError):
    """The machine lacks something that a network needs; `missing` has one line for each."""

    def __init__(self, missing: list[str]) -> None:
        self.missing = missing
        super().__init__("\n".join(missing))


class RunDirError(CallError):
    """The run directory is not a private directory of this user."""

    def __init__(self, path: Path, expected: str) -> None:
        self.path, self.expected = path, expected
        super().__init__(f"{path}: {expected}")


class NotRunning(TopoError):
    """No network is up in this run directory."""

    exit_code = 3

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        super().__init__(
            f"no network is up in {run_dir} (bring one up: make topo, or falcon-topo up)"
        )


class SocketRemoved(NotRunning):
    """A network is up in this run directory, but cannot be reached: its socket was removed."""

    exit_code = 1

    def __init__(self, run_dir: Path, daemon: int) -> None:
        self.run_dir = run_dir
        TopoError.__init__(
            self,
            f"the network of {run_dir} is up (daemon {daemon}), but its socket was removed: "
            "make topo repairs it, make down ends it",
        )


class Busy(TopoError):
    """Another `up` or `down` is running in this run directory."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        super().__init__(f"another `topo up` or `topo down` is running in {run_dir}: try again")


class OtherNetworkUp(TopoError):
    """A network is up already, and it is not the requested one or not intact."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: take it down first")


class StartFailed(TopoError):
    """The network did not come up (nothing of it is left), or did not go down.

    Attributes:
        part: what failed (a switch, a machine's rxpath, ``namespaces``, ``links`` …).
        reason: one line.
        log: the last lines of its log, if any.
    """

    def __init__(self, part: str, reason: str, log: str = "") -> None:
        self.part, self.reason, self.log = part, reason, log
        tail = "".join(f"\n  | {line}" for line in log.splitlines())
        super().__init__(f"{part}: {reason}{tail}")


class RequestError(TopoError):
    """The daemon answered a request with an error.

    Attributes:
        kind: ``bad_request`` (the request is wrong), ``failed`` (the daemon could not do it) or
            ``timeout`` (no reply; raised by the client).
        where: the parameter, node or program concerned.
    """

    def __init__(self, kind: str, where: str, message: str) -> None:
        self.kind, self.where, self.message = kind, where, message
        super().__init__(f"{where}: {message}")

    @property
    def is_timeout(self) -> bool:
        """True when the daemon is running but does not reply."""
        return self.kind == "timeout"

    @property
    def is_bad_request(self) -> bool:
        """True when the request was wrong, rather than its execution."""
        return self.kind == "bad_request"
