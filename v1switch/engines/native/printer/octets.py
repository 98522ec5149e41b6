"""Bits of frames: loading and storing big-endian numbers at any bit, and whole headers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from llvmlite import ir as ll

from v1switch.engines.native.printer.code import Code, Value, word
from v1switch.lower import ir

_ENOUGH = 64  # bits that are stored at once


def _swapped(code: Code, value: Value) -> Value:
    """An integer of whole bytes in the opposite byte order."""
    bits = value.type.width
    if bits == 8:
        return value
    even = code.resize(value, bits + bits % 16)  # LLVM swaps pairs of bytes
    value = code.builder.bswap(even)
    if bits % 16:
        value = code.builder.lshr(value, ll.Constant(value.type, 8))
    return code.resize(value, bits)


def load_bits(code: Code, start: Value, offset: int, width: int) -> Value:
    """Load `width` bits, `offset` bits after an address."""
    first, end = offset // 8, (offset + width + 7) // 8
    place = code.offset(start, first)
    whole = _swapped(code, code.load(place, ll.IntType(8 * (end - first)), align=1))
    extra = 8 * end - offset - width
    if extra:
        whole = code.builder.lshr(whole, ll.Constant(whole.type, extra))
    return code.resize(whole, width)


class Item(NamedTuple):
    """Bits to store: the low `width` bits of an LLVM integer."""

    value: Value
    width: int


def store_bits(code: Code, items: Sequence[Item], to: Value) -> int:
    """Store concatenated items at an address, zero-padded to whole bytes; return these bytes."""
    done = 0
    for run in _runs(items):
        joined = _joined(code, run)
        code.store(_swapped(code, joined), code.offset(to, done), align=1)
        done += int(joined.type.width) // 8
    return done


def _runs(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Items in runs that end between bytes: operations on integers of any length are slow."""
    run: list[Item] = []
    bits = 0
    for item in items:
        run.append(item)
        bits += item.width
        if bits >= _ENOUGH and bits % 8 == 0:
            yield run
            run, bits = [], 0
    if run:
        yield run


def _joined(code: Code, items: Sequence[Item]) -> Value:
    """Items as one integer, zero-padded at its end to whole bytes."""
    total = sum(item.width for item in items)
    padding = -total % 8
    kind = ll.IntType(total + padding)
    joined: Value = ll.Constant(kind, 0)
    left = total + padding
    for value, width in items:
        left -= width
        part = code.resize(code.resize(value, width), kind.width)
        joined = code.builder.or_(joined, code.builder.shl(part, ll.Constant(kind, left)))
    return joined


class Headers:
    """Adds loads and stores of headers to a function."""

    def __init__(self, code: Code) -> None:
        self.code = code

    def _set(self, variable: ir.Var, *values: Value) -> None:
        for place, value in zip(self.code.memory(variable), values, strict=True):
            self.code.builder.store(value, place)

    # -- reading ----------------------------------------------------------------------------------

    def unpack(self, chunks: Sequence[ir.Chunk], start: Value) -> None:
        """Set the variables of chunks from the bytes at an address."""
        at = 0
        for chunk in chunks:
            for segment in chunk.segments:
                if segment.var is not None:
                    self._set(segment.var, self._segment(segment.var.type, start, at, segment))
                at += segment.width

    def _segment(self, kind: ir.Type, start: Value, at: int, segment: ir.Segment) -> Value:
        if isinstance(kind, ir.Bytes):
            return self.code.offset(start, at // 8)
        value = load_bits(self.code, start, at, segment.width)
        assert isinstance(kind, ir.Int)
        return self.code.resize(value, kind.bits, signed=kind.signed)

    def extract(self, header: ir.Header, cursor: Value, varbit: Value | None) -> Value:
        """Set a header's variables from an offset of the frame; return where it ends."""
        code = self.code
        start = code.builder.add(code.arguments["frame"], cursor)
        self.unpack(header.head, start)
        head = sum(chunk.width for chunk in header.head) // 8
        size: Value = word(header.size)
        if varbit is not None:
            assert header.varbit is not None
            place = code.offset(start, head)
            self._set(header.varbit, place, varbit)
            self.unpack(header.tail, code.offset(place, varbit))
            size = code.builder.add(varbit, size)
        for variable, value in ((header.origin, cursor), (header.dirty, word(0))):
            if variable is not None:
                kind = code.memory(variable)[0].type.pointee
                self._set(variable, code.resize(value, kind.width))
        return code.builder.add(cursor, size)

    # -- writing ----------------------------------------------------------------------------------

    def pack(self, chunks: Sequence[ir.Chunk], to: Value) -> Value:
        """Store chunks from their variables at an address; return where they end."""
        for chunk in chunks:
            to = self._pack_chunk(chunk, to)
        return to

    def _pack_chunk(self, chunk: ir.Chunk, to: Value) -> Value:
        code, size = self.code, word(chunk.width // 8)
        items = []
        for segment in chunk.segments:
            assert segment.var is not None, "what leaves from its variables has them all"
            value = code.builder.load(code.memory(segment.var)[0])
            if isinstance(segment.var.type, ir.Bytes):
                code.helper("put_raw", to, value, size)
                return code.builder.add(to, size)
            items.append(Item(value, segment.width))
        store_bits(code, items, to)
        return code.builder.add(to, size)

    def store(self, header: ir.Header, to: Value) -> Value:
        """Store a header from its variables at an address; return where it ends."""
        code = self.code
        to = self.pack(header.head, to)
        if header.varbit is not None:
            place, size = (code.builder.load(part) for part in code.memory(header.varbit))
            code.helper("put_raw", to, place, size)
            to = code.builder.add(to, size)
        return self.pack(header.tail, to)

    def emit(self, header: ir.Header, end: Value) -> None:
        """Append a header at the address in `end` and advance that; copy it if it is unchanged."""
        code, builder = self.code, self.code.builder
        if header.origin is None:
            builder.store(self.store(header, builder.load(end)), end)
            return
        done = None
        if header.dirty is not None:
            changed, clean, done = code.block(), code.block(), code.block()
            builder.cbranch(builder.load(code.memory(header.dirty)[0]), changed, clean)
            code.begin(changed)
            builder.store(self.store(header, builder.load(end)), end)
            code.go(done)
            code.begin(clean)
        to = builder.load(end)
        origin = code.resize(builder.load(code.memory(header.origin)[0]), 64)
        size = word(header.size)
        code.copy(to, builder.add(code.arguments["frame"], origin), size)
        builder.store(builder.add(to, size), end)
        if done is not None:
            code.go(done)
            code.begin(done)
