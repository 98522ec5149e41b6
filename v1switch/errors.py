"""Errors of the switch: one root, with "your call is wrong" apart from "it did not work".

Every error carries the fields that say where and what, so that nobody has to match strings:
a P4Runtime server translates classes to status codes, the command line prints `str(error)`.
"""

from __future__ import annotations


class SwitchError(Exception):
    """Root of everything that the switch raises on purpose."""


LONGEST = 160  # characters that a message shows of what others wrote


def shortened(text: str) -> str:
    """A text with its middle left out when it is too long to be read."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}…{text[-half:]}"


def on_one_line(text: str) -> str:
    """A text with all that cannot be printed escaped, and not too long to be read."""
    return shortened("".join(c if c.isprintable() else repr(c)[1:-1] for c in text))


def quoted(text: str) -> str:
    """What somebody wrote, in quotes and on one line."""
    return repr(shortened(text))


class RequestError(SwitchError):
    """The caller asked for something that cannot be asked for in this way."""


class ProgramError(RequestError):
    """The P4 program cannot be used.

    Attributes:
        path: JSON path of the offending place, such as `$.pipelines[0].tables[2].id`.
        expected: what should have stood there.
        found: what stood there.
        subject: the named object that the place belongs to, such as `table 'MyIngress.acl'`; the
            path where nothing there has a name.
        reason: both sides of the disagreement.
    """

    def __init__(self, path: str, expected: str, found: str, subject: str = "") -> None:
        """Keep the place and both sides of the disagreement."""
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
        """There is nothing to carry."""
        super().__init__("no P4 program is loaded")


class UnknownObject(RequestError):
    """The program has no such table, action, counter or other object.

    Attributes:
        kind: "table", "action", "action profile", "counter", "meter", "register", "value set".
        name: the name that was asked for.
    """

    def __init__(self, kind: str, name: object) -> None:
        """Keep what was looked for."""
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
        """Keep the place and the reason."""
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
        """Keep the place and the reason."""
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
        """Keep the thing and the reason."""
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
        """Keep the index and the bound."""
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
        """Keep the table."""
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
        """Keep the place and the key; `kind` says what the key is where that is not clear."""
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
        """Keep the place and the key; `kind` says what the key is where that is not clear."""
        super().__init__(f"{owner!r}: no {kind}{' ' * bool(kind)}{key!r}")
        self.owner = owner
        self.key = key


class TableFull(StateError):
    """A table or action profile holds as many entries as the program gave it room for.

    Attributes:
        owner: table or action profile.
        size: its size in entries, members or total weight.
    """

    def __init__(self, owner: str, size: int) -> None:
        """Keep the place and its size."""
        super().__init__(f"{owner!r}: full ({size})")
        self.owner = owner
        self.size = size


class InUse(StateError):
    """A member or group cannot be deleted while something points at it.

    Attributes:
        owner: the action profile.
        key: the member or group id.
    """

    def __init__(self, owner: str, kind: str, key: object, user: str) -> None:
        """Keep the place and the key, which is that of a `kind` ("member")."""
        super().__init__(f"{owner!r}: {kind} {key!r} is used by {user}")
        self.owner = owner
        self.key = key


class PortError(SwitchError):
    """A network interface cannot be opened.

    Attributes:
        port: the switch's port number.
        ifname: the interface's name.
        reason: the system's reason.
    """

    def __init__(self, port: int, ifname: str, reason: str) -> None:
        """Keep the port and the reason."""
        super().__init__(f"port {port}: interface {ifname!r}: {reason}")
        self.port = port
        self.ifname = ifname
        self.reason = reason
