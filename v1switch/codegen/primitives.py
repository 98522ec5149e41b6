"""Primitives as Python statements, inlined where an action is called."""

from __future__ import annotations

import itertools

from v1switch.codegen.calculations import Calculations
from v1switch.codegen.exprs import Expressions
from v1switch.errors import ProgramError
from v1switch.program import expressions as ex
from v1switch.program.model import Action, FieldType, Primitive

BINARY = {
    "add": "+",
    "subtract": "-",
    "bit_xor": "^",
    "bit_or": "|",
    "bit_and": "&",
    "shift_left": "<<",
    "shift_right": ">>",
}
STANDARD = "standard_metadata"


class Primitives:
    """Writes primitives; one method per primitive, named after it."""

    def __init__(self, expressions: Expressions, drop_port: str, traced: bool) -> None:
        """Remember the context.

        Args:
            expressions: the translator of expressions.
            drop_port: name of the drop port in the generated code.
            traced: whether to tell drops, digests and log messages.
        """
        self.expressions = expressions
        self.calculations = Calculations(expressions)
        self.layout = expressions.layout
        self.access = expressions.access
        self.writer = expressions.writer
        self.program = expressions.program
        self.drop_port = drop_port
        self.traced = traced
        self.exits = False

    def trace(self, text: str) -> None:
        """Write a trace call (in the traced variant); `text` is source of an f-string's inside."""
        if self.traced:
            self.writer.add(f"tr(f{text!r})")

    # -- actions --------------------------------------------------------------------------------

    def emit_action(self, action: Action, params: list[str]) -> bool:
        """Write an action's body; `params` are source of its arguments. True if it may exit."""
        expressions = self.expressions
        before = expressions.params, expressions.param_widths
        expressions.params, expressions.param_widths = params, [p.width for p in action.params]
        self.exits = False
        self._sequence(action.primitives, 0, len(action.primitives), action.name)
        expressions.params, expressions.param_widths = before
        return self.exits

    def _sequence(self, calls: tuple[Primitive, ...], start: int, end: int, name: str) -> None:
        """Write calls[start:end]; p4c's forward jumps are turned back into if and else."""
        at = start
        while at < end:
            call = calls[at]
            if call.op == "_jump":
                target = self._target(call.args[0], at, len(calls), name)
                if target < end:
                    at = target
                    continue
                if target == end:
                    return
                raise ProgramError("$.actions", "structured jumps", f"other ones in {name!r}")
            if call.op != "_jump_if_zero":
                self.emit(call)
                at += 1
                continue
            at = self._branch(calls, at, end, name)

    @staticmethod
    def _target(arg: ex.Expr, at: int, count: int, name: str) -> int:
        if not isinstance(arg, ex.Const) or not at < arg.value <= count:
            raise ProgramError("$.actions", "forward jumps", f"another one in {name!r}")
        return arg.value

    def _branch(self, calls: tuple[Primitive, ...], at: int, end: int, name: str) -> int:
        call = calls[at]
        other = self._target(call.args[1], at, len(calls), name)
        after, then_end = other, other
        last = calls[other - 1]
        if other - 1 > at and last.op == "_jump":
            after, then_end = self._target(last.args[0], other - 1, len(calls), name), other - 1
        if max(other, after) > end:
            raise ProgramError("$.actions", "structured jumps", f"other ones in {name!r}")
        test = call.args[0]
        source = self.expressions.value(test)
        if isinstance(test, ex.Operation) and test.op == "b2d" and test.right is not None:
            source = self.expressions.condition(test.right)
        with self.writer.block(f"if {source}:"):
            self._sequence(calls, at + 1, then_end, name)
        if after > other:
            with self.writer.block("else:"):
                self._sequence(calls, other, after, name)
        return after

    # -- one primitive ----------------------------------------------------------------------------

    def emit(self, call: Primitive) -> None:
        """Write one call."""
        if call.op in BINARY:
            dst, left, right = call.args
            self.store(dst, ex.Operation(BINARY[call.op], left, right))
            return
        getattr(self, f"_{call.op}")(*call.args)

    def store(self, target: ex.Expr, value: ex.Expr) -> None:
        """Write an assignment, cut to the target's width."""
        text, bits = self.expressions.value(value), self.expressions.bits(value)
        self.store_text(target, text, bits)

    def store_text(self, target: ex.Expr, text: str, bits: int) -> None:
        """Write an assignment of a value of at most `bits` bits."""
        fit = self.expressions.fit_text
        if isinstance(target, ex.FieldRef):
            if not self.access.is_read(target.header, target.field):
                return
            kind = self.expressions.field_type(target)
            self.writer.add(f"{self.expressions.value(target)} = {fit(kind, text, bits)}")
            self.touch(target.header)
        elif isinstance(target, ex.RegisterRef):
            kind = FieldType("", self.program.registers[target.array].width)
            self._register_store(target.array, target.index, fit(kind, text, bits))
        elif isinstance(target, ex.LastField):
            stack = self.program.stacks[target.stack]
            choices = [
                (f"{self.layout.count(target.stack)} == {n}", ex.FieldRef(h, target.field))
                for n, h in enumerate(stack.headers, start=1)
            ]
            self._store_chosen(choices, text, bits)
        elif isinstance(target, ex.MemberField):
            self._store_member(target, text, bits)
        else:
            raise ProgramError("$.actions", "an assignable field", type(target).__name__)

    def touch(self, header: str) -> None:
        """Write that a header no longer is what came in."""
        dirty = self.layout.dirty(header) if header in self.layout.sliced else None
        if dirty is not None:
            self.writer.once(f"{dirty} = 1")

    def _store_member(self, target: ex.MemberField, text: str, bits: int) -> None:
        index = self.expressions.element_index(target.header)
        refs = []
        for header in self.access.candidates(target.header):
            fields = self.program.headers[header].header_type.fields
            refs.append(ex.FieldRef(header, fields[target.offset].name))
        if index is None:
            self.store_text(refs[0], text, bits)
            return
        at = self.writer.fresh("i")
        self.writer.add(f"{at} = {self.expressions.value(index)}")
        self._store_chosen([(f"{at} == {n}", ref) for n, ref in enumerate(refs)], text, bits)

    def _store_chosen(self, choices: list[tuple[str, ex.FieldRef]], text: str, bits: int) -> None:
        held = self.writer.fresh("v")
        self.writer.add(f"{held} = {text}")
        for number, (condition, ref) in enumerate(choices):
            with self.writer.block(f"{'elif' if number else 'if'} {condition}:"):
                self.store_text(ref, held, bits)

    def _assign(self, target: ex.Expr, value: ex.Expr) -> None:
        if isinstance(value, ex.Operation) and value.op == "dereference_header_stack":
            raise ProgramError("$.actions", "a value", "a header")
        self.store(target, value)

    _modify_field = _assign
    _assign_VL = _assign  # noqa: N815  # named after the primitive

    def _add_to_field(self, target: ex.Expr, value: ex.Expr) -> None:
        self.store(target, ex.Operation("+", target, value))

    def _subtract_from_field(self, target: ex.Expr, value: ex.Expr) -> None:
        self.store(target, ex.Operation("-", target, value))

    def _no_op(self) -> None:
        pass

    def _exit(self) -> None:
        self.exits = True
        self.writer.add("ex = 1")
        self.trace("exit")

    def _assert(self, value: ex.Expr) -> None:
        with self.writer.block(f"if not {self.expressions.value(value)}:"):
            self.writer.add("failed_assertion()")

    _assume = _assert

    def _log_msg(self, text: ex.Text, values: ex.Vector) -> None:
        args = ", ".join(self.expressions.value(v) for v in values.items)
        self.writer.add(f"log_message({text.value!r}, ({args}{',' if args else ''}))")

    def _truncate(self, length: ex.Expr) -> None:
        self.writer.add(f"cut = min(cut, {self.expressions.value(length)})")

    # -- headers --------------------------------------------------------------------------------

    def _each(self, node: ex.Expr) -> list[tuple[str | None, str]]:
        """(condition or None, header) for every header that an expression may mean."""
        headers = self.access.candidates(node)
        index = self.expressions.element_index(node)
        if index is None:
            return [(None, headers[0])]
        if isinstance(index, ex.Const):
            return [(None, headers[min(index.value, len(headers) - 1)])]
        at = self.writer.fresh("i")
        self.writer.add(f"{at} = {self.expressions.value(index)}")
        return [(f"{at} == {n}", header) for n, header in enumerate(headers)]

    def _for_each(self, node: ex.Expr, act: object) -> None:
        for condition, header in self._each(node):
            if condition is None:
                act(header)  # type: ignore[operator]  # a callable
                continue
            with self.writer.block(f"if {condition}:"):
                act(header)  # type: ignore[operator]  # a callable

    def mark_valid(self, header: str) -> None:
        """Write setting a header valid; its union's other members become invalid."""
        for union in self.program.unions.values():
            if header in union.headers:
                for other in union.headers:
                    if other != header:
                        self.writer.add(f"{self.layout.valid(other)} = 0")
        self.writer.add(f"{self.layout.valid(header)} = 1")

    def _add_header(self, node: ex.Expr) -> None:
        def add(header: str) -> None:
            if self.program.headers[header].metadata:
                return
            with self.writer.block(f"if not {self.layout.valid(header)}:"):
                for name, zero in zip(
                    self.layout.header_vars(header), self.layout.zeros(header), strict=True
                ):
                    self.writer.add(f"{name} = {zero}")
                self.mark_valid(header)
                self.touch(header)
                self.writer.add(f"plen += {self.layout.length(header)}")

        self._for_each(node, add)

    def _add_header_fast(self, node: ex.Expr) -> None:
        self._for_each(node, self.mark_valid)

    def _remove_header(self, node: ex.Expr) -> None:
        def remove(header: str) -> None:
            if self.program.headers[header].metadata:
                return
            with self.writer.block(f"if {self.layout.valid(header)}:"):
                self.writer.add(f"plen -= {self.layout.length(header)}")
                self.writer.add(f"{self.layout.valid(header)} = 0")

        self._for_each(node, remove)

    def _assign_header(self, dst: ex.Expr, src: ex.Expr) -> None:
        for (c1, to), (c2, from_) in itertools.product(self._each(dst), self._each(src)):
            condition = " and ".join(c for c in (c1, c2) if c)
            if condition:
                with self.writer.block(f"if {condition}:"):
                    self.copy_header(to, from_)
            else:
                self.copy_header(to, from_)

    _copy_header = _assign_header

    def copy_header(self, dst: str, src: str) -> None:
        """Write a header assignment: an invalid source only makes the target invalid."""
        if self.program.headers[src].metadata:
            self._copy_vars(dst, src)
            return
        with self.writer.block(f"if {self.layout.valid(src)}:"):
            self.mark_valid(dst)
            self._copy_vars(dst, src)
        with self.writer.block("else:"):
            self.writer.add(f"{self.layout.valid(dst)} = 0")

    def _copy_vars(self, dst: str, src: str) -> None:
        names, values = self.layout.header_vars(dst), self.layout.header_vars(src)
        if names:
            self.writer.add(f"{', '.join(names)}, = {', '.join(values)},")
            self.touch(dst)

    def _assign_union(self, dst: ex.Expr, src: ex.Expr) -> None:
        to, from_ = self.access.unions(dst)[0], self.access.unions(src)[0]
        if len(self.access.unions(dst)) > 1 or len(self.access.unions(src)) > 1:
            raise ProgramError("$.actions", "unions at constant places", "a computed index")
        self._copy_union(to, from_)

    def _copy_union(self, dst: str, src: str) -> None:
        pairs = zip(self.program.unions[dst].headers, self.program.unions[src].headers, strict=True)
        for to, from_ in pairs:
            with self.writer.block(f"if {self.layout.valid(from_)}:"):
                self.mark_valid(to)
                self._copy_vars(to, from_)
        for to, from_ in zip(
            self.program.unions[dst].headers, self.program.unions[src].headers, strict=True
        ):
            with self.writer.block(f"if not {self.layout.valid(from_)}:"):
                self.writer.add(f"{self.layout.valid(to)} = 0")

    def _assign_header_stack(self, dst: ex.Expr, src: ex.Expr) -> None:
        if isinstance(dst, ex.UnionStackRef) or isinstance(src, ex.UnionStackRef):
            self._assign_union_stack(dst, src)
            return
        assert isinstance(dst, ex.StackRef)
        assert isinstance(src, ex.StackRef)
        self.writer.add(f"{self.layout.count(dst.name)} = {self.layout.count(src.name)}")
        stacks = self.program.stacks
        for to, from_ in zip(stacks[dst.name].headers, stacks[src.name].headers, strict=True):
            self.copy_header(to, from_)

    def _assign_union_stack(self, dst: ex.Expr, src: ex.Expr) -> None:
        assert isinstance(dst, ex.UnionStackRef)
        assert isinstance(src, ex.UnionStackRef)
        self.writer.add(f"{self.layout.count(dst.name)} = {self.layout.count(src.name)}")
        stacks = self.program.union_stacks
        for to, from_ in zip(stacks[dst.name].unions, stacks[src.name].unions, strict=True):
            self._copy_union(to, from_)

    # -- stacks ---------------------------------------------------------------------------------

    def _elements(self, stack: ex.Expr) -> list[tuple[str, ...]]:
        if isinstance(stack, ex.StackRef):
            return [(h,) for h in self.program.stacks[stack.name].headers]
        assert isinstance(stack, ex.UnionStackRef)
        return [
            self.program.unions[u].headers for u in self.program.union_stacks[stack.name].unions
        ]

    def _shift(self, stack: ex.Expr, by: int) -> None:
        """Move all elements by `by` places (towards the end when positive): stacks.cpp."""
        elements = self._elements(stack)
        order = range(len(elements))
        for place in reversed(order) if by > 0 else order:
            source = place - by
            for position, header in enumerate(elements[place]):
                if 0 <= source < len(elements):
                    other = elements[source][position]
                    self._copy_vars(header, other)
                    self.writer.add(f"{self.layout.valid(header)} = {self.layout.valid(other)}")
                else:
                    self.writer.add(f"{self.layout.valid(header)} = 0")

    def _move(self, stack: ex.Expr, amount: ex.Expr, sign: int) -> None:
        assert isinstance(stack, (ex.StackRef, ex.UnionStackRef))
        depth = len(self._elements(stack))
        count = self.layout.count(stack.name)
        if isinstance(amount, ex.Const):
            steps = [(None, min(amount.value, depth))]
        else:
            held = self.writer.fresh("n")
            self.writer.add(f"{held} = min({self.expressions.value(amount)}, {depth})")
            steps = [(f"if {held} == {n}:", n) for n in range(1, depth + 1)]  # type: ignore[misc]  # heads
        for head, step in steps:
            bound = f"min({depth}, {count} + {step})" if sign > 0 else f"max(0, {count} - {step})"
            if head is None:
                self._step(stack, count, bound, sign * step)
                continue
            with self.writer.block(head):
                self._step(stack, count, bound, sign * step)

    def _step(self, stack: ex.Expr, count: str, bound: str, by: int) -> None:
        if by:
            self.writer.add(f"{count} = {bound}")
            self._shift(stack, by)

    def _push(self, stack: ex.Expr, amount: ex.Expr) -> None:
        self._move(stack, amount, 1)

    def _pop(self, stack: ex.Expr, amount: ex.Expr) -> None:
        self._move(stack, amount, -1)

    # -- architecture -----------------------------------------------------------------------------

    def standard(self, field: str) -> str:
        """Variable of a field of standard_metadata."""
        return self.layout.var(STANDARD, field)

    def _mark_to_drop(self, _header: ex.Expr) -> None:
        self._drop()

    def _drop(self) -> None:
        self.writer.add(f"{self.standard('egress_spec')} = {self.drop_port}")
        if self.access.accessed(STANDARD, "mcast_grp"):
            self.writer.add(f"{self.standard('mcast_grp')} = 0")
        self.trace("mark_to_drop")

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
            self.store_text(target, f"randint({lo}, {hi})", 1 << 20)

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

    def bank(self, kind: str, name: str) -> str:
        """Name of a counter or meter bank in the generated code."""
        names = {"counter": self.program.counters, "meter": self.program.meters}[kind]
        return f"{kind}_{list(names).index(name)}"

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
        with self.writer.block(f"if {held} < {size}:"):
            self.writer.add(add)

    def _execute_meter(self, meter: ex.Named, index: ex.Expr, target: ex.Expr) -> None:
        held = self.writer.fresh("m")
        size = self.program.meters[meter.name].size
        at = self.writer.fresh("i")
        self.writer.add(f"{at} = {self.expressions.value(index)}")
        with self.writer.block(f"if {at} < {size}:"):
            self.writer.add(f"{held} = {self.bank('meter', meter.name)}_cells.get({at})")
            self.store_text(target, f"({held}.execute(flen, now) if {held} else 0)", 2)

    def _register_read(self, target: ex.Expr, register: ex.Named, index: ex.Expr) -> None:
        spec = self.program.registers[register.name]
        cells, at = self.expressions.register(register.name), self.writer.fresh("i")
        self.writer.add(f"{at} = {self.expressions.value(index)}")
        with self.writer.block(f"if {at} < {spec.size}:"):
            self.store_text(target, f"{cells}[{at}]", spec.width)

    def _register_write(self, register: ex.Named, index: ex.Expr, value: ex.Expr) -> None:
        kind = FieldType("", self.program.registers[register.name].width)
        self._register_store(register.name, index, self.expressions.fit(kind, value))

    def _register_store(self, name: str, index: ex.Expr, text: str) -> None:
        at = self.writer.fresh("i")
        self.writer.add(f"{at} = {self.expressions.value(index)}")
        with self.writer.block(f"if {at} < {self.program.registers[name].size}:"):
            self.writer.add(f"{self.expressions.register(name)}[{at}] = {text}")
