"""Errors of the switch: one root, and below it invalid requests, state conflicts and ports.

Every error has fields for the object and the reason, so that no caller has to match strings: the
P4Runtime server translates classes to status codes, the command line prints `str(error)`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable


class SwitchError(Exception):
    """Root of all errors that the switch raises on purpose."""


LONGEST = 160  # characters of foreign text in a message
SHOWN = 12  # handles that a message lists at most


def shortened(text: str) -> str:
    """Text with its middle left out if it is too long for a message."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}…{text[-half:]}"


def escaped(text: str) -> str:
    """Text with unprintable characters escaped, so that a terminal only shows it."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    return char if char.isprintable() else repr(char)[1:-1]


def on_one_line(text: str) -> str:
    """Text with unprintable characters escaped, shortened for a message."""
    return shortened(escaped(text))


def quoted(text: str) -> str:
    """Foreign text in quotes, on one line, shortened for a message."""
    return repr(shortened(text))


class RequestError(SwitchError):
    """The request is invalid, whatever the state of the switch."""


class ProgramError(RequestError):
    """The P4 program cannot be used.

    Attributes:
        path: JSON path of the offending value, such as `$.pipelines[0].tables[2].id`.
        expected: what the value should have been.
        found: what it was.
        subject: the named object that the value belongs to, such as `table 'MyIngress.acl'`; the
            path where none has a name.
        reason: what was expected and what was found.
    """

    def __init__(self, path: str, expected: str, found: str, subject: str = "") -> None:
        self.reason = f"expected {expected}, found {found}"
        where = f" ({subject})" if subject else ""
        super().__init__(f"{shortened(path)}{where}: {self.reason}")
        self.path = path
        self.subject = subject or path
        self.expected = expected
        self.found = found


class NoProgram(RequestError):
    """An operation needs a P4 program and none is loaded (`--no-p4`)."""

    def __init__(self) -> None:
        super().__init__("no P4 program is loaded")


class UnknownObject(RequestError):
    """The program has no such table, action, counter or other object.

    Attributes:
        kind: "table", "action", "action profile", "counter", "meter", "register", "value set".
        name: the name that was asked for.
    """

    def __init__(self, kind: str, name: object) -> None:
        super().__init__(f"no {kind} {name!r} in the program")
        self.kind = kind
        self.name = name


class BadMatch(RequestError):
    """A match key does not fit its table.

    Attributes:
        table: name of the table.
        field: name of the key field, or None when the key as a whole is wrong.
        reason: what is wrong.
    """

    def __init__(self, table: str, field: str | None, reason: str) -> None:
        super().__init__(
            f"table {table!r}" + (f", field {field!r}" if field else "") + f": {reason}"
        )
        self.table = table
        self.field = field
        self.reason = reason


class BadAction(RequestError):
    """An action does not fit the table or profile: not allowed there, wrong parameters.

    Attributes:
        owner: name of the table or action profile.
        reason: what is wrong.
    """

    def __init__(self, owner: str, reason: str) -> None:
        super().__init__(f"{owner!r}: {reason}")
        self.owner = owner
        self.reason = reason


class BadValue(RequestError):
    """A value (rate, weight, register cell, port, session id) is outside what it may be.

    Attributes:
        what: the thing that was to be set.
        reason: what is wrong.
    """

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.what = what
        self.reason = reason


class BadIndex(RequestError):
    """An index lies outside an indexed counter, meter or register.

    Attributes:
        name: the array's name.
        index: the index that was asked for.
        size: the array's size.
    """

    def __init__(self, name: str, index: int, size: int) -> None:
        super().__init__(f"{name!r}: index {index} outside 0..{size - 1}")
        self.name = name
        self.index = index
        self.size = size


class Immutable(RequestError):
    """A constant table, entry or default action was to be changed.

    Attributes:
        name: the table's name.
    """

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"table {name!r}: {what} is const")
        self.name = name


class StateError(SwitchError):
    """The request was well formed, but the state it met does not allow it."""


class DuplicateEntry(StateError):
    """What was to be inserted is there already.

    Attributes:
        owner: table, action profile, "multicast group" or "clone session".
        key: the key, member id, group id or session id.
    """

    def __init__(self, owner: str, key: object, kind: str = "") -> None:
        super().__init__(f"{owner!r}: {kind}{' ' * bool(kind)}{key!r} exists already")
        self.owner = owner
        self.key = key


class EntryNotFound(StateError):
    """What was to be read, modified or deleted is not there.

    Attributes:
        owner: table, action profile, "multicast group" or "clone session".
        key: the key, member id, group id or session id.
    """

    def __init__(self, owner: str, key: object, kind: str = "") -> None:
        super().__init__(f"{owner!r}: no {kind}{' ' * bool(kind)}{key!r}")
        self.owner = owner
        self.key = key


class UnknownHandle(StateError):
    """A handle stands for nothing.

    Attributes:
        owner: table, action profile, or "multicast".
        kind: "entry", "member", "group" or "node".
        handle: the handle.
        expired: whether it stood for an entry that is gone, at whose place there is another one.
    """

    def __init__(
        self, owner: str, kind: str, handle: int, there: Iterable[int], *, expired: bool = False
    ) -> None:
        shown = list(itertools.islice(there, SHOWN + 1))
        more = ", …" if len(shown) > SHOWN else ""
        listed = f"expected one of {', '.join(map(str, shown[:SHOWN]))}{more}"
        what = "has expired" if expired else "is unknown"
        expected = listed if shown else "there is none yet"
        super().__init__(f"{owner!r}: {kind} handle {handle} {what}, {expected}")
        self.owner = owner
        self.kind = kind
        self.handle = handle
        self.expired = expired


class TableFull(StateError):
    """A table or action profile holds as many entries as the program gave it room for.

    Attributes:
        owner: table or action profile.
        size: its size in entries, members or total weight.
    """

    def __init__(self, owner: str, size: int) -> None:
        super().__init__(f"{owner!r}: full ({size})")
        self.owner = owner
        self.size = size


class InUse(StateError):
    """A member or group cannot be deleted while something points at it.

    Attributes:
        owner: the action profile.
        kind: "member" or "group".
        key: the member or group id.
    """

    def __init__(self, owner: str, kind: str, key: object, user: str) -> None:
        super().__init__(f"{owner!r}: {kind} {key!r} is used by {user}")
        self.owner = owner
        self.kind = kind
        self.key = key


class PortError(SwitchError):
    """A network interface cannot be opened.

    Attributes:
        port: the switch's port number.
        ifname: the interface's name.
        reason: the system's reason.
    """

    def __init__(self, port: int, ifname: str, reason: str) -> None:
        super().__init__(f"port {port}: interface {ifname!r}: {reason}")
        self.port = port
        self.ifname = ifname
        self.reason = reason
