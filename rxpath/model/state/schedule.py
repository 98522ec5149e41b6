"""The memory of the event queue (`rxpath.model.events`)."""

from __future__ import annotations

from rxpath.compile.tables import Row, word


class Source(Row):
    """A source of events in its ring; or where a ring begins and ends."""

    when = word("it is due; the greatest int64: it is not", "ns")
    next = word("its successor in the ring")
    before = word("its predecessor")
    first = word("of a ring: when its first source is due", "ns")


class Running(Row, packed=True):
    """A CPU that has work, in the list that is sorted by when the work ends, latest first."""

    time = word("when it ends", "ns")
    cpu = word("which CPU")


class Schedule(Row, packed=True):
    """The list of CPUs that have work."""

    count = word("how many have")
    first = word("when the first of them is done", "ns")
