"""Hashes and checksums: the input is laid out in memory, or summed directly.

The Internet checksum of numbers that are always there needs no memory: because 2**16 is 1 modulo
2**16 - 1, the ones' complement sum of a bit string's words is the string modulo 65535, where zero
means zero only if all words are zero (RFC 1071 section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from llvmlite import ir as ll

from v1switch.engines.native import output as op
from v1switch.engines.native.printer.code import WORD, Value, word
from v1switch.engines.native.printer.expressions import Expressions
from v1switch.engines.native.printer.octets import Headers, Item, store_bits
from v1switch.io.ports import MAX_FRAME
from v1switch.lower import ir
from v1switch.state.words import LIMB_BITS

_FUNCTIONS = {  # helpers that have other names than the algorithm
    "crc16_custom": "crc16",
    "crc32_custom": "crc32",
    "crc64_custom": "crc64",
    "crc8_custom": "crc8",
    "crcCCITT": "ccitt",
}
_WORD_BITS = 16


class Hashes:
    """Adds hashes to a function."""

    def __init__(self, expressions: Expressions, headers: Headers) -> None:
        self.expressions = expressions
        self.code = expressions.code
        self.headers = headers

    def value(self, node: ir.Hash) -> Value:
        """A hash, as a word."""
        if node.algorithm == "csum16" and self._summable(node.pieces):
            return self._sum(node.pieces)
        self.code.hashed = max(self.code.hashed, sum(map(_longest, node.pieces)))
        start = self.code.out_word(op.HASHED_AT)
        if all(piece.guard is None and piece.width is not None for piece in node.pieces):
            items = [self._item(piece) for piece in node.pieces]
            size: Value = word(store_bits(self.code, items, start))
        else:
            size = self._lay_out(node.pieces, start)
        if node.own is None:
            return self.code.helper(_FUNCTIONS.get(node.algorithm, node.algorithm), start, size)
        words = self.code.context(f"hash {node.own.index}")
        if node.algorithm == "toeplitz":
            return self.code.helper("toeplitz", start, size, words)
        assert isinstance(node.target.type, ir.Int)
        return self.code.helper("crc_custom", start, size, words, word(node.target.type.bits))

    def _item(self, piece: ir.Piece) -> Item:
        assert piece.width is not None
        return Item(self.expressions.low_bits(piece.value, piece.width), piece.width)

    # -- input in memory --------------------------------------------------------------------------

    def _lay_out(self, pieces: Sequence[ir.Piece], start: Value) -> Value:
        """Store the pieces that are present, concatenated; return their size in bytes."""
        builder = self.code.builder
        position = self.code.allocate(WORD)  # in bits
        builder.store(word(0), position)
        aligned = True  # the position is one of a byte
        for guard, run in groupby(pieces, key=lambda piece: piece.guard):
            together = list(run)
            whole = aligned and all(piece.width is not None for piece in together)
            append = self._append_together if whole else self._append_each
            if guard is None:
                append(together, start, position)
            else:
                with self.code.when(self.expressions.value(guard)):
                    append(together, start, position)
            aligned = aligned and sum(piece.width or 0 for piece in together) % 8 == 0
        rounded = builder.add(builder.load(position), word(7))
        return builder.lshr(rounded, word(3))

    def _append_together(self, pieces: Sequence[ir.Piece], start: Value, position: Value) -> None:
        """Append numbers at the position of a byte."""
        builder = self.code.builder
        at = builder.load(position)
        items = [self._item(piece) for piece in pieces]
        store_bits(self.code, items, builder.add(start, builder.lshr(at, word(3))))
        builder.store(builder.add(at, word(sum(item.width for item in items))), position)

    def _append_each(self, pieces: Sequence[ir.Piece], start: Value, position: Value) -> None:
        for piece in pieces:
            self._append(piece, start, position)

    def _append(self, piece: ir.Piece, start: Value, position: Value) -> None:
        if piece.width is not None:
            self._append_number(*self._item(piece), start, position)
        elif isinstance(piece.value, ir.HeaderBytes):
            self._append_header(piece.value.header, start, position)
        else:
            self._append_octets(*self.expressions.octets(piece.value), start, position)

    def _append_header(self, header: ir.Header, start: Value, position: Value) -> None:
        for chunk in header.head:
            self._append_chunk(chunk, start, position)
        if header.varbit is not None:
            self._append_octets(*self.expressions.octets(header.varbit), start, position)
        for chunk in header.tail:
            self._append_chunk(chunk, start, position)

    def _append_chunk(self, chunk: ir.Chunk, start: Value, position: Value) -> None:
        for segment in chunk.segments:
            assert segment.var is not None, "what is hashed as a whole has all its variables"
            if isinstance(segment.var.type, ir.Bytes):
                self._append_octets(*self.expressions.octets(segment.var), start, position)
            else:
                value = self.expressions.low_bits(segment.var, segment.width)
                self._append_number(value, segment.width, start, position)

    def _append_number(self, value: Value, width: int, start: Value, position: Value) -> None:
        code, builder = self.code, self.code.builder
        for low in range((width - 1) // LIMB_BITS * LIMB_BITS, -1, -LIMB_BITS):
            size = min(LIMB_BITS, width - low)
            limb = builder.lshr(value, ll.Constant(value.type, low)) if low else value
            part = code.resize(code.resize(limb, size), 64)
            at = builder.load(position)
            code.helper("put_bits", start, at, part, word(size), inline=False)
            builder.store(builder.add(at, word(size)), position)

    def _append_octets(self, place: Value, size: Value, start: Value, position: Value) -> None:
        builder, at = self.code.builder, self.code.builder.load(position)
        self.code.helper("put_raw_bits", start, at, place, size, inline=False)
        builder.store(builder.add(at, builder.shl(size, word(3))), position)

    # -- the Internet checksum as a sum -----------------------------------------------------------

    @staticmethod
    def _summable(pieces: Sequence[ir.Piece]) -> bool:
        """Whether all pieces are unconditional numbers, except bytes after whole words."""
        if not pieces or any(piece.guard is not None for piece in pieces):
            return False
        *front, last = (piece.width for piece in pieces)
        if any(width is None for width in front):
            return False
        bits = sum(width for width in front if width is not None)
        return last is not None or (
            bits % _WORD_BITS == 0 and not isinstance(pieces[-1].value, ir.HeaderBytes)
        )

    def _sum(self, pieces: Sequence[ir.Piece]) -> Value:
        numbers = [piece for piece in pieces if piece.width is not None]
        end = -(-sum(piece.width or 0 for piece in numbers) // _WORD_BITS) * _WORD_BITS
        builder, total = self.code.builder, word(0)
        for value, width in map(self._item, numbers):
            end -= width
            for low in range(0, width, LIMB_BITS):
                size = min(LIMB_BITS, width - low)
                limb = builder.lshr(value, ll.Constant(value.type, low)) if low else value
                part = self.code.resize(self.code.resize(limb, size), 64)
                total = builder.add(total, builder.shl(part, word(end % _WORD_BITS)))
        for piece in pieces:
            if piece.width is None:
                rest = self.code.helper("sum16", *self.expressions.octets(piece.value))
                total = builder.add(total, rest)
        return self.code.helper("ones_complement", total)


def _longest(piece: ir.Piece) -> int:
    """The most bytes that a piece can have."""
    if piece.width is not None:
        return piece.width // 8 + 1
    if isinstance(piece.value, ir.HeaderBytes):
        return piece.value.header.longest
    return MAX_FRAME
