"""Refusals of the P4Runtime server, and how they are encoded for the client.

Every handler below the service raises `Refused`; only the service knows gRPC. The wire format
(`google.rpc.Status` with one packed `p4.v1.Error` per update) is P4Runtime specification 1.4,
"Error Reporting Messages" and "Write RPC, Error Reporting".
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from google.rpc import status_pb2
from p4.v1 import p4runtime_pb2 as p4rt

from v1switch import errors
from v1switch.errors import SwitchError

SPACE = "v1switch"
LONGEST = 500  # characters of a message: all of a batch share gRPC's limit for metadata


class Code(enum.IntEnum):
    """The canonical codes of google/rpc/code.proto that the server uses."""

    OK = 0
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class Refused(SwitchError):
    """The call is invalid, or the switch does not support it: a code and a reason on one line."""

    def __init__(self, code: Code, message: str) -> None:
        if len(message) > LONGEST:  # it holds names that the client chose
            message = message[: LONGEST - 1] + "…"
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> Refused:
    """A malformed request (INVALID_ARGUMENT)."""
    return Refused(Code.INVALID_ARGUMENT, message)


def not_found(message: str) -> Refused:
    """A request for an object that does not exist (NOT_FOUND)."""
    return Refused(Code.NOT_FOUND, message)


def exists(message: str) -> Refused:
    """An insertion of an object that already exists (ALREADY_EXISTS)."""
    return Refused(Code.ALREADY_EXISTS, message)


def unsupported(message: str) -> Refused:
    """A request for what this target does not support (UNIMPLEMENTED)."""
    return Refused(Code.UNIMPLEMENTED, message)


@contextmanager
def about(what: str) -> Iterator[None]:
    """Prefix the object's name to every refusal that is raised inside."""
    try:
        yield
    except Refused as failure:
        raise Refused(failure.code, f"{what}: {failure.message}") from None


def refusal(error: SwitchError) -> Refused:
    """Translate an error of the data plane to a refusal."""
    if isinstance(error, Refused):
        return error
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), Code.UNKNOWN)
    return Refused(code, str(error))


class BatchFailed(SwitchError):
    """Some elements of a Write or Read batch failed; `results` has one entry for each element."""

    def __init__(self, summary: str, results: Iterable[Refused | None]) -> None:
        super().__init__(summary)
        self.results = list(results)

    def to_status(self) -> status_pb2.Status:
        """Return the `google.rpc.Status` whose details are in the order of the batch."""
        status = status_pb2.Status(code=int(Code.UNKNOWN), message=str(self))
        for result in self.results:
            status.details.add().Pack(_to_error(result))
        return status


def _to_error(result: Refused | None) -> p4rt.Error:
    if result is None:
        return p4rt.Error(canonical_code=int(Code.OK))
    return p4rt.Error(canonical_code=int(result.code), message=result.message, space=SPACE)


_CODES: dict[type[SwitchError], Code] = {
    errors.NoProgram: Code.FAILED_PRECONDITION,
    errors.UnknownObject: Code.NOT_FOUND,
    errors.BadIndex: Code.OUT_OF_RANGE,
    errors.Immutable: Code.PERMISSION_DENIED,
    errors.RequestError: Code.INVALID_ARGUMENT,
    errors.DuplicateEntry: Code.ALREADY_EXISTS,
    errors.EntryNotFound: Code.NOT_FOUND,
    errors.TableFull: Code.RESOURCE_EXHAUSTED,
    errors.InUse: Code.FAILED_PRECONDITION,
}
