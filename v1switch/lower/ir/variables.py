"""Variables, and how headers are kept in them."""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.lower.ir.types import Type


@dataclass(frozen=True, eq=False)
class Var:
    """A local variable of the body; as an expression, its value.

    Attributes:
        name: an identifier, unique in its `Switch`.
        type: of all values that it holds. Of type `Bytes` it is zeros of that size at first (none
            where the size is known only at run time), else 0, False or nothing.
    """

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of a header's bits with a variable of its own.

    A field that the program looks at or writes is a segment; neighbours that only travel along are
    one together (a gap). A gap that is a whole chunk is of type `Bytes`, any other part `Int`.

    Attributes:
        width: in bits.
        var: None when nothing reads it and the header leaves as it came (see `Header.origin`).
    """

    width: int
    var: Var | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Segments in a row that start and end at byte boundaries."""

    segments: tuple[Segment, ...]

    @property
    def width(self) -> int:
        """Bits in this chunk."""
        return sum(segment.width for segment in self.segments)


@dataclass(frozen=True, eq=False)
class Header:
    """Where a header of the packet, or metadata, is kept.

    Attributes:
        name: of the header in the program.
        valid: type `Bool`; None for metadata, which always are valid.
        head: the chunks in front of the variable-length field (all, when there is none).
        varbit: the variable-length field, type `Bytes(None)`, or None.
        tail: the chunks after it.
        origin: offset of the header in the frame, when it may leave as it came; else None.
        dirty: type `Bool`: whether it was written to since. None when nothing writes to it.
        longest: the most bytes it can have.
    """

    name: str
    valid: Var | None
    head: tuple[Chunk, ...]
    varbit: Var | None
    tail: tuple[Chunk, ...]
    origin: Var | None
    dirty: Var | None
    longest: int

    @property
    def size(self) -> int:
        """Bytes without the variable-length field."""
        return sum(chunk.width for chunk in self.head + self.tail) // 8

    @property
    def variables(self) -> tuple[Var, ...]:
        """The variables of its contents, in order, the variable-length field last."""
        segments = (s for chunk in self.head + self.tail for s in chunk.segments)
        kept = tuple(s.var for s in segments if s.var is not None)
        return kept if self.varbit is None else (*kept, self.varbit)
