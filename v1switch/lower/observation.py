"""Trace points: the operands of a step, and the values of its targets before and after it.

A step is a primitive, an assignment of the parser, or the update of a checksum. Its own statements
are the same with and without tracing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from v1switch.errors import ProgramError
from v1switch.lower import arithmetic as ar
from v1switch.lower import ir
from v1switch.lower.demand import (
    ADDS_TO_FIRST,
    CHANGES_HEADER,
    DROPS,
    STANDARD,
    WRITES_FIRST,
    walk,
)
from v1switch.lower.expressions import Expressions
from v1switch.program import expressions as ex
from v1switch.program.model import Checksum, Primitive, SetField
from v1switch.program.primitives import DATA, INDEX, PRIMITIVES
from v1switch.program.symbols import VALID

Call = Primitive | SetField | Checksum
OPERANDS = (
    ex.FieldRef,
    ex.LastField,
    ex.LastUnionField,
    ex.MemberField,
    ex.ParamRef,
    ex.RegisterRef,
)
WRITES_FIELD = WRITES_FIRST | ADDS_TO_FIRST
EGRESS_SPEC = ex.FieldRef(STANDARD, "egress_spec")
CELL = {"count": 1, "register_write": 1, "register_read": 2, "execute_meter": 1}  # its argument
CHANGES_STACK = {"push", "pop", "assign_header_stack", "assign_union_stack"}


@dataclass(frozen=True)
class Target:
    """Something that a primitive may write.

    Attributes:
        ref: a field (`$valid$` is a header's validity), a register array's cell or a counter.
        index: which of the step's arguments is the cell of an array; -1 for fields.
    """

    ref: ex.FieldRef | ex.RegisterRef | ex.Named
    index: int = -1


@dataclass(frozen=True)
class Step:
    """A call with what the recorder gets to know about it.

    Attributes:
        call: the primitive, the parser's assignment or the checksum.
        args: the expressions whose values are recorded, the cell of an array first; for a log
            message those that it prints.
        targets: what it may write.
    """

    call: Call
    args: tuple[ex.Expr, ...]
    targets: tuple[Target, ...]

    @property
    def writes_egress_spec(self) -> bool:
        """Whether the first target is egress_spec, the field that decides about a drop."""
        return bool(self.targets) and self.targets[0].ref == EGRESS_SPEC


class Observer:
    """Adds trace points for steps and conditions."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.context = expressions.context
        self.builder = expressions.builder
        self.demand = expressions.context.demand
        self.program = expressions.program

    @contextmanager
    def step(self, call: Call) -> Iterator[None]:
        """Record the step whose statements are added inside the block."""
        if not self.context.observed:
            yield
            return
        args, targets = self._args(call), self._targets(call)
        step = Step(call, tuple(args), tuple(targets))
        held = tuple(self.builder.held(value) for value in self.values(args))
        before = tuple(self.builder.held(value) for value in self._state(step, held))
        yield
        self.context.observe("did", step, held, before, self._state(step, held))

    def condition(self, event: str, what: object, condition: ir.Expr, node: ex.Expr) -> None:
        """Record a condition with the operands of its expression."""
        if self.context.observed:
            operands = self.operands(node)
            self.context.observe(event, what, condition, self.values(operands), operands)

    @staticmethod
    def operands(node: ex.Expr) -> tuple[ex.Expr, ...]:
        """The parts of an expression that have a value of their own, each once."""
        return tuple(dict.fromkeys(n for n in walk(node) if isinstance(n, OPERANDS)))

    def values(self, nodes: Iterable[ex.Expr]) -> tuple[ir.Expr, ...]:
        """The values of expressions, truth values as numbers."""
        return tuple(self.expressions.number(node) for node in nodes)

    # -- what goes in ---------------------------------------------------------------------------

    def _args(self, call: Call) -> list[ex.Expr]:
        """The cell of an array, where there is one, then the operands of all values."""
        if isinstance(call, SetField):
            return list(self.operands(call.value))
        if isinstance(call, Checksum):
            return []
        if call.op == "log_msg" and isinstance(call.args[1], ex.Vector):
            return list(call.args[1].items)
        kinds = PRIMITIVES[call.op]
        values = [a for a, kind in zip(call.args, kinds, strict=True) if kind in (DATA, INDEX)]
        cells = [call.args[CELL[call.op]]] if call.op in CELL else []
        cells += [a.index for a in call.args[:1] if isinstance(a, ex.RegisterRef)]
        operands = (operand for value in values for operand in self.operands(value))
        return list(dict.fromkeys([*cells, *operands]))

    # -- what is written ------------------------------------------------------------------------

    def _targets(self, call: Call) -> list[Target]:
        if isinstance(call, (SetField, Checksum)):
            return [Target(call.target)]
        if call.op in WRITES_FIELD:
            return self._field(call.args[0])
        if call.op == "execute_meter":
            return self._field(call.args[2])
        if call.op == "register_write" and isinstance(call.args[0], ex.Named):
            return [Target(ex.RegisterRef(call.args[0].name, call.args[1]), 0)]
        if call.op == "count" and isinstance(call.args[0], ex.Named):
            return [Target(call.args[0], 0)]
        if call.op in DROPS:
            names = [
                n for n in ("egress_spec", "mcast_grp") if self.demand.has_variable(STANDARD, n)
            ]
            return [Target(ex.FieldRef(STANDARD, name)) for name in names]
        if call.op in CHANGES_STACK or call.op in CHANGES_HEADER or call.op == "remove_header":
            return self._whole(self._headers(call.args[0]))
        return []

    def _field(self, target: ex.Expr) -> list[Target]:
        if isinstance(target, ex.FieldRef):
            return [Target(target)]
        if isinstance(target, ex.RegisterRef):
            return [Target(target, 0)]
        if isinstance(target, ex.LastField):
            headers = self.program.stacks[target.stack].headers
            return [Target(ex.FieldRef(h, target.field)) for h in headers]
        found = []
        if isinstance(target, ex.MemberField):
            for header in self.demand.candidates(target.header):
                field = self.program.headers[header].header_type.fields[target.offset]
                found.append(Target(ex.FieldRef(header, field.name)))
        return found

    def _headers(self, node: ex.Expr) -> list[str]:
        program = self.program
        unions: tuple[str, ...] = self.demand.unions(node)
        if isinstance(node, ex.StackRef):
            return list(program.stacks[node.name].headers)
        if isinstance(node, ex.UnionStackRef):
            unions = program.union_stacks[node.name].unions
        if unions:
            return [h for union in unions for h in program.unions[union].headers]
        headers = self.demand.candidates(node)
        siblings = (u.headers for u in program.unions.values() if set(u.headers) & set(headers))
        return list(dict.fromkeys([*headers, *(h for group in siblings for h in group)]))

    def _whole(self, headers: Iterable[str]) -> list[Target]:
        """A header's validity, then its fields."""
        found = []
        for header in headers:
            fields = self.program.headers[header].header_type.fields
            names = [f.name for f in fields]
            if not self.program.headers[header].metadata:
                names.insert(0, VALID)
            found += [Target(ex.FieldRef(header, name)) for name in names]
        return found

    def _state(self, step: Step, held: tuple[ir.Expr, ...]) -> tuple[ir.Expr, ...]:
        """What the targets hold; `held` are the values of the step's arguments."""
        return tuple(self._value_of(target, held) for target in step.targets)

    def _value_of(self, target: Target, held: tuple[ir.Expr, ...]) -> ir.Expr:
        ref, references = target.ref, self.context.references
        if isinstance(ref, ex.FieldRef):
            return ar.as_int(self.expressions.value(ref))
        index = held[target.index]
        if isinstance(ref, ex.RegisterRef):
            return ir.RegisterRead(references.registers[ref.array], index, inside=False)
        if ref.kind == "counter_array":
            return ir.CounterRead(references.counters[ref.name], index)
        raise ProgramError("$.actions", "something that can be written", ref.kind)
