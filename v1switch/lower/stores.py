"""Assignments: to fields, registers, and fields of headers that are found at run time."""

from __future__ import annotations

from collections.abc import Sequence

from v1switch.lower import arithmetic as ar
from v1switch.lower import ir
from v1switch.lower.context import Context
from v1switch.lower.expressions import Expressions, inside
from v1switch.program import expressions as ex
from v1switch.program.symbols import VALID


class Stores:
    """Assigns values, cut to the width of their targets."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.context: Context = expressions.context
        self.builder = expressions.builder
        self.program = expressions.program
        self.layout = expressions.layout

    def store(self, target: ex.Expr, value: ir.Expr) -> None:
        """Assign a value (a number, a truth value, or bytes) to what an expression means."""
        if isinstance(target, ex.FieldRef):
            self._field(target, value)
        elif isinstance(target, ex.RegisterRef):
            self.register(target.array, self.expressions.index(target.index), value)
        elif isinstance(target, ex.LastField):
            headers = self.program.stacks[target.stack].headers
            fields = [ex.FieldRef(header, target.field) for header in headers]
            self._chosen(self.layout.counts[target.stack], 1, fields, value)
        elif isinstance(target, ex.MemberField):
            self._member(target, value)
        else:
            raise self.context.fail("an assignable field", type(target).__name__)

    def standard(self, field: str, value: ir.Expr) -> None:
        """Assign to a field of standard_metadata, unless the program never reads it."""
        if self.context.has(field):
            var = self.context.layout.field("standard_metadata", field)
            assert isinstance(var.type, ir.Int)
            self.builder.assign(var, ar.known_to_fit(value, var.type))

    def touch(self, header: str) -> None:
        """Note that a header no longer is what came in."""
        dirty = self.layout.headers[header].dirty
        if dirty is not None:
            self.builder.once(dirty, ir.BoolConst(True))

    def register(self, name: str, index: ir.Expr, value: ir.Expr) -> None:
        """Assign to a cell of a register array."""
        ref = self.context.references.registers[name]
        cut = ar.cut(ar.as_int(value), ir.Int(ref.spec.width))
        self.builder.add(ir.RegisterWrite(ref, index, cut, inside(index, ref.spec.size)))

    def _field(self, target: ex.FieldRef, value: ir.Expr) -> None:
        if target.field == VALID:
            valid = self.layout.headers[target.header].valid
            assert valid is not None, "the loader took headers of the packet only"
            self.builder.assign(valid, ar.as_bool(value))
            self.touch(target.header)
            return
        if not self.context.demand.is_read(target.header, target.field):
            return
        var = self.layout.field(target.header, target.field)
        if isinstance(var.type, ir.Int):
            saturating = self.expressions.field_type(target).saturating
            value = ar.fit(ar.as_int(value), var.type, saturating)
        self.builder.assign(var, value)
        self.touch(target.header)

    def _member(self, target: ex.MemberField, value: ir.Expr) -> None:
        names, index = self.expressions.locate(target.header)
        fields = []
        for header in names:
            spec = self.program.headers[header].header_type.fields[target.offset]
            fields.append(ex.FieldRef(header, spec.name))
        if index is None:
            self._field(fields[0], value)
        else:
            self._chosen(index, 0, fields, value)

    def _chosen(
        self, index: ir.Expr, first: int, fields: Sequence[ex.FieldRef], value: ir.Expr
    ) -> None:
        """Assign to field number `index` - `first`, or to none."""
        held = self.builder.simple(value)
        cases = []
        for number, field in enumerate(fields, start=first):
            with self.builder.block() as block:
                self._field(field, held)
            cases.append(((number,), tuple(block)))
        self.builder.match(index, cases)
