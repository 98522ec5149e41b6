"""Hashes and checksums in machine code: inputs become bytes in scratch memory."""

from __future__ import annotations

import itertools

from v1switch.codegen.calculations import Calculations
from v1switch.io.ports import MAX_FRAME
from v1switch.native.errors import NotNative
from v1switch.native.layout import Item, NativeLayout, store_bits
from v1switch.native.output import HASHED, MAX_HASHED
from v1switch.native.writer import NativeWriter
from v1switch.program import expressions as ex
from v1switch.program.model import Calculation, CalculationInput
from v1switch.state.words import LIMB, LIMB_BITS, SCALAR_BITS, count

FUNCTIONS = {
    "crc16": "crc16",
    "crc16_custom": "crc16",
    "crc32": "crc32",
    "crc32_custom": "crc32",
    "csum16": "csum16",
    "identity": "identity",
    "xor16": "xor16",
}
_SMALL = 48  # bits: a checksum's terms of this size may be added without an overflow


class NativeCalculations(Calculations):
    """Writes calculations into local variables."""

    layout: NativeLayout
    writer: NativeWriter

    def _function(self, algo: str) -> str:
        if algo not in FUNCTIONS:
            raise NotNative(f"the hash {algo!r}")
        return FUNCTIONS[algo]

    # -- checksums of fields that are there -------------------------------------------------------

    def _unsigned(self, item: CalculationInput) -> str:
        """Source of a term that is congruent to the input modulo 65535, and 0 only if that is."""
        if isinstance(item.value, int):
            limbs = range(0, item.width, LIMB_BITS)
            return str(sum(item.value >> shift & LIMB for shift in limbs))
        if item.width <= _SMALL:
            return super()._unsigned(item)
        text, width, signed = self._item(item)
        if width <= SCALAR_BITS or signed:
            high = f"{text} >> {LIMB_BITS} & {(1 << (width - LIMB_BITS)) - 1}"
            return f"(({text} & {LIMB}) + ({high}))"
        return "(" + " + ".join(f"{text}[{n}]" for n in range(count(width))) + ")"

    def _add_tail(self, result: str, tail: str) -> None:
        self.writer.add(f"{result} += sum16(frame + {tail}[0], {tail}[1])")

    @staticmethod
    def _complement(total: str) -> str:
        return f"ones_complement({total})"

    # -- hashes of bytes --------------------------------------------------------------------------

    def _item(self, item: CalculationInput) -> Item:
        if isinstance(item.value, int):
            return Item(item.value, item.width)
        assert isinstance(item.value, ex.FieldRef)
        kind = self.expressions.field_type(item.value)
        if kind.signed and item.width > SCALAR_BITS + 1:
            raise NotNative("a hash of wide signed fields")
        return Item(self.expressions.value(item.value), item.width, kind.signed)

    def _emit_static(self, calculation: Calculation, result: str) -> None:
        if calculation.algo == "csum16":
            self._emit_sum(calculation, result)
            return
        function = self._function(calculation.algo)
        to = f"scratch + {HASHED}"
        size = store_bits(self.writer, [self._item(i) for i in calculation.inputs], to)
        self.writer.add(f"{result} = {function}({to}, {size})")

    def _emit_dynamic(self, calculation: Calculation, result: str) -> None:
        """Lay out what is there behind the moving address `n`."""
        function, writer = self._function(calculation.algo), self.writer
        if sum(map(self._longest, calculation.inputs)) > MAX_HASHED:
            raise NotNative("a hash over more bytes than there is room for")
        end = writer.fresh("n")
        writer.add(f"{end} = scratch + {HASHED}")
        present = (item for item in calculation.inputs if item.kind != "payload")
        for header, items in itertools.groupby(present, _header_of):
            if header is None:
                self._append_inputs(list(items), end)
                continue
            with writer.block(f"if {self.expressions.valid(ex.HeaderRef(header))}:"):
                self._append_inputs(list(items), end)
        if any(i.kind == "payload" for i in calculation.inputs):
            writer.add(f"copy({end}, frame + o, flen - o)")
            writer.add(f"{end} += flen - o")
        writer.add(f"{result} = {function}(scratch + {HASHED}, {end} - scratch - {HASHED})")

    def _longest(self, item: CalculationInput) -> int:
        """The most bytes that an input can have."""
        if isinstance(item.value, ex.HeaderRef):
            return self.layout.longest(item.value.name)
        return (item.width + 7) // 8 or MAX_FRAME

    def _append_inputs(self, inputs: list[CalculationInput], end: str) -> None:
        """Write the bytes of inputs that are all there or all missing."""
        fields: list[Item] = []
        for item in inputs:
            if item.width:
                fields.append(self._item(item))
                continue
            self._append_fields(fields, end)
            fields = []
            if isinstance(item.value, ex.HeaderRef):
                self.layout.emit_header(item.value.name, end)
            elif isinstance(item.value, ex.FieldRef):
                name = self.expressions.place(item.value)
                self.writer.add(f"put_raw({end}, frame, {name}[0], {name}[1])")
                self.writer.add(f"{end} += {name}[1]")
        self._append_fields(fields, end)

    def _append_fields(self, fields: list[Item], end: str) -> None:
        if sum(item.width for item in fields) % 8:
            raise NotNative("a hash over parts of bytes that may be missing")
        if fields:
            self.writer.add(f"{end} += {store_bits(self.writer, fields, end)}")


def _header_of(item: CalculationInput) -> str | None:
    if isinstance(item.value, ex.FieldRef):
        return item.value.header
    return item.value.name if isinstance(item.value, ex.HeaderRef) else None
