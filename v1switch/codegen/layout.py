"""Where header fields live: local variables of the generated function, and struct formats.

A header type is cut into segments: every field that the program touches is one of its own,
neighbours that only travel along are merged. Segments are grouped into byte-aligned chunks, each
of which is one or two codes of a `struct` format, so that a whole header is unpacked by one call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from struct import Struct

from v1switch.codegen.access import Access
from v1switch.codegen.writer import Writer
from v1switch.program.model import Header, HeaderType, Program

CODES = {8: "B", 16: "H", 32: "I", 64: "Q"}
VALID, ORIGIN, DIRTY, COUNT = "$valid", "$origin", "$dirty", "$count"  # beside fields' names
SPLITS = {24: ("B", "H", 16), 40: ("B", "I", 32), 48: ("H", "I", 32)}


@dataclass(frozen=True)
class Segment:
    """A run of bits with a variable of its own.

    `raw` ones hold bytes instead of a number; a `gap` is made of fields that nothing looks at.
    """

    name: str
    width: int
    signed: bool = False
    raw: bool = False
    gap: bool = False


@dataclass(frozen=True)
class Chunk:
    """Segments that together start and end at byte boundaries."""

    segments: tuple[Segment, ...]

    @property
    def width(self) -> int:
        """Bits in this chunk."""
        return sum(s.width for s in self.segments)


@dataclass(frozen=True)
class TypeLayout:
    """A header type's chunks before and behind its variable-length field."""

    head: tuple[Chunk, ...]
    varbit: str | None
    tail: tuple[Chunk, ...]

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """All chunks of fixed width."""
        return self.head + self.tail

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All segments of fixed width."""
        return tuple(s for c in self.chunks for s in c.segments)

    @property
    def bytes(self) -> int:
        """Length without the variable-length field."""
        return sum(c.width for c in self.chunks) // 8


def _segments(header_type: HeaderType, access: Access, start: int, end: int) -> list[Segment]:
    segments: list[Segment] = []
    gap = 0
    for field in header_type.fields[start:end]:
        width = field.width or 0
        if access.accessed(header_type.name, field.name):
            if gap:
                segments.append(Segment(f"_gap{len(segments)}", gap, gap=True))
                gap = 0
            segments.append(Segment(field.name, width, field.signed))
        else:
            gap += width
    if gap:
        segments.append(Segment(f"_gap{start}_{len(segments)}", gap, gap=True))
    return segments


def _chunks(segments: list[Segment]) -> tuple[Chunk, ...]:
    chunks: list[Chunk] = []
    open_: list[Segment] = []
    for segment in segments:
        open_.append(segment)
        if sum(s.width for s in open_) % 8 == 0:
            chunks.append(Chunk(tuple(open_)))
            open_ = []
    if open_:  # p4c pads, others may not: the missing low bits are zero
        chunks.append(Chunk((*open_, Segment("_pad", -sum(s.width for s in open_) % 8, gap=True))))
    return tuple(
        Chunk((replace(c.segments[0], raw=True),))
        if len(c.segments) == 1 and c.segments[0].gap
        else c
        for c in chunks
    )


def _type_layout(header_type: HeaderType, access: Access) -> TypeLayout:
    names = [f.name for f in header_type.fields]
    varbit = header_type.varbit
    cut = names.index(varbit.name) if varbit else len(names)
    head = _chunks(_segments(header_type, access, 0, cut))
    tail = _chunks(_segments(header_type, access, cut + 1, len(names)))
    return TypeLayout(head, varbit.name if varbit else None, tail)


class Layout:
    """Names of all variables of one program, and the code that fills and reads them."""

    def __init__(self, program: Program, access: Access, writer: Writer) -> None:
        """Lay out every header of the program."""
        self.program = program
        self.access = access
        self.writer = writer
        self.types = {
            h.header_type.name: _type_layout(h.header_type, access)
            for h in program.headers.values()
        }
        self._stems: dict[str, str] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._structs: dict[str, tuple[object, object]] = {}
        self.sliced = self._sliceable()
        for name in program.headers:
            self._stem(name)

    def _sliceable(self) -> set[str]:
        """Headers that can leave as the bytes they came in with while nothing wrote to them."""
        program = self.program
        grouped = {h for s in program.stacks.values() for h in s.headers}
        grouped |= {h for u in program.unions.values() for h in u.headers}
        return {
            h.name
            for h in program.headers.values()
            if not h.metadata and h.name not in grouped and self.of(h.name).varbit is None
        }

    def origin(self, header: str) -> str:
        """Variable of the offset in `frame` where a header was extracted."""
        return self._name((header, ORIGIN), f"{self._stem(header)}__O")

    def dirty(self, header: str) -> str | None:
        """Variable that tells whether a header was written to, or None when nothing ever does."""
        if header not in self.access.written:
            return None
        return self._name((header, DIRTY), f"{self._stem(header)}__D")

    def _lean(self, header: str) -> bool:
        """Whether only those fields of a header get variables that something looks at."""
        unchanged = header in self.sliced and self.dirty(header) is None
        return unchanged and header not in self.access.copied

    def _stem(self, header: str) -> str:
        stem = self._stems.get(header)
        if stem is None:
            stem = re.sub(r"[^0-9A-Za-z_]", "_", header)
            while stem in self._stems.values() or stem[:1].isdigit() or stem.startswith("_"):
                stem = "h" + stem + "x"
            self._stems[header] = stem
        return stem

    # -- names ----------------------------------------------------------------------------------

    def _name(self, of: tuple[str, str], wanted: str) -> str:
        """The variable of something: as wanted, unless another has that name (a field `V`)."""
        name = self._names.get(of)
        if name is None:
            name = wanted
            while name in self._taken:
                name += "_"
            self._names[of] = name
            self._taken.add(name)
        return name

    def var(self, header: str, field: str) -> str:
        """Variable of a field (or segment)."""
        clean = re.sub(r"[^0-9A-Za-z_]", "_", field)
        return self._name((header, field), f"{self._stem(header)}__{clean}")

    def valid(self, header: str) -> str:
        """Variable of a header's validity (0 or 1)."""
        return self._name((header, VALID), f"{self._stem(header)}__V")

    def count(self, stack: str) -> str:
        """Variable of a stack's next index."""
        return self._name((stack, COUNT), f"{re.sub(r'[^0-9A-Za-z_]', '_', stack)}__N")

    def of(self, header: str) -> TypeLayout:
        """Layout of a header's type."""
        return self.types[self.program.headers[header].header_type.name]

    def header_vars(self, header: str) -> list[str]:
        """Variables of a header's contents, in order, the variable-length field last."""
        if self._lean(header):
            names = [s.name for s in self.of(header).segments if self._wanted(header, s)]
            return [self.var(header, n) for n in names]
        layout = self.of(header)
        metadata = self.program.headers[header].metadata
        names = [s.name for s in layout.segments if not (metadata and s.gap)]
        return [self.var(header, n) for n in names + ([layout.varbit] if layout.varbit else [])]

    def _wanted(self, header: str, segment: Segment) -> bool:
        """Whether a field of a header that nothing writes to has to be unpacked."""
        return not segment.gap and self.access.is_accessed(header, segment.name)

    def zeros(self, header: str) -> list[str]:
        """Zero values for `header_vars`."""
        layout, count = self.of(header), len(self.header_vars(header))
        if self._lean(header):
            return ["0"] * count
        tail = ["b''"] if layout.varbit else []
        if self.program.headers[header].metadata:
            return ["0"] * (count - len(tail)) + tail
        zeros = [
            self.writer.bind("Z", bytes(s.width // 8)) if s.raw else "0" for s in layout.segments
        ]
        return zeros + tail

    def packet_headers(self) -> list[Header]:
        """Headers that are no metadata."""
        return [h for h in self.program.headers.values() if not h.metadata]

    # -- extraction -----------------------------------------------------------------------------

    def _unpack(self, header: str, chunks: tuple[Chunk, ...]) -> tuple[str, list[str], list[str]]:
        """Format, targets and the statements that make the segments of the targets."""
        fmt, targets, after = "!", [], []
        kept = self._lean(header)
        for chunk in chunks:
            if kept and not any(self._wanted(header, s) for s in chunk.segments):
                fmt += f"{chunk.width // 8}x"
                continue
            first = chunk.segments[0]
            single = len(chunk.segments) == 1
            name = self.var(header, first.name)
            if single and first.raw:
                fmt += f"{chunk.width // 8}s"
                targets.append(name)
                continue
            whole = name if single else self.writer.fresh("c")
            if chunk.width in CODES:
                fmt += CODES[chunk.width]
                targets.append(whole)
            elif chunk.width in SPLITS:
                high, low, bits = SPLITS[chunk.width]
                fmt += high + low
                first_half, second_half = self.writer.fresh("a"), self.writer.fresh("b")
                targets += [first_half, second_half]
                after.append(f"{whole} = {first_half} << {bits} | {second_half}")
            else:
                fmt += f"{chunk.width // 8}s"
                text = self.writer.fresh("s")
                targets.append(text)
                after.append(f"{whole} = from_bytes({text}, 'big')")
            after += self._split(header, chunk, whole)
        return fmt, targets, after

    def _split(self, header: str, chunk: Chunk, whole: str) -> list[str]:
        lines = []
        shift = chunk.width
        for segment in chunk.segments:
            shift -= segment.width
            name = self.var(header, segment.name)
            if len(chunk.segments) > 1:
                ones = (1 << segment.width) - 1
                moved = f"{whole} >> {shift}" if shift else whole
                masked = moved if shift + segment.width == chunk.width else f"{moved} & {ones}"
                lines.append(f"{name} = {masked}")
            if segment.signed:
                sign = 1 << (segment.width - 1)
                lines.append(f"{name} = ({name} ^ {sign}) - {sign}")
        return lines

    def emit_unpack(self, header: str, chunks: tuple[Chunk, ...], at: str) -> None:
        """Write the code that fills a header's variables from `frame` at offset `at`."""
        fmt, targets, after = self._unpack(header, chunks)
        if not targets:
            return
        unpack = self.writer.bind("U", self._struct(fmt)[0])
        self.writer.add(f"{', '.join(targets)}, = {unpack}(frame, {at})")
        for line in after:
            self.writer.add(line)

    # -- emission -------------------------------------------------------------------------------

    def pack(self, header: str, chunks: tuple[Chunk, ...]) -> str:
        """Expression for the bytes of some chunks."""
        fmt, args = "!", []
        for chunk in chunks:
            first = chunk.segments[0]
            if len(chunk.segments) == 1 and first.raw:
                fmt += f"{chunk.width // 8}s"
                args.append(self.var(header, first.name))
                continue
            whole = self._join(header, chunk)
            if chunk.width in CODES:
                fmt += CODES[chunk.width]
                args.append(whole)
            elif chunk.width in SPLITS and len(chunk.segments) == 1:
                high, low, bits = SPLITS[chunk.width]
                fmt += high + low
                args += [f"{whole} >> {bits}", f"{whole} & {(1 << bits) - 1}"]
            else:
                fmt += f"{chunk.width // 8}s"
                args.append(f"({whole}).to_bytes({chunk.width // 8}, 'big')")
        return f"{self.writer.bind('K', self._struct(fmt)[1])}({', '.join(args)})"

    def _join(self, header: str, chunk: Chunk) -> str:
        parts = []
        shift = chunk.width
        for segment in chunk.segments:
            shift -= segment.width
            name = self.var(header, segment.name)
            if segment.signed:
                name = f"({name} & {(1 << segment.width) - 1})"
            parts.append(f"{name} << {shift}" if shift else name)
        return parts[0] if len(parts) == 1 else " | ".join(parts)

    def header_bytes(self, header: str) -> str:
        """Expression for all bytes of a header."""
        layout = self.of(header)
        parts = [self.pack(header, layout.head)] if layout.head else []
        if layout.varbit:
            parts.append(self.var(header, layout.varbit))
        if layout.tail:
            parts.append(self.pack(header, layout.tail))
        return " + ".join(parts) or "b''"

    def emitted(self, header: str) -> str:
        """Expression for the bytes of a header that is to leave, as cheap as can be."""
        if header not in self.sliced:
            return self.header_bytes(header)
        origin, dirty = self.origin(header), self.dirty(header)
        untouched = f"frame[{origin}:{origin} + {self.of(header).bytes}]"
        if dirty is None:
            return untouched
        return f"{self.header_bytes(header)} if {dirty} else {untouched}"

    def length(self, header: str) -> str:
        """Expression for a header's length in bytes."""
        layout = self.of(header)
        if layout.varbit:
            return f"({layout.bytes} + len({self.var(header, layout.varbit)}))"
        return str(layout.bytes)

    def _struct(self, fmt: str) -> tuple[object, object]:
        """Bound `unpack_from` and `pack` of a format, the same objects for the same format."""
        if fmt not in self._structs:
            compiled = Struct(fmt)
            self._structs[fmt] = (compiled.unpack_from, compiled.pack)
        return self._structs[fmt]
