"""How many entries of a file were written, and what becomes of an invalid one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from v1switch.control.dataplane import Dataplane
from v1switch.entryfile.errors import EntriesError

Refused = Callable[[EntriesError], None]


def stop(error: EntriesError) -> None:
    """Let an invalid entry end it all."""
    raise error


class Tally:
    """The entries (commands, updates) of a file, counted.

    Attributes:
        written: how many were.
        refused: how many were not.
    """

    def __init__(self, refused: Refused) -> None:
        """Call `refused` with the error of each invalid entry."""
        self.written = self.refused = 0
        self._refused = refused

    @contextmanager
    def one(self, plane: Dataplane) -> Iterator[None]:
        """Write one entry inside: wholly, or not at all."""
        try:
            with plane.transaction():
                yield
        except EntriesError as error:
            self.refused += 1
            self._refused(error)
        else:
            self.written += 1
