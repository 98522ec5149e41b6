"""Lines of generated source for machine code, which can be taken back, and a punt to Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from v1switch.codegen.writer import Writer
from v1switch.native.errors import NotNative
from v1switch.native.output import EVENT_WORDS, EVENTS, EVENTS_AT, MAX_EVENTS
from v1switch.state.words import SCALAR_BITS, WORD_BYTES, split


class NativeWriter(Writer):
    """A writer for a module of its own.

    Attributes:
        globals: names that the generated module has to define, with the source of their values.
        slots: names of the state that `ctx` leads to, in the order of its words.
        messages: texts of log messages, each with the number of its values.
        reasons: why frames may be handed over to plain Python.
    """

    def __init__(self) -> None:
        """Start with nothing written."""
        super().__init__()
        self.globals: dict[str, str] = {}
        self.slots: dict[str, int] = {}
        self.messages: list[tuple[str, int]] = []
        self.reasons: dict[str, None] = {}

    def bind(self, stem: str, value: object) -> str:
        """Make a constant known to the generated code and return its name there."""
        source = repr(value)
        for name, known in self.globals.items():
            if known == source:
                return name
        return self.bind_source(f"{stem}_{len(self.globals)}", source)

    def bind_source(self, name: str, source: str) -> str:
        """Make the value of an expression known under a name and return that."""
        self.globals[name] = source
        return name

    def constant(self, value: int, width: int) -> str:
        """Source of a constant as a field of `width` bits holds it."""
        if width <= SCALAR_BITS:
            return str(value)
        words = split(value, width)
        # a tuple of literals would have a type of its own
        return f"{self.helper('fit', len(words))}({self.bind('W', tuple(words))})"

    def helper(self, name: str, *sizes: int) -> str:
        """Name of one of the functions that `wide` makes for given sizes."""
        sized = ", ".join(map(str, sizes))
        return self.bind_source(f"{name}_{'_'.join(map(str, sizes))}", f"{name}({sized})")

    def state(self, name: str) -> str:
        """Source of the word of `ctx` that leads to something."""
        slot = self.slots.setdefault(name, len(self.slots))
        return f"word(ctx + {WORD_BYTES * slot})"

    def punt(self, reason: str) -> None:
        """Write that plain Python carries the frame from its beginning."""
        self.reasons[reason] = None
        self.add("return 1")

    def event(self, kind: int, values: Sequence[str]) -> None:
        """Write that Python is to be told of something: what kind, and words."""
        if len(values) >= EVENT_WORDS:
            raise NotNative("events of many words")
        self.add(f"a = word(out + {WORD_BYTES * EVENTS})")
        with self.block(f"if a == word(out + {WORD_BYTES * MAX_EVENTS}):"):
            self.punt("more events than there is room for")
        self.add(f"set_word(out + {WORD_BYTES * EVENTS}, a + 1)")
        self.add(f"a = word(out + {WORD_BYTES * EVENTS_AT}) + {WORD_BYTES * EVENT_WORDS} * a")
        for number, value in enumerate([str(kind), *values]):
            self.add(f"set_word(a + {WORD_BYTES * number}, {value})")

    @contextmanager
    def or_punt(self) -> Iterator[None]:
        """Write a statement, or where it has no place in machine code a punt in its stead."""
        lines, depth = len(self.lines), self.depth
        try:
            yield
        except NotNative as reason:
            del self.lines[lines:]
            self.depth = depth
            self.punt(str(reason))
