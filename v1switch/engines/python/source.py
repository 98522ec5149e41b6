"""Lines of generated source with their indentation, and the objects it works on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from v1switch.control.engine import SwitchContext
from v1switch.errors import ProgramError
from v1switch.state.program_state import State

MAX_DEPTH = 95  # Python's compiler allows 100 levels of indentation
MAX_SOURCE = 2 << 20  # characters; the largest of p4c's own test programs has 450,000
MAX_TEXT = 1 << 20  # characters of one expression

Find = Callable[[SwitchContext, State], object]
"""Finds a piece of the state that a bound program works on."""


class Source:
    """Collects the lines of a function body.

    Attributes:
        lines: those of the body.
        constants: names that the function closes over, with their objects.
        found: names that it closes over, with what finds the objects when it is bound.
        depth: current indentation.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, object] = {}
        self.found: dict[str, Find] = {}
        self.depth = 2
        self._names: dict[int, str] = {}  # of constants, by identity
        self._temporaries = 0
        self._size = 0

    def add(self, line: str) -> None:
        """Write one line; raises ProgramError when there are too many, or they are too deep."""
        self._size += len(line)
        if self._size > MAX_SOURCE:
            wanted = f"a program that becomes at most {MAX_SOURCE} characters of Python"
            raise ProgramError("$", wanted, "a larger one")
        if self.depth > MAX_DEPTH:
            wanted = f"ifs and loops nested at most {MAX_DEPTH} deep"
            raise ProgramError("$", wanted, "deeper ones")
        self.lines.append("\t" * self.depth + line)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write `head` and indent what follows; an empty block becomes `pass`."""
        self.add(head)
        self.depth += 1
        before = len(self.lines)
        yield
        if len(self.lines) == before:
            self.add("pass")
        self.depth -= 1

    def fresh(self, stem: str) -> str:
        """Make a name for a temporary."""
        self._temporaries += 1
        return f"_{stem}_{self._temporaries}"

    def constant(self, stem: str, value: object) -> str:
        """Make an object known to the generated code and return its name there."""
        name = self._names.get(id(value))
        if name is None:
            name = self._names[id(value)] = f"{stem}_{len(self.constants)}"
            self.constants[name] = value
        return name

    def state(self, name: str, find: Find) -> str:
        """Make a piece of the state known to the generated code and return its name there."""
        self.found.setdefault(name, find)
        return name


def checked(text: str) -> str:
    """The source of an expression; raises ProgramError when it is too long."""
    if len(text) > MAX_TEXT:
        wanted = f"expressions that become at most {MAX_TEXT} characters of Python"
        raise ProgramError("$", wanted, "a larger one")
    return text
