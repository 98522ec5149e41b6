"""Operations on whole headers, unions and stacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from v1switch.lower import arithmetic as ar
from v1switch.lower import ir
from v1switch.lower.expressions import Located
from v1switch.lower.stores import Stores
from v1switch.program import expressions as ex


class HeaderOperations:
    """Sets headers valid and invalid, copies them, and moves the elements of stacks."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.expressions = stores.expressions
        self.builder = stores.builder
        self.program = stores.program
        self.layout = stores.layout
        self.length = stores.context.length

    def _for_each(self, node: ex.Expr, act: Callable[[str], None]) -> None:
        """Do something to the header or union that an expression means."""
        self._at(self.expressions.locate(node), act)

    def _at(self, located: Located, act: Callable[[str], None]) -> None:
        names, index = located
        if index is None:
            act(names[0])
        else:
            self._match(index, [partial(act, name) for name in names])

    def _match(self, index: ir.Expr, acts: Sequence[Callable[[], None]], first: int = 0) -> None:
        cases = tuple(
            ((number,), self.builder.captured(act)) for number, act in enumerate(acts, start=first)
        )
        self.builder.match(index, cases)

    def _set_valid(self, header: str, valid: ir.Expr) -> None:
        var = self.layout.headers[header].valid
        if var is not None:
            self.builder.assign(var, valid)

    def size(self, header: str) -> ir.Expr:
        """A header's length in bytes."""
        spec = self.layout.headers[header]
        fixed = ir.Const(spec.size)
        return fixed if spec.varbit is None else ar.binary("+", fixed, ir.SizeOf(spec.varbit))

    def _resize(self, op: str, header: str) -> None:
        """Add a header's length to the packet's, or subtract it, if the program reads that."""
        if not self.stores.context.has("packet_length"):
            return
        kind = self.length.type
        assert isinstance(kind, ir.Int)
        changed = ar.binary(op, self.length, self.size(header))
        self.builder.assign(self.length, ar.known_to_fit(changed, kind))

    # -- validity ---------------------------------------------------------------------------------

    def mark_valid(self, header: str) -> None:
        """Set a header valid; its union's other members become invalid."""
        for union in self.program.unions.values():
            if header in union.headers:
                for other in union.headers:
                    if other != header:
                        self._set_valid(other, ir.BoolConst(False))
        self._set_valid(header, ir.BoolConst(True))

    def add(self, node: ex.Expr) -> None:
        """`setValid`: the fields of a header that was invalid become zero."""
        self._for_each(node, self._add)

    def _add(self, header: str) -> None:
        spec = self.layout.headers[header]
        if spec.valid is None:
            return

        def appear() -> None:
            self.zero(spec.variables)
            self.mark_valid(header)
            self.stores.touch(header)
            self._resize("+", header)

        self.builder.branch(ar.negate(spec.valid), appear)

    def add_fast(self, node: ex.Expr) -> None:
        """Set a header valid whose fields are all written afterwards."""

        def add(header: str) -> None:
            self.mark_valid(header)
            self.stores.touch(header)

        self._for_each(node, add)

    def remove(self, node: ex.Expr) -> None:
        """`setInvalid`."""
        self._for_each(node, self._remove)

    def _remove(self, header: str) -> None:
        valid = self.layout.headers[header].valid
        if valid is None:
            return

        def disappear() -> None:
            self._resize("-", header)
            self._set_valid(header, ir.BoolConst(False))

        self.builder.branch(valid, disappear)

    def zero(self, variables: Sequence[ir.Var]) -> None:
        """Set variables to what they hold when a packet comes in."""
        if variables:
            self.builder.add(ir.Move(tuple(variables), tuple(ar.zero(v.type) for v in variables)))

    # -- copies -----------------------------------------------------------------------------------

    def _for_each_pair(self, dst: ex.Expr, src: ex.Expr, act: Callable[[str, str], None]) -> None:
        to, source = self.expressions.locate(dst), self.expressions.locate(src)
        self._at(to, lambda target: self._at(source, partial(act, target)))

    def assign(self, dst: ex.Expr, src: ex.Expr) -> None:
        """Assign one header to another of its type."""
        self._for_each_pair(dst, src, self._copy)

    def _copy(self, dst: str, src: str) -> None:
        """An invalid source only makes the target invalid."""
        valid = self.layout.headers[src].valid
        if valid is None:
            self._copy_fields(dst, src)
            return
        copy, leave = partial(self._copy_valid, dst, src), partial(self._set_valid, dst)
        self.builder.branch(valid, copy, partial(leave, ir.BoolConst(False)))

    def _copy_valid(self, dst: str, src: str) -> None:
        self.mark_valid(dst)
        self._copy_fields(dst, src)

    def _copy_fields(self, dst: str, src: str) -> None:
        targets, values = self.layout.headers[dst].variables, self.layout.headers[src].variables
        if targets:
            self.builder.add(ir.Move(targets, values))
            self.stores.touch(dst)

    def assign_union(self, dst: ex.Expr, src: ex.Expr) -> None:
        """Assign one union to another of its type."""
        self._for_each_pair(dst, src, self._copy_union)

    def _copy_union(self, dst: str, src: str) -> None:
        unions = self.program.unions
        pairs = list(zip(unions[dst].headers, unions[src].headers, strict=True))
        for to, source in pairs:
            self.builder.branch(
                self.expressions.is_valid(source), partial(self._copy_valid, to, source)
            )
        for to, source in pairs:
            missing = ar.negate(self.expressions.is_valid(source))
            self.builder.branch(missing, partial(self._set_valid, to, ir.BoolConst(False)))

    def assign_stack(self, dst: ex.Expr, src: ex.Expr) -> None:
        """Assign one stack (of headers or unions) to another of its type."""
        assert isinstance(dst, (ex.StackRef, ex.UnionStackRef))
        assert isinstance(src, (ex.StackRef, ex.UnionStackRef))
        self.builder.assign(self.layout.counts[dst.name], self.layout.counts[src.name])
        if isinstance(dst, ex.StackRef):
            stacks = self.program.stacks
            for to, source in zip(stacks[dst.name].headers, stacks[src.name].headers, strict=True):
                self._copy(to, source)
        else:
            unions = self.program.union_stacks
            for to, source in zip(unions[dst.name].unions, unions[src.name].unions, strict=True):
                self._copy_union(to, source)

    # -- stacks -----------------------------------------------------------------------------------

    def push(self, stack: ex.Expr, amount: ex.Expr) -> None:
        """`push_front`."""
        self._move(stack, amount, 1)

    def pop(self, stack: ex.Expr, amount: ex.Expr) -> None:
        """`pop_front`."""
        self._move(stack, amount, -1)

    def _elements(self, stack: ex.StackRef | ex.UnionStackRef) -> list[tuple[str, ...]]:
        """The headers of each element."""
        program = self.program
        if isinstance(stack, ex.StackRef):
            return [(h,) for h in program.stacks[stack.name].headers]
        return [program.unions[u].headers for u in program.union_stacks[stack.name].unions]

    def _move(self, stack: ex.Expr, amount: ex.Expr, sign: int) -> None:
        assert isinstance(stack, (ex.StackRef, ex.UnionStackRef))
        depth = len(self._elements(stack))
        if isinstance(amount, ex.Const):
            self._step(stack, sign * min(amount.value, depth))
            return
        steps = ar.binary("min", self.expressions.number(amount), ir.Const(depth))
        moves = [partial(self._step, stack, sign * n) for n in range(1, depth + 1)]
        self._match(self.builder.simple(steps), moves, first=1)

    def _step(self, stack: ex.StackRef | ex.UnionStackRef, by: int) -> None:
        """Move all elements by `by` places (towards the end when positive): stacks.cpp."""
        if not by:
            return
        count, elements = self.layout.counts[stack.name], self._elements(stack)
        if by > 0:
            moved = ar.binary("min", ir.Const(len(elements)), ar.binary("+", count, ir.Const(by)))
        else:
            moved = ar.binary("max", ir.Const(0), ar.binary("-", count, ir.Const(-by)))
        self.builder.assign(count, moved)
        if isinstance(stack, ex.UnionStackRef):
            self._rotate(elements, by)
        else:
            self._shift([header for (header,) in elements], by)

    def _shift(self, headers: list[str], by: int) -> None:
        order = range(len(headers))
        for place in reversed(order) if by > 0 else order:
            source, valid = place - by, self.expressions.is_valid
            if 0 <= source < len(headers):
                self._copy_fields(headers[place], headers[source])
                self._set_valid(headers[place], valid(headers[source]))
            else:
                self._set_valid(headers[place], ir.BoolConst(False))

    def _rotate(self, unions: list[tuple[str, ...]], by: int) -> None:
        """Move unions as BMv2 does: it swaps them, and invalidates none (header_unions.h)."""
        places = list(range(len(unions)))
        if by > 0:
            pairs = [(n, n - by) for n in range(len(unions) - 1, by - 1, -1)]
        else:
            pairs = [(n, n - by) for n in range(len(unions) + by)]
        for one, other in pairs:
            places[one], places[other] = places[other], places[one]
        targets: list[ir.Var] = []
        values: list[ir.Var] = []
        for place, source in enumerate(places):
            for to, from_ in zip(unions[place], unions[source], strict=True):
                targets += self._all(to)
                values += self._all(from_)
        self.builder.add(ir.Move(tuple(targets), tuple(values)))

    def _all(self, header: str) -> list[ir.Var]:
        spec = self.layout.headers[header]
        assert spec.valid is not None
        return [spec.valid, *spec.variables]
