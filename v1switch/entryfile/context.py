"""What all groups of commands share: the data plane, and the line that is being run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

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
