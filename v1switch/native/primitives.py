"""Primitives in machine code. Changes of state go through the undo log (`runtime.change`)."""

from __future__ import annotations

from v1switch.codegen.primitives import Primitives
from v1switch.native.calculations import NativeCalculations
from v1switch.native.errors import NotNative
from v1switch.native.exprs import NativeExpressions
from v1switch.native.layout import NativeLayout
from v1switch.native.writer import NativeWriter
from v1switch.program import expressions as ex
from v1switch.program.model import Action, FieldType, Primitive
from v1switch.state.words import SCALAR_BITS, WORD_BYTES

SESSION_BITS = 15
POWERS_OF_TWO = {1 << bits for bits in range(SCALAR_BITS - 1)}


class NativePrimitives(Primitives):
    """Writes actions; what has no place in machine code hands the frame over when it is reached."""

    expressions: NativeExpressions
    layout: NativeLayout
    writer: NativeWriter
    calculations_type = NativeCalculations

    def emit_action(self, action: Action, params: list[str]) -> bool:
        """Write an action's body; see the base class."""
        expressions = self.expressions
        before = expressions.params, expressions.param_widths
        with self.writer.or_punt():
            super().emit_action(action, params)
        expressions.params, expressions.param_widths = before
        return self.exits

    def emit(self, call: Primitive) -> None:
        """Write one call."""
        with self.writer.or_punt():
            super().emit(call)

    # -- headers ----------------------------------------------------------------------------------

    def _copy_vars(self, dst: str, src: str) -> None:
        pairs = zip(self.layout.header_vars(dst), self.layout.header_vars(src), strict=True)
        for name, value in pairs:
            self.writer.add(f"{name} = {value}")
        if self.layout.header_vars(dst):
            self.touch(dst)

    # -- state ------------------------------------------------------------------------------------

    def _cell(self, array: str, index: ex.Expr, size: int) -> tuple[str, str]:
        """Write the index into an array; the condition of its being inside, and the address."""
        at = self.writer.fresh("i")
        self.writer.add(f"{at} = {self.expressions.scalar(index)}")
        return f"0 <= {at} < {size}", f"{self.writer.state(array)} + {WORD_BYTES} * {at}"

    def _register_store(self, name: str, index: ex.Expr, text: str) -> None:
        spec = self.program.registers[name]
        if spec.width > SCALAR_BITS:
            raise NotNative(f"registers of {spec.width} bits")
        inside, cell = self._cell(self._register(name), index, spec.size)
        with self.writer.block(f"if {inside}:"):
            self.writer.add(f"change(out, {cell}, {text})")

    def _register(self, name: str) -> str:
        return f"reg_{list(self.program.registers).index(name)}"

    def _register_read(self, target: ex.Expr, register: ex.Named, index: ex.Expr) -> None:
        spec = self.program.registers[register.name]
        if spec.width > SCALAR_BITS:
            raise NotNative(f"registers of {spec.width} bits")
        inside, cell = self._cell(self._register(register.name), index, spec.size)
        with self.writer.block(f"if {inside}:"):
            self.store_text(target, f"word({cell})", spec.width)

    def _register_write(self, register: ex.Named, index: ex.Expr, value: ex.Expr) -> None:
        kind = FieldType("", self.program.registers[register.name].width)
        self._register_store(register.name, index, self.expressions.fit(kind, value))

    def _count(self, counter: ex.Named, index: ex.Expr) -> None:
        bank, size = self.bank("counter", counter.name), self.program.counters[counter.name].size
        inside, packets = self._cell(f"{bank}_packets", index, size)
        octets = packets.replace(
            self.writer.state(f"{bank}_packets"), self.writer.state(f"{bank}_bytes")
        )
        with self.writer.block(f"if {inside}:"):
            self.writer.add(f"tally(out, {packets}, {octets}, flen)")

    def _execute_meter(self, meter: ex.Named, index: ex.Expr, target: ex.Expr) -> None:
        size = self.program.meters[meter.name].size
        inside, cell = self._cell(self.bank("meter", meter.name), index, size)
        with self.writer.block(f"if {inside}:"):
            self.store_text(target, f"colour(out, word({cell}), flen, now)", 2)

    # -- requests and what only Python can do -----------------------------------------------------

    def _clone_ingress_pkt_to_egress(self, session: ex.Expr, fields: ex.Const) -> None:
        self.writer.add(f"clone = {self.expressions.modular(session, SESSION_BITS)} | 32768")
        self.writer.add(f"clone_fields = {fields.value}")

    _clone_egress_pkt_to_egress = _clone_ingress_pkt_to_egress

    def _modify_field_rng_uniform(self, target: ex.Expr, low: ex.Expr, high: ex.Expr) -> None:  # noqa: ARG002
        raise NotNative("random numbers")

    def _modify_field_with_hash_based_offset(
        self, target: ex.Expr, base: ex.Expr, calculation: ex.Named, size: ex.Expr
    ) -> None:
        offset, modulus = self.expressions.number(base), self.expressions.number(size)
        if offset.low < 0 or offset.high >> (SCALAR_BITS - 1):
            raise NotNative("a hash with a wide base")
        result = self.calculations.emit(calculation.name)
        if isinstance(size, ex.Const) and size.value in POWERS_OF_TWO:
            reduced = f"({result} & {size.value - 1})"
        elif modulus.scalar and self.program.calculations[calculation.name].algo != "identity":
            reduced = f"{result} % ({modulus.text} if {modulus.text} else 1)"
        else:
            raise NotNative("a hash of 64 bits, or with a wide size, that is no power of two")
        self.store_text(target, f"({offset.text} + {reduced})", SCALAR_BITS)

    def _log_msg(self, text: ex.Text, values: ex.Vector) -> None:
        sources = [self.expressions.scalar(value) for value in values.items]
        self.writer.messages.append((text.value, len(sources)))
        self.writer.event(-len(self.writer.messages), sources)

    def _assert(self, value: ex.Expr) -> None:
        with self.writer.block(f"if not {self.expressions.value(value)}:"):
            self.writer.punt("failed assertions")

    _assume = _assert

    def _endless(self) -> None:
        self.writer.punt("actions that do not end")

    def _truncate(self, length: ex.Expr) -> None:
        self.writer.add(f"cut = min(cut, {self.expressions.scalar(length)})")
