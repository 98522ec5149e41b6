"""Header fields in machine code: read from the frame in place, written into the head of another.

A field of up to 63 bits is a word, a wider one a tuple of limbs. Fields that nothing looks at
(raw gaps) and variable-length fields are not read at all: their variables say where they stand in
the frame, as an offset (-1 for zeros), or as an offset and a length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from v1switch.codegen.layout import Chunk, Layout, Segment
from v1switch.io.ports import MAX_FRAME
from v1switch.native.errors import NotNative
from v1switch.native.writer import NativeWriter
from v1switch.state.words import LIMB_BITS, SCALAR_BITS

NOWHERE = "(-1, 0)"  # a variable-length field of no bytes
_WHOLE = 7  # bytes of which any 56 bits fit a word


def _load_bytes(at: str, first: int, size: int) -> str:
    """Source of up to seven bytes as a number."""
    parts, rest = [], size
    for bits in (32, 16, 8):
        while rest * 8 >= bits:
            rest -= bits // 8
            place = f"frame + {at}" + (f" + {first}" if first else "")
            text = f"u{bits}({place})"
            parts.append(f"{text} << {8 * rest}" if rest else text)
            first += bits // 8
    return parts[0] if len(parts) == 1 else f"({' | '.join(parts)})"


def load_bits(at: str, start: int, width: int) -> str:
    """Source of `width` bits, `start` bits behind the offset `at` of the frame."""
    if width > SCALAR_BITS:
        limbs = []
        for end in range(start + width, start, -LIMB_BITS):
            first = max(end - LIMB_BITS, start)
            limbs.append(load_bits(at, first, end - first))
        return f"({', '.join(limbs)})"
    first, end = start // 8, (start + width + 7) // 8
    if end - first > _WHOLE:
        high = load_bits(at, start, width - LIMB_BITS)
        return f"({high} << {LIMB_BITS} | {load_bits(at, start + width - LIMB_BITS, LIMB_BITS)})"
    text = _load_bytes(at, first, end - first)
    extra = end * 8 - start - width
    if extra:
        text = f"({text} >> {extra})"
    return f"({text} & {(1 << width) - 1})" if start % 8 else text


def _signed(text: str, segment: Segment) -> str:
    """Source of a number whose first bit is a sign."""
    sign = 1 << (segment.width - 1)
    if segment.width <= SCALAR_BITS:
        return f"({text} ^ {sign}) - {sign}"
    if segment.width == SCALAR_BITS + 1:
        return f"w_low({text})"
    raise NotNative(f"signed fields of {segment.width} bits")


class Item(NamedTuple):
    """Bits to store: a constant, or the source of a field."""

    text: str | int
    width: int
    signed: bool = False


def _take(item: Item, low: int, size: int) -> str:
    """Source of `size` <= 32 bits of an item, from bit `low` on."""
    text, width, signed = item
    if isinstance(text, int):
        return str(text >> low & (1 << size) - 1)
    if width <= SCALAR_BITS or signed:
        return f"({text} >> {low} & {(1 << size) - 1})" if low or size < width or signed else text
    limb, shift = divmod(low, LIMB_BITS)
    part = f"({text}[{limb}] >> {shift})" if shift else f"{text}[{limb}]"
    if shift + size > LIMB_BITS:
        part = f"({part} | {text}[{limb + 1}] << {LIMB_BITS - shift})"
    return f"({part} & {(1 << size) - 1})"


def _gather(items: Sequence[Item], low: int, size: int) -> str:
    """Source of the bits low..low + size of items in a row, the last one lowest."""
    parts, start = [], 0
    for item in reversed(items):
        first, last = max(low, start), min(low + size, start + item.width)
        if first < last:
            text = _take(item, first - start, last - first)
            parts.append(f"{text} << {first - low}" if first > low else text)
        start += item.width
    return " | ".join(parts) or "0"


def store_bits(writer: NativeWriter, items: Sequence[Item], to: str) -> int:
    """Write the code that stores items in a row at an address; return how many bytes.

    The missing low bits of the last byte are zero.
    """
    total = sum(item.width for item in items)
    items = [*items, Item(0, -total % 8)]
    left = total + -total % 8
    done = 0
    for bits in (32, 16, 8):
        while left >= bits:
            left -= bits
            writer.add(f"put{bits}({to} + {done}, {_gather(items, left, bits)})")
            done += bits // 8
    return done


class NativeLayout(Layout):
    """Names of all variables of one program, and the code that reads and writes headers."""

    writer: NativeWriter

    def zeros(self, header: str) -> list[str]:
        """Zero values for `header_vars`."""
        segments = {s.name: s for s in self.of(header).segments}
        names = {self.var(header, name): segment for name, segment in segments.items()}
        return [
            self._zero(names[var]) if var in names else NOWHERE for var in self.header_vars(header)
        ]

    def _zero(self, segment: Segment) -> str:
        if segment.raw:
            return "-1"
        return self.writer.constant(0, 1 if segment.signed else segment.width)

    # -- extraction -----------------------------------------------------------------------------

    def emit_unpack(self, header: str, chunks: tuple[Chunk, ...], at: str) -> None:
        """Write the code that fills a header's variables from the frame at offset `at`."""
        start, lean = 0, self._lean(header)
        for segment in (s for chunk in chunks for s in chunk.segments):
            name = self.var(header, segment.name)
            if segment.raw and not lean:
                self.writer.add(f"{name} = {at} + {start // 8}")
            elif not segment.raw and not (lean and not self._wanted(header, segment)):
                text = load_bits(at, start, segment.width)
                self.writer.add(f"{name} = {_signed(text, segment) if segment.signed else text}")
            start += segment.width

    # -- emission -------------------------------------------------------------------------------

    def emit_pack(self, header: str, chunks: tuple[Chunk, ...], to: str) -> None:
        """Write the code that stores some chunks at an address."""
        start = 0
        for chunk in chunks:
            place = f"{to} + {start // 8}" if start else to
            first = chunk.segments[0]
            if first.raw:
                name = self.var(header, first.name)
                self.writer.add(f"put_raw({place}, frame, {name}, {chunk.width // 8})")
            else:
                items = [Item(self.var(header, s.name), s.width, s.signed) for s in chunk.segments]
                store_bits(self.writer, items, place)
            start += chunk.width

    def emit_header(self, header: str, to: str) -> None:
        """Write the code that stores a header at the address `to`, a variable, and moves it on."""
        layout, add = self.of(header), self.writer.add
        self.emit_pack(header, layout.head, to)
        head = sum(c.width for c in layout.head) // 8
        if layout.varbit:
            name = self.var(header, layout.varbit)
            add(f"put_raw({to} + {head}, frame, {name}[0], {name}[1])")
            add(f"{to} += {head} + {name}[1]")
            self.emit_pack(header, layout.tail, to)
            add(f"{to} += {layout.bytes - head}")
        else:
            add(f"{to} += {layout.bytes}")

    def emit_leaving(self, header: str, to: str) -> None:
        """Write a header that is to leave as `emit_header` does, as cheap as can be."""
        if header not in self.sliced:
            self.emit_header(header, to)
            return
        size = self.of(header).bytes
        dirty = self.dirty(header)
        untouched = [f"copy({to}, frame + {self.origin(header)}, {size})", f"{to} += {size}"]
        if dirty is None:
            for line in untouched:
                self.writer.add(line)
            return
        with self.writer.block(f"if {dirty}:"):
            self.emit_header(header, to)
        with self.writer.block("else:"):
            for line in untouched:
                self.writer.add(line)

    def length(self, header: str) -> str:
        """Expression for a header's length in bytes."""
        layout = self.of(header)
        if layout.varbit:
            return f"({layout.bytes} + {self.var(header, layout.varbit)}[1])"
        return str(layout.bytes)

    def longest(self, header: str) -> int:
        """The most bytes that a header can have."""
        spec = self.program.headers[header].header_type
        if spec.varbit is None:
            return self.of(header).bytes
        return spec.max_bytes or self.of(header).bytes + MAX_FRAME
