"""What all groups of commands share: the data plane, and the line that is being run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from v1switch.control.dataplane import Dataplane
from v1switch.entryfile import arguments
from v1switch.program.model import Action, Program, Table
from v1switch.state.entries import ActionCall, Origin

Command = Callable[[list[str]], None]
Commands = dict[str, tuple[str, Command]]
"""Commands by name: their arguments, and what they do."""


class Context:
    """The run of one file.

    Attributes:
        plane: what the commands change.
        line: number of the line that is being run.
        form: the command with its arguments, for messages.
    """

    def __init__(self, path: Path, plane: Dataplane) -> None:
        """Run the commands of a file on a data plane that has a program."""
        self.path = path
        self.plane = plane
        self.line, self.form = 0, ""

    @property
    def program(self) -> Program:
        """The program that runs."""
        return self.plane.state.program

    def origin(self, priority: int | None) -> Origin:
        """Where the entry of this line was written."""
        return Origin(f"{self.path.name}:{self.line}", priority)

    def table(self, name: str) -> Table:
        """The table of a name; raises InvalidLine."""
        found = arguments.find(self.program, "table", name)
        return self.program.tables[found]

    def profile(self, name: str) -> str:
        """The full name of an action profile; raises InvalidLine."""
        return arguments.find(self.program, "action profile", name)

    def call(self, owner: str, ids: Sequence[int], name: str, args: list[str]) -> ActionCall:
        """A call of one of the actions that `owner` offers; raises InvalidLine."""
        actions: dict[str, Action] = {}
        for action_id in ids:
            action = self.program.actions[action_id]
            actions.setdefault(action.name, action)
        action = actions[arguments.find_name("action", name, actions, f"{owner}: ")]
        params = arguments.params(f"action {action.name!r}", args, action.params)
        return ActionCall(action.name, params)


T = TypeVar("T")


class Handles(Generic[T]):
    """Handles as BMv2 gives them: the lowest that is free, from 0 on (handle_mgr.h).

    An entry's handle has in its high bits how often its place has been freed, so that handles of
    entries that are gone are known as such (match_units.cpp).
    """

    VERSION = 24  # bits of the place, below the version

    def __init__(self, what: str, *, versioned: bool = False) -> None:
        """Start without any.

        Args:
            what: that they stand for, for messages.
            versioned: whether they tell the first from later uses of a place.
        """
        self._what = what
        self._versioned = versioned
        self._held: dict[int, T] = {}
        self._freed: dict[int, int] = {}
        self._lowest = 0  # no place below is free

    def add(self, item: T) -> None:
        """Hold something."""
        place = next(n for n in range(self._lowest, len(self._held) + 1) if n not in self._held)
        self._held[place] = item
        self._lowest = place + 1

    def __getitem__(self, place: int) -> T:
        """What is held at a place."""
        return self._held[place]

    def __setitem__(self, place: int, item: T) -> None:
        """Hold something else at a place."""
        self._held[place] = item

    def __delitem__(self, place: int) -> None:
        """Free a place."""
        del self._held[place]
        self._lowest = min(self._lowest, place)
        self._freed[place] = (self._freed.get(place, 0) + 1) & 0xFF

    def _handle(self, place: int) -> int:
        return (self._freed.get(place, 0) << self.VERSION if self._versioned else 0) | place

    def place(self, text: str) -> int:
        """The place that a handle stands for; raises InvalidLine."""
        number = arguments.integer(f"{self._what} handle", text)
        place = number & (1 << self.VERSION) - 1
        if place in self._held and self._handle(place) == number:
            return place
        raise arguments.unknown(f"{self._what} handle {number}", map(self._handle, self._held))
