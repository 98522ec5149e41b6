"""The parser: each state is one of a machine, whose end is the end of parsing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from v1switch.lower import arithmetic as ar
from v1switch.lower import ir
from v1switch.lower.actions import Actions
from v1switch.lower.demand import walk
from v1switch.lower.limits import MAX_PARSER_LOOPS
from v1switch.program import expressions as ex
from v1switch.program.model import (
    Advance,
    Extract,
    FieldType,
    ParserOp,
    ParserState,
    Primitive,
    SetField,
    Transition,
    Verify,
)
from v1switch.program.symbols import CORE_ERRORS

ERROR = ir.Int(32)
MAX_LENGTH = 1 << 31  # BMv2 reads the length of a variable-length field as a C int
EMPTY: ir.Block = (ir.Leave(),)


class Parser:
    """Lowers the parser of a program."""

    def __init__(self, actions: Actions) -> None:
        self.actions = actions
        self.context = actions.context
        self.expressions = actions.expressions
        self.builder = actions.builder
        self.program = self.context.program
        self.parser = self.program.parser
        self.layout = self.context.layout
        self.order = self._topological()
        self.numbers = {name: number for number, name in enumerate(self.order)}

    def _topological(self) -> list[str]:
        """Reachable states, each before its successors except over back edges."""
        finished: list[str] = []
        seen: set[str] = set()
        if self.parser.init_state is None:
            return finished
        stack = [(self.parser.init_state, iter(self._next(self.parser.init_state)))]
        seen.add(self.parser.init_state)
        while stack:
            state, following = stack[-1]
            fresh = next((s for s in following if s not in seen), None)
            if fresh is None:
                finished.append(state)
                stack.pop()
            else:
                seen.add(fresh)
                stack.append((fresh, iter(self._next(fresh))))
        return finished[::-1]

    def _next(self, state: str) -> list[str]:
        return [t.next_state for t in self.parser.states[state].transitions if t.next_state]

    def lower(self) -> None:
        """Add the whole parser."""
        self.builder.assign(self.context.parser_error, ir.Const(self._error("NoError")))
        if not self.order:
            return
        states = tuple(
            self.builder.captured(partial(self._state, self.parser.states[name]))
            for name in self.order
        )
        timeout = self.builder.captured(lambda: self._set_error(self._core("ParserTimeout")))
        self.builder.add(ir.Machine(states, MAX_PARSER_LOOPS, timeout))

    # -- errors -----------------------------------------------------------------------------------

    def _error(self, name: str) -> int:
        """Code of a core error: the program's own number, else the core library's order."""
        return self.program.errors.get(name, CORE_ERRORS.index(name))

    def _core(self, name: str) -> ir.Expr:
        return ir.Const(self._error(name))

    def _set_error(self, code: ir.Expr) -> None:
        self.context.observe("parser_error", code)
        self.builder.assign(self.context.parser_error, code)

    def _fail(self, code: ir.Expr) -> None:
        """End parsing with an error."""
        self._set_error(code)
        self.builder.add(ir.Leave())

    def _require(self, size: ir.Expr) -> None:
        """End parsing unless so many bytes are left."""
        self.builder.branch(ir.Short(size), partial(self._fail, self._core("PacketTooShort")))

    def _require_ahead(self, nodes: object) -> None:
        """End parsing unless all that is looked ahead at is there."""
        ahead = [n.offset + n.width for n in walk(nodes) if isinstance(n, ex.Lookahead)]
        if ahead:
            self._require(ir.Const((max(ahead) + 7) // 8))

    # -- states -----------------------------------------------------------------------------------

    def _state(self, state: ParserState) -> None:
        self.context.observe("state", state)
        for op in state.ops:
            self._operation(op)
        parts = self._key(state) if state.key else []
        cases = [t for t in state.transitions if t.kind != "default"] if state.key else []
        default = next((t for t in state.transitions if t.kind == "default"), None)
        self._select(state, parts, cases, default)

    def _select(
        self,
        state: ParserState,
        parts: list[ir.Expr],
        cases: Sequence[Transition],
        default: Transition | None,
    ) -> None:
        """Add the way out: the first case that holds, else the default."""
        block = self.builder.captured(partial(self._go, state, parts, default))
        for case in reversed(cases):
            taken = self.builder.captured(partial(self._go, state, parts, case))
            test = self._case(state, parts, case)
            always = test == ir.BoolConst(True)
            block = taken if always else (ir.If(test, taken, block),)
        for statement in block:
            self.builder.add(statement)

    def _go(
        self, state: ParserState, parts: Sequence[ir.Expr], transition: Transition | None
    ) -> None:
        self.context.observe("transition", state, tuple(parts), transition)
        target = transition.next_state if transition else None
        self.builder.add(ir.Leave() if target is None else ir.Goto(self.numbers[target]))

    # -- select -----------------------------------------------------------------------------------

    def _key(self, state: ParserState) -> list[ir.Expr]:
        """The parts of the key, each cut to its width."""
        self._require_ahead(state.key)
        pairs = zip(state.key, state.key_widths, strict=True)
        return [
            self.builder.simple(ar.cut(self.expressions.number(part), ir.Int(width)), "k")
            for part, width in pairs
        ]

    def _case(self, state: ParserState, parts: list[ir.Expr], case: Transition) -> ir.Expr:
        total = sum(state.key_widths)
        if case.kind == "value_set":
            ref = self.context.references.value_sets[case.value_set or ""]
            key = ar.concatenated(list(zip(parts, state.key_widths, strict=True)))
            return ir.InValueSet(ref, key, case.mask)
        mask = (1 << total) - 1 if case.mask is None else case.mask
        tests: list[ir.Expr] = []
        shift = total
        for part, width in zip(parts, state.key_widths, strict=True):
            shift -= width
            full = (1 << width) - 1
            value, bits = case.value >> shift & full, mask >> shift & full
            if bits:
                masked = part if bits == full else ar.binary("&", part, ir.Const(bits))
                tests.append(ir.Compare("==", masked, ir.Const(value & bits)))
        return ar.both("and", tests)

    # -- operations -------------------------------------------------------------------------------

    def _operation(self, op: ParserOp) -> None:
        self._require_ahead(op)
        if isinstance(op, Extract):
            self._extract(op)
        elif isinstance(op, SetField):
            with self.actions.observer.step(op):
                self.actions.stores.store(op.target, self.expressions.value(op.value))
        elif isinstance(op, Verify):
            self._verify(op)
        elif isinstance(op, Advance):
            self._advance(op)
        elif isinstance(op, Primitive):
            self.actions.primitive(op)

    def _verify(self, op: Verify) -> None:
        condition = self.expressions.condition(op.condition)
        self.actions.observer.condition("verified", op, condition, op.condition)
        code = ar.cut(self.expressions.number(op.error), ERROR)
        self.builder.branch(ar.negate(condition), partial(self._fail, code))

    def _advance(self, op: Advance) -> None:
        bits = self.builder.simple(self.expressions.number(op.bits))
        invalid = self._is_no_length(bits)
        wrong = partial(self._fail, self._core("ParserInvalidArgument"))
        self.builder.branch(invalid, wrong)
        size = self.builder.simple(ar.binary("//", bits, ir.Const(8)))
        self._require(size)
        self.builder.add(ir.Skip(ar.known_to_fit(size, ir.Int(31))))
        self.context.observe("advanced", bits)

    @staticmethod
    def _is_no_length(bits: ir.Expr) -> ir.Expr:
        """Whether a number of bits is negative, or no number of bytes."""
        if isinstance(bits, ir.Const):
            return ir.BoolConst(bits.value < 0 or bits.value % 8 != 0)
        tests = [ar.as_bool(ar.binary("&", bits, ir.Const(7)))]
        if ar.interval(bits)[0] < 0:
            tests.append(ir.Compare("<", bits, ir.Const(0)))
        return ar.both("or", tests)

    # -- extraction -------------------------------------------------------------------------------

    def _extract(self, op: Extract) -> None:
        if op.kind == "regular":
            self._extract_header(op.target, op.length)
            return
        count = self.layout.counts[op.target]
        cases = [
            ((number,), self.builder.captured(partial(self._extract_header, header, op.length)))
            for number, header in enumerate(self._elements(op))
        ]
        full = self.builder.captured(partial(self._fail, self._core("StackOutOfBounds")))
        self.builder.match(count, cases, full)
        self.builder.assign(count, ir.Fits(ar.binary("+", count, ir.Const(1)), ir.Int(16)))

    def _elements(self, op: Extract) -> list[str]:
        if op.kind == "stack":
            return list(self.program.stacks[op.target].headers)
        unions = [self.program.unions[u] for u in self.program.union_stacks[op.target].unions]
        return [u.headers[u.members.index(op.member or "")] for u in unions]

    def _extract_header(self, name: str, length: ex.Expr | None) -> None:
        header = self.layout.headers[name]
        size: ir.Expr = ir.Const(header.size)
        if header.varbit is None:
            self._require(size)
            self.builder.add(ir.Extract(header))
        else:
            size = self._extract_varbit(header, length)
        self.actions.headers.mark_valid(name)
        self.context.observe("extracted", name, ar.binary("-", self.context.cursor, size), size)

    def _extract_varbit(self, header: ir.Header, length: ex.Expr | None) -> ir.Expr:
        """Add the extraction of a header with a variable-length field; return its size in bytes."""
        spec = self.program.headers[header.name].header_type
        if length is None and spec.length_expr is not None:  # it looks at the fields in front
            self._require(ir.Const(header.size))
            self.builder.add(ir.Peek(header))
            length = _resolve(spec.length_expr, header.name, spec.fields)
        number = self.expressions.number(length) if length else ir.Const(0)
        bits = self.builder.simple(number)
        tests = [self._is_no_length(bits)]
        if ar.interval(bits)[1] >= MAX_LENGTH:
            tests.append(ir.Compare(">=", bits, ir.Const(MAX_LENGTH)))
        wrong = ar.both("or", tests)
        self.builder.branch(wrong, partial(self._fail, self._core("ParserInvalidArgument")))
        cut = ar.known_to_fit(bits, ir.Int(31))
        varbit = self.builder.simple(ar.binary("//", cut, ir.Const(8)))
        size = self.builder.simple(ar.binary("+", ir.Const(header.size), varbit))
        self._require(size)
        if spec.max_bytes:
            too_long = ir.Compare(">", size, ir.Const(spec.max_bytes))
            self.builder.branch(too_long, partial(self._fail, self._core("HeaderTooShort")))
        self.builder.add(ir.Extract(header, varbit))
        return size


def _resolve(node: ex.Expr, header: str, fields: tuple[FieldType, ...]) -> ex.Expr:
    """Replace the field offsets in a header type's own length expression by fields."""
    if isinstance(node, ex.ParamRef):
        return ex.FieldRef(header, fields[node.index].name)
    if isinstance(node, ex.Operation):
        parts = [
            _resolve(n, header, fields) if n else None for n in (node.left, node.right, node.cond)
        ]
        return ex.Operation(node.op, *parts)
    return node
