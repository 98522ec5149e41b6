"""From values that the traced program reports to fields, operands and effects of a step."""

from __future__ import annotations

from collections.abc import Sequence

from v1switch.explain import events as ev
from v1switch.lower.observation import Step, Target
from v1switch.program import expressions as ex
from v1switch.program.model import Checksum, HeaderType, Primitive, Program, SetField
from v1switch.program.symbols import VALID

Values = Sequence[ev.Value]


class Reader:
    """Interprets values by the program's types."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._widths = {  # looked up for every value: many fields, and long headers
            (header.name, field.name): field.width or 0
            for header in program.headers.values()
            for field in header.header_type.fields
        }

    # -- fields -----------------------------------------------------------------------------------

    def fields(self, header: str, data: bytes) -> tuple[ev.FieldValue, ...]:
        """The fields of a header, from its bytes."""
        kind = self.program.headers[header].header_type
        rest = _bits(kind, data)
        number, left = int.from_bytes(data, "big"), 8 * len(data)
        found = []
        for field in kind.fields:
            width = rest if field.width is None else field.width
            left -= width
            value = number >> left & ((1 << width) - 1)
            if field.width is None:
                found.append(
                    ev.FieldValue(header, field.name, 0, value.to_bytes(width // 8, "big"))
                )
                continue
            if field.signed and value >> (width - 1):
                value -= 1 << width
            found.append(ev.FieldValue(header, field.name, width, value))
        return tuple(found)

    def field(self, ref: ex.FieldRef, value: ev.Value) -> ev.FieldValue:
        """A field with its value."""
        return ev.FieldValue(ref.header, ref.field, self.width(ref), value)

    def width(self, ref: ex.Expr) -> int:
        """Bits of a field, a register's cell or what a lookahead takes; 0 where not known."""
        program = self.program
        if isinstance(ref, ex.FieldRef):
            return 1 if ref.field == VALID else self._widths[ref.header, ref.field]
        if isinstance(ref, ex.LastField):
            found = program.stacks[ref.stack].header_type.field(ref.field)
            return (found.width or 0) if found else 0
        if isinstance(ref, ex.RegisterRef):
            return program.registers[ref.array].width
        return ref.width if isinstance(ref, ex.Lookahead) else 0

    def operands(self, nodes: Sequence[ex.Expr], values: Values) -> tuple[ev.Operand, ...]:
        """Expressions with their values."""
        pairs = zip(nodes, values, strict=True)
        return tuple(ev.Operand(node, self.width(node), value) for node, value in pairs)

    # -- primitives -------------------------------------------------------------------------------

    def did(
        self, step: Step, args: Values, before: Values, after: Values, params: tuple[str, ...]
    ) -> ev.Executed:
        """A primitive with its operands and effects."""
        call, operands = step.call, self.operands(step.args, args)
        effects = self._effects(step.targets, args, before, after)
        if isinstance(call, Primitive) and call.op == "add_header":
            effects = tuple(e for e in effects if e.what == "header")  # its fields are all zero
        if isinstance(call, SetField):
            return ev.Executed("set", None, call.target, call.value, operands, effects, None)
        if isinstance(call, Checksum):
            return ev.Executed(
                "update_checksum", None, call.target, None, operands, effects, call.source
            )
        return ev.Executed(call.op, call, None, None, operands, effects, call.source, params)

    def _effects(
        self, targets: Sequence[Target], args: Values, before: Values, after: Values
    ) -> tuple[ev.Effect, ...]:
        """What a step wrote; of several targets only those that changed."""
        valid = {  # validity before and after, of headers where it was reported
            t.ref.header: (old, new)
            for t, old, new in zip(targets, before, after, strict=True)
            if isinstance(t.ref, ex.FieldRef) and t.ref.field == VALID
        }
        found = []
        for target, old, new in zip(targets, before, after, strict=True):
            if not isinstance(target.ref, ex.FieldRef):
                found.append(self._cell(target, args, old, new))
                continue
            was, now = valid.get(target.ref.header, (1, 1))
            if target.ref.field != VALID and not now:
                continue  # the fields of an invalid header do not matter
            old = old if was or target.ref.field == VALID else None
            if old != new or len(targets) == 1:
                found.append(self._field_effect(target.ref, old, new))
        if valid and not found:  # setInvalid() on an invalid header
            found.append(self._field_effect(targets[0].ref, before[0], after[0]))
        return tuple(found)

    def _field_effect(self, ref: ex.Expr, old: ev.Value, new: ev.Value) -> ev.Effect:
        assert isinstance(ref, ex.FieldRef)
        if ref.field == VALID:
            return ev.Effect("header", ref.header, "", None, 1, bool(old), bool(new))
        return ev.Effect("field", ref.header, ref.field, None, self.width(ref), old, new)

    def _cell(self, target: Target, args: Values, old: ev.Value, new: ev.Value) -> ev.Effect:
        index = args[target.index]
        assert isinstance(index, int)
        if not 0 <= index < self._size(target.ref):  # there is no such cell
            old = new = None
        if isinstance(target.ref, ex.RegisterRef):
            width = self.width(target.ref)
            return ev.Effect("register", target.ref.array, "", index, width, old, new)
        assert isinstance(target.ref, ex.Named)
        return ev.Effect("counter", target.ref.name, "", index, 0, old, new)

    def _size(self, ref: ex.RegisterRef | ex.Named | ex.FieldRef) -> int:
        if isinstance(ref, ex.RegisterRef):
            return self.program.registers[ref.array].size
        return self.program.counters[ref.name].size if isinstance(ref, ex.Named) else 0


def _bits(kind: HeaderType, data: bytes) -> int:
    """Number of bits of the variable-length field."""
    return 8 * len(data) - (kind.fixed_bits + 7) // 8 * 8
