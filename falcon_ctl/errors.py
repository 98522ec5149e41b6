"""The controller's errors, which carry their fields.

`UsageError` means that the call was wrong (exit status 2), `PartFailed` that a part of the
testbed failed (exit status 1). Callers use predicates instead of matching messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc


class CtlError(Exception):
    """Root of the controller's errors; `str()` is the one line that the user sees."""

    exit_status = 1

    def _render_traceback_(self) -> list[str]:
        """The one line, which IPython shows in a notebook in place of the traceback."""
        return [f"falcon_ctl: {self}"]


class Interrupted(CtlError):
    """The user (SIGINT) or the system (SIGTERM) ended the run."""

    exit_status = 130

    def __init__(self, left: str = "nothing was written, the hosts' knobs are restored") -> None:
        super().__init__(f"interrupted; {left}")


class UsageError(CtlError):
    """The call is wrong: `where`, `what` was given and what is `expected`."""

    exit_status = 2

    def __init__(self, where: str, what: str, expected: str) -> None:
        super().__init__(f"{where}: {what}; expected {expected}")
        self.where = where
        self.what = what
        self.expected = expected


class NotWritten(CtlError):
    """A result could not be written where it belongs; `kept`: the file that holds it, or ""."""

    def __init__(self, what: str, kept: str) -> None:
        place = f"and kept in {kept}" if kept else "and kept nowhere else"
        super().__init__(f"{what}; the result is printed above {place}")
        self.kept = kept


class NotConserved(CtlError):
    """A run under the virtual clock lost count of frames: the model is wrong."""

    def __init__(
        self, system: str, seed: int, sent: int, delivered: int, lost: int, queued: int
    ) -> None:
        super().__init__(
            f"{system}, seed {seed}: {sent} frames sent, but {delivered} delivered, {lost} dropped "
            f"and {queued} queued; the model is wrong, please report it"
        )
        self.system = system
        self.seed = seed


class NoNetwork(CtlError):
    """No network is running, or it does not answer."""

    exit_status = 2


class AlreadyRunning(CtlError):
    """Another run holds the lock; `pid` is its process."""

    exit_status = 2

    def __init__(self, pid: int, lock: str) -> None:
        super().__init__(
            f"another falcon_ctl is running on this network (pid {pid}, lock {lock}); "
            "wait for it or end it"
        )
        self.pid = pid


class PartFailed(CtlError):
    """A part of the testbed (`part`: a switch, a machine, a container) failed while we used it."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(f"{part}: {message}")
        self.part = part
        self.message = message


class SwitchError(PartFailed):
    """A switch answered with an error, or not at all.

    `code` is the gRPC status of the RPC, or that of the first failed update of a Write; it is given
    by its name, as completion on a command line should not have to import gRPC.
    """

    def __init__(self, switch: str, code: grpc.StatusCode, message: str) -> None:
        super().__init__(f"switch {switch}", f"{code.name}: {message}")
        self.switch = switch
        self.code = code

    @property
    def is_not_primary(self) -> bool:
        """Another controller is primary for this switch."""
        return self.code.name == "PERMISSION_DENIED"
