"""The parser as Python source.

States that only one transition reaches are nested into their predecessor. The others become
blocks `if st == n:` in topological order inside a loop; a back edge (a loop over a header stack)
is `continue`, the end of parsing is `break`.
"""

from __future__ import annotations

from collections.abc import Sequence

from v1switch.codegen.access import walk
from v1switch.codegen.exprs import UNBOUNDED
from v1switch.codegen.primitives import Primitives
from v1switch.program import expressions as ex
from v1switch.program.model import (
    Advance,
    Extract,
    ParserOp,
    ParserState,
    Primitive,
    SetField,
    Transition,
    Verify,
)

MAX_NESTING = 12  # Python's compiler allows 100 levels of indentation
ERROR_BITS = 32  # standard_metadata.parser_error
MAX_ROUNDS = 1 << 16  # of a loop over states: one that takes nothing from the frame never ends
CORE_ERRORS = (
    *("NoError", "PacketTooShort", "NoMatch", "StackOutOfBounds", "HeaderTooShort"),
    *("ParserTimeout", "ParserInvalidArgument"),
)


class ParserCode:
    """Writes the parser of a program."""

    def __init__(self, primitives: Primitives) -> None:
        """Plan which states become blocks."""
        self.primitives = primitives
        self.expressions = primitives.expressions
        self.layout = primitives.layout
        self.writer = primitives.writer
        self.program = primitives.program
        self.parser = self.program.parser
        self.order = self._topological()
        self.blocks = self._plan()

    # -- plan -----------------------------------------------------------------------------------

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

    def _plan(self) -> dict[str, int]:
        """Numbers of the states that become blocks."""
        position = {name: n for n, name in enumerate(self.order)}
        incoming: dict[str, int] = dict.fromkeys(self.order, 0)
        looped = set()
        for state in self.order:
            for target in self._next(state):
                incoming[target] += 1
                if position[target] <= position[state]:
                    looped.add(target)
        first = self.parser.init_state
        chosen = [s for s in self.order if s == first or incoming[s] > 1 or s in looped]
        return {name: n for n, name in enumerate(self._deepen(chosen))}

    def _deepen(self, chosen: list[str]) -> list[str]:
        """Make blocks of states that would be nested too deep."""
        depth: dict[str, int] = {}
        for state in self.order:
            if state in chosen:
                depth[state] = 0
            for target in self._next(state):
                if target in chosen:
                    continue
                depth[target] = depth.get(state, 0) + 1
                if depth[target] > MAX_NESTING:
                    chosen.append(target)
                    depth[target] = 0
        return sorted(chosen, key=self.order.index)

    # -- code -----------------------------------------------------------------------------------

    def error(self, name: str) -> int:
        """Code of a core error: the program's own number, else the core library's order."""
        return self.program.errors.get(name, CORE_ERRORS.index(name))

    def fail(self, code: str) -> None:
        """Write the end of parsing with an error."""
        self._set_error(code)
        self.writer.add("break")

    def _set_error(self, code: str) -> None:
        self.primitives.tell("parser_error", f"error_name({code})")
        self.writer.add(f"perr = {code}")

    def emit(self) -> None:
        """Write the whole parser."""
        self.writer.add(f"perr = {self.error('NoError')}")
        if not self.blocks:
            return
        several = len(self.blocks) > 1
        self.writer.add("st = 0")
        with self.writer.block(f"for _ in range({MAX_ROUNDS}):"):
            for name, number in self.blocks.items():
                self._block = number
                if several:
                    with self.writer.block(f"if st == {number}:"):
                        self._state(self.parser.states[name])
                else:
                    self._state(self.parser.states[name])
        with self.writer.block("else:"):
            self._set_error(str(self.error("ParserTimeout")))

    def _state(self, state: ParserState) -> None:
        self.primitives.tell("state", state)
        for op in state.ops:
            self._op(op)
        if not state.key:
            self._go(state, (), next((t for t in state.transitions if t.kind == "default"), None))
            return
        parts = self._key(state)
        cases = [t for t in state.transitions if t.kind != "default"]
        for number, case in enumerate(cases):
            head = "elif" if number else "if"
            with self.writer.block(f"{head} {self._case(state, parts, case)}:"):
                self._go(state, parts, case)
        default = next((t for t in state.transitions if t.kind == "default"), None)
        if cases:
            with self.writer.block("else:"):
                self._go(state, parts, default)
        else:
            self._go(state, parts, default)

    def _go(self, state: ParserState, parts: Sequence[str], transition: Transition | None) -> None:
        """Write the way out of `state`; `parts` are the variables of the select's key."""
        values = f"({''.join(f'{part}, ' for part in parts)})"
        self.primitives.tell("transition", state, values, transition or "None")
        target = transition.next_state if transition else None
        if target is None:
            self.writer.add("break")
        elif target not in self.blocks:
            self._state(self.parser.states[target])
        else:
            self.writer.add(f"st = {self.blocks[target]}")
            if self.blocks[target] <= self._block:
                self.writer.add("continue")

    # -- select ---------------------------------------------------------------------------------

    def _need(self, bits: str | int) -> None:
        """Write the check that so many bits are left."""
        size = f"{(bits + 7) // 8}" if isinstance(bits, int) else bits
        with self.writer.block(f"if o + {size} > flen:"):
            self.fail(str(self.error("PacketTooShort")))

    def _key(self, state: ParserState) -> list[str]:
        ahead = [p.offset + p.width for p in state.key if isinstance(p, ex.Lookahead)]
        if ahead:
            self._need(max(ahead))
        parts = []
        for part, width in zip(state.key, state.key_widths, strict=True):
            text = self.expressions.value(part)
            if self.expressions.bits(part) > width:
                text = f"({text} & {(1 << width) - 1})"
            if not text.isidentifier():
                name = self.writer.fresh("k")
                self.writer.add(f"{name} = {text}")
                text = name
            parts.append(text)
        return parts

    def _case(self, state: ParserState, parts: list[str], case: Transition) -> str:
        if case.kind == "value_set":
            return self._value_set(state, parts, case)
        total = sum(state.key_widths)
        ones = (1 << total) - 1
        mask = ones if case.mask is None else case.mask
        tests = []
        shift = total
        for name, width in zip(parts, state.key_widths, strict=True):
            shift -= width
            full = (1 << width) - 1
            value, bits = case.value >> shift & full, mask >> shift & full
            if bits == full:
                tests.append(f"{name} == {value}")
            elif bits:
                tests.append(f"{name} & {bits} == {value & bits}")
        return " and ".join(tests) or "True"

    def _value_set(self, state: ParserState, parts: list[str], case: Transition) -> str:
        rows = f"value_set_{list(self.program.value_sets).index(case.value_set or '')}"
        shift = sum(state.key_widths)
        joined = []
        for name, width in zip(parts, state.key_widths, strict=True):
            shift -= width
            joined.append(f"{name} << {shift}" if shift else name)
        mask = "m" if case.mask is None else f"m & {case.mask}"
        value = "v" if case.mask is None else f"v & {case.mask}"
        key = f"({' | '.join(joined)})"
        return f"any({key} & {mask} == {value} for v, m in {rows}.rows)"

    # -- operations -----------------------------------------------------------------------------

    def _op(self, op: ParserOp) -> None:
        ahead = [n.offset + n.width for n in walk(op) if isinstance(n, ex.Lookahead)]
        if ahead:
            self._need(max(ahead))
        if isinstance(op, Extract):
            self._extract(op)
        elif isinstance(op, SetField):
            with self.primitives.watcher.told(op):
                self.primitives.store(op.target, op.value)
        elif isinstance(op, Verify):
            self._verify(op)
        elif isinstance(op, Advance):
            self._advance(op)
        elif isinstance(op, Primitive):
            self.primitives.emit(op)

    def _verify(self, op: Verify) -> None:
        condition = self.expressions.condition(op.condition)
        watcher = self.primitives.watcher
        operands = watcher.operands(op.condition)
        values = watcher.values(operands)
        self.primitives.tell("verified", op, f"bool({condition})", values, operands)
        fits = self.expressions.bits(op.error) <= ERROR_BITS
        code = self.expressions.value(op.error)
        with self.writer.block(f"if not {condition}:"):
            self.fail(code if fits else f"{code} & {(1 << ERROR_BITS) - 1}")

    def _advance(self, op: Advance) -> None:
        bits = self.expressions.value(op.bits)
        if isinstance(op.bits, ex.Const) and op.bits.value % 8 == 0:
            self._need(op.bits.value)
            self.writer.add(f"o += {op.bits.value // 8}")
            self.primitives.tell("advanced", str(op.bits.value))
            return
        held = self.writer.fresh("n")
        self.writer.add(f"{held} = {bits}")
        negative = "" if self.expressions.bits(op.bits) < UNBOUNDED else f" or {held} < 0"
        with self.writer.block(f"if {held} % 8{negative}:"):
            self.fail(str(self.error("ParserInvalidArgument")))
        self._need(f"{held} // 8")
        self.writer.add(f"o += {held} // 8")
        self.primitives.tell("advanced", held)

    def _extract(self, op: Extract) -> None:
        if op.kind == "regular":
            self._extract_header(op.target, op.length)
            return
        count = self.layout.count(op.target)
        for number, header in enumerate(self._elements(op)):
            with self.writer.block(f"{'elif' if number else 'if'} {count} == {number}:"):
                self._extract_header(header, op.length)
        with self.writer.block("else:"):
            self.fail(str(self.error("StackOutOfBounds")))
        self.writer.add(f"{count} += 1")

    def _elements(self, op: Extract) -> list[str]:
        if op.kind == "stack":
            return list(self.program.stacks[op.target].headers)
        unions = [self.program.unions[u] for u in self.program.union_stacks[op.target].unions]
        return [u.headers[u.members.index(op.member or "")] for u in unions]

    def _extract_header(self, header: str, length: ex.Expr | None) -> None:
        layout = self.layout.of(header)
        if layout.varbit is not None:
            size = self._extract_varbit(header, length)
        else:
            size = str(layout.bytes)
            self._need(layout.bytes * 8)
            self.layout.emit_unpack(header, layout.head, "o")
            if header in self.layout.sliced:
                dirty = self.layout.dirty(header)
                self.writer.add(f"{self.layout.origin(header)} = o")
                if dirty is not None:
                    self.writer.add(f"{dirty} = 0")
            self.writer.add(f"o += {layout.bytes}")
        self.primitives.mark_valid(header)
        self.primitives.tell("extracted", repr(header), f"o - {size}", size)

    def _extract_varbit(self, header: str, length: ex.Expr | None) -> str:
        """Write the extraction of a header that has a field of variable length.

        Returns:
            the variable that holds the header's length in bytes.
        """
        layout = self.layout.of(header)
        bits, size = self.writer.fresh("n"), self.writer.fresh("n")
        own = self.program.headers[header].header_type.length_expr
        if length is None and own is not None:  # it looks at the fields in front
            self._need(layout.bytes * 8)
            self.layout.emit_unpack(header, layout.head, "o")
            length = _resolve(own, header, self.program.headers[header].header_type.fields)
        self.writer.add(f"{bits} = {self.expressions.value(length) if length else '0'}")
        # BMv2 reads the length as a C int, which ends at 2**31 - 1
        with self.writer.block(f"if {bits} % 8 or not 0 <= {bits} < 2147483648:"):
            self.fail(str(self.error("ParserInvalidArgument")))
        self.writer.add(f"{size} = {layout.bytes} + {bits} // 8")
        self._need(size)
        limit = self.program.headers[header].header_type.max_bytes
        if limit:
            with self.writer.block(f"if {size} > {limit}:"):
                self.fail(str(self.error("HeaderTooShort")))
        head = sum(c.width for c in layout.head) // 8
        self.layout.emit_unpack(header, layout.head, "o")
        name = self.layout.var(header, layout.varbit or "")
        self.writer.add(f"{name} = {self._slice(head, bits)}")
        self.layout.emit_unpack(header, layout.tail, f"o + {head} + {bits} // 8")
        self.writer.add(f"o += {size}")
        return size

    @staticmethod
    def _slice(head: int, bits: str) -> str:
        """Source of a variable-length field `head` bytes ahead of the cursor."""
        return f"frame[o + {head}:o + {head} + {bits} // 8]"


def _resolve(node: ex.Expr, header: str, fields: tuple[object, ...]) -> ex.Expr:
    """Replace the field offsets in a header type's own length expression by fields."""
    if isinstance(node, ex.ParamRef):
        return ex.FieldRef(header, fields[node.index].name)  # type: ignore[attr-defined]  # a FieldType
    if isinstance(node, ex.Operation):
        parts = [
            _resolve(n, header, fields) if n else None for n in (node.left, node.right, node.cond)
        ]
        return ex.Operation(node.op, *parts)
    return node
