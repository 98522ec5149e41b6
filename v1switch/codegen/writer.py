"""Lines of generated source with their indentation, and the names it binds from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from v1switch.errors import ProgramError

MAX_DEPTH = 95  # Python's compiler allows 100 levels of indentation
MAX_SOURCE = 2 << 20  # characters; the largest of p4c's own test programs has 450,000


class Writer:
    """Collects the lines of a function body.

    Attributes:
        bound: names that the generated function closes over, with the objects behind them.
        depth: current indentation.
    """

    def __init__(self) -> None:
        """Start with nothing written."""
        self.lines: list[str] = []
        self.bound: dict[str, object] = {}
        self.depth = 1
        self._fresh = 0
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

    @contextmanager
    def optional(self, head: str) -> Iterator[None]:
        """Like `block`, but an empty block leaves no trace."""
        self.add(head)
        self.depth += 1
        before = len(self.lines)
        yield
        if len(self.lines) == before:
            self.lines.pop()
        self.depth -= 1

    def once(self, line: str) -> None:
        """Write a line unless the straight run of lines before this one holds it already."""
        indent = "\t" * self.depth
        for earlier in reversed(self.lines):
            if not earlier.startswith(indent) or earlier.startswith(indent + "\t"):
                break
            if earlier == indent + line:
                return
        self.add(line)

    def fresh(self, stem: str = "t") -> str:
        """Make a name for a temporary."""
        self._fresh += 1
        return f"_{stem}{self._fresh}"

    def bind(self, stem: str, value: object) -> str:
        """Make `value` known to the generated code and return its name there."""
        for name, known in self.bound.items():
            if known is value:
                return name
        name = f"{stem}_{len(self.bound)}"
        self.bound[name] = value
        return name
