"""Primitives of the architecture and on stateful objects."""

from __future__ import annotations

from v1switch.codegen.exprs import UNBOUNDED
from v1switch.codegen.stores import STANDARD, Stores
from v1switch.program import expressions as ex
from v1switch.program.model import FieldType
from v1switch.state.random import DRAW_BITS


class ExternPrimitives(Stores):
    """One method per primitive, named after it."""

    def _mark_to_drop(self, header: ex.HeaderRef) -> None:
        # an action's inout parameter is a copy of standard_metadata, which is copied back later
        for field, text in (("egress_spec", self.drop_port), ("mcast_grp", "0")):
            if self.access.accessed(STANDARD, field) and self.access.is_read(header.name, field):
                self.writer.add(f"{self.layout.var(header.name, field)} = {text}")

    def _drop(self) -> None:
        self._mark_to_drop(ex.HeaderRef(STANDARD))

    def _generate_digest(self, _receiver: ex.Expr, list_id: ex.Const) -> None:
        self.writer.add(f"digest = {list_id.value}")

    def _clone_ingress_pkt_to_egress(self, session: ex.Expr, fields: ex.Const) -> None:
        # session 0 is a session as well: bit 15 tells that a clone was asked for
        self.writer.add(f"clone = {self.expressions.value(session)} & 32767 | 32768")
        self.writer.add(f"clone_fields = {fields.value}")

    _clone_egress_pkt_to_egress = _clone_ingress_pkt_to_egress

    def _resubmit(self, fields: ex.Const) -> None:
        self.writer.add(f"resubmit = {fields.value}")

    def _recirculate(self, fields: ex.Const) -> None:
        self.writer.add(f"recirculate = {fields.value}")

    def _modify_field_rng_uniform(self, target: ex.Expr, low: ex.Expr, high: ex.Expr) -> None:
        lo, hi = self.writer.fresh("lo"), self.writer.fresh("hi")
        self.writer.add(f"{lo} = {self.expressions.value(low)}")
        self.writer.add(f"{hi} = {self.expressions.value(high)}")
        with self.writer.block(f"if {lo} <= {hi}:"):
            bits = max(self.expressions.bits(low), self.expressions.bits(high))
            draws = (bits + DRAW_BITS - 1) // DRAW_BITS if bits < UNBOUNDED else 1
            self.store_text(target, f"between({lo}, {hi}, {draws})", 1 << 20)

    def _modify_field_with_hash_based_offset(
        self, target: ex.Expr, base: ex.Expr, calculation: ex.Named, size: ex.Expr
    ) -> None:
        result = self.calculations.emit(calculation.name)
        modulus, offset = self.expressions.value(size), self.expressions.value(base)
        if isinstance(size, ex.Const):  # BMv2 treats a maximum of 0 as 1
            reduced = f"{result} % {size.value or 1}"
        else:
            reduced = f"{result} % ({modulus} or 1)"
        total = f"({offset} + {reduced})"
        if isinstance(base, ex.Const) and base.value == 0:
            total = f"({reduced})"
        self.store_text(target, total, 1 << 20)

    # -- stateful objects -------------------------------------------------------------------------

    def _count(self, counter: ex.Named, index: ex.Expr) -> None:
        size = self.program.counters[counter.name].size
        bank, at = self.bank("counter", counter.name), self.expressions.value(index)
        held = at
        if not isinstance(index, ex.Const) and not at.isidentifier():
            held = self.writer.fresh("i")
            self.writer.add(f"{held} = {at}")
        add = f"{bank}_packets[{held}] += 1; {bank}_bytes[{held}] += flen"
        if isinstance(index, ex.Const) or (1 << min(self.expressions.bits(index), 64)) <= size:
            if not isinstance(index, ex.Const) or index.value < size:
                self.writer.add(add)
            return
        with self.writer.block(f"if {self.expressions.below(index, held, size)}:"):
            self.writer.add(add)

    def _execute_meter(self, meter: ex.Named, index: ex.Expr, target: ex.Expr) -> None:
        held = self.writer.fresh("m")
        size = self.program.meters[meter.name].size
        at = self.writer.fresh("i")
        self.writer.add(f"{at} = {self.expressions.value(index)}")
        with self.writer.block(f"if {self.expressions.below(index, at, size)}:"):
            self.writer.add(f"{held} = {self.bank('meter', meter.name)}_cells.get({at})")
            self.store_text(target, f"({held}.execute(flen, now) if {held} else 0)", 2)

    def _register_read(self, target: ex.Expr, register: ex.Named, index: ex.Expr) -> None:
        spec = self.program.registers[register.name]
        cells, at = self.expressions.register(register.name), self.writer.fresh("i")
        self.writer.add(f"{at} = {self.expressions.value(index)}")
        with self.writer.block(f"if {self.expressions.below(index, at, spec.size)}:"):
            self.store_text(target, f"{cells}[{at}]", spec.width)

    def _register_write(self, register: ex.Named, index: ex.Expr, value: ex.Expr) -> None:
        kind = FieldType("", self.program.registers[register.name].width)
        self._register_store(register.name, index, self.expressions.fit(kind, value))
