"""Headers: read and written by one call of `struct` each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from struct import Struct

from v1switch.engines.python.source import Source
from v1switch.lower import ir

FROM_BYTES = int.from_bytes
CODES = {8: "B", 16: "H", 32: "I", 64: "Q"}
SPLITS = {24: ("B", "H", 16), 40: ("B", "I", 32), 48: ("H", "I", 32)}


class Headers:
    """Prints the reading and writing of headers."""

    def __init__(self, source: Source, cursor: str) -> None:
        self.source = source
        self.cursor = cursor

    # -- reading ----------------------------------------------------------------------------------

    def peek(self, header: ir.Header) -> None:
        """Read what is in front of the variable-length field."""
        self._unpack(header.head, self.cursor)

    def extract(self, header: ir.Header, varbit: str) -> None:
        """Read a header and move the cursor; `varbit` is the source of a number of bytes."""
        add, cursor = self.source.add, self.cursor
        self._unpack(header.head, cursor)
        size = str(header.size)
        if header.varbit is not None:
            head = sum(chunk.width for chunk in header.head) // 8
            start = f"{cursor} + {head}" if head else cursor
            add(f"{header.varbit.name} = frame[{start}:{start} + {varbit}]")
            self._unpack(header.tail, f"{start} + {varbit}")
            size = f"{header.size} + {varbit}" if header.size else varbit
        if header.origin is not None:
            add(f"{header.origin.name} = {cursor}")
        if header.dirty is not None:
            add(f"{header.dirty.name} = 0")
        add(f"{cursor} += {size}")

    def _unpack(self, chunks: tuple[ir.Chunk, ...], at: str) -> None:
        """Set the variables of chunks from the frame at an offset."""
        fmt, targets, after = "!", [], []
        for chunk in chunks:
            code, names, lines = self._read(chunk)
            fmt += code
            targets += names
            after += lines
        if not targets:
            return
        unpack = self.source.constant("unpack", _unpacker(fmt))
        self.source.add(f"{', '.join(targets)}, = {unpack}(frame, {at})")
        for line in after:
            self.source.add(line)

    def _read(self, chunk: ir.Chunk) -> tuple[str, list[str], list[str]]:
        """Format of a chunk, the variables it goes to, and what makes the segments of them."""
        segments, size = chunk.segments, chunk.width // 8
        kept = [s.var for s in segments if s.var is not None]
        if not kept:
            return f"{size}x", [], []
        if isinstance(kept[0].type, ir.Bytes):
            return f"{size}s", [kept[0].name], []
        whole = kept[0].name if len(segments) == 1 else self.source.fresh("c")
        split = list(_split(chunk, whole))
        if chunk.width in CODES:
            return CODES[chunk.width], [whole], split
        if chunk.width in SPLITS:
            high, low, bits = SPLITS[chunk.width]
            first, second = self.source.fresh("a"), self.source.fresh("b")
            return high + low, [first, second], [f"{whole} = {first} << {bits} | {second}", *split]
        data = self.source.fresh("s")
        number = self.source.constant("from_bytes", FROM_BYTES)
        return f"{size}s", [data], [f"{whole} = {number}({data}, 'big')", *split]

    # -- writing ----------------------------------------------------------------------------------

    def emitted(self, header: ir.Header) -> str:
        """Source of the bytes of a header that leaves: untouched ones as they came in."""
        if header.origin is None:
            return self.packed(header)
        untouched = f"frame[{header.origin.name}:{header.origin.name} + {header.size}]"
        if header.dirty is None:
            return untouched
        return f"{self.packed(header)} if {header.dirty.name} else {untouched}"

    def packed(self, header: ir.Header) -> str:
        """Source of the bytes of a header, of its variables."""
        parts = [self._pack(header.head)] if header.head else []
        if header.varbit is not None:
            parts.append(header.varbit.name)
        if header.tail:
            parts.append(self._pack(header.tail))
        return " + ".join(parts) or "b''"

    def _pack(self, chunks: tuple[ir.Chunk, ...]) -> str:
        fmt, args = "!", []
        for chunk in chunks:
            code, values = self._write(chunk)
            fmt += code
            args += values
        pack = self.source.constant("pack", _packer(fmt))
        return f"{pack}({', '.join(args)})"

    def _write(self, chunk: ir.Chunk) -> tuple[str, list[str]]:
        """Format of a chunk, and the sources of its values."""
        size = chunk.width // 8
        first = chunk.segments[0].var
        if first is None:  # a gap of metadata, of which there is nothing
            return f"{size}x", []
        if isinstance(first.type, ir.Bytes):
            return f"{size}s", [first.name]
        whole = _join(chunk)
        if chunk.width in CODES:
            return CODES[chunk.width], [whole]
        if chunk.width in SPLITS and len(chunk.segments) == 1:
            high, low, bits = SPLITS[chunk.width]
            return high + low, [f"{whole} >> {bits}", f"{whole} & {(1 << bits) - 1}"]
        return f"{size}s", [f"({whole}).to_bytes({size}, 'big')"]


@cache
def _unpacker(fmt: str) -> object:
    return Struct(fmt).unpack_from


@cache
def _packer(fmt: str) -> object:
    return Struct(fmt).pack


def _split(chunk: ir.Chunk, whole: str) -> Iterator[str]:
    """The lines that set a chunk's segments from a variable with all of it."""
    shift = chunk.width
    for segment in chunk.segments:
        shift -= segment.width
        if segment.var is None:
            continue
        name, kind = segment.var.name, segment.var.type
        assert isinstance(kind, ir.Int)
        if len(chunk.segments) > 1:
            moved = f"{whole} >> {shift}" if shift else whole
            first = shift + segment.width == chunk.width
            yield f"{name} = {moved if first else f'{moved} & {(1 << segment.width) - 1}'}"
        if kind.signed:
            sign = 1 << (segment.width - 1)
            yield f"{name} = ({name} ^ {sign}) - {sign}"


def _join(chunk: ir.Chunk) -> str:
    """Source of a chunk as one number."""
    parts = []
    shift = chunk.width
    for segment in chunk.segments:
        shift -= segment.width
        if segment.var is None:
            continue
        name, kind = segment.var.name, segment.var.type
        assert isinstance(kind, ir.Int)
        if kind.signed:
            name = f"({name} & {(1 << segment.width) - 1})"
        parts.append(f"{name} << {shift}" if shift else name)
    return parts[0] if len(parts) == 1 else " | ".join(parts)
