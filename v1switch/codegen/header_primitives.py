"""Primitives on whole headers, unions and stacks."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from v1switch.codegen.stores import Stores
from v1switch.program import expressions as ex


class HeaderPrimitives(Stores):
    """One method per primitive, named after it."""

    def _each(self, node: ex.Expr) -> list[tuple[str | None, str]]:
        """(condition or None, name) for every header or union that an expression may mean."""
        names = self.access.candidates(node) or self.access.unions(node)
        index = self.expressions.element_index(node)
        if index is None:
            return [(None, names[0])]
        if isinstance(index, ex.Const):
            return [(None, names[min(index.value, len(names) - 1)])]
        at = self.writer.fresh("i")
        self.writer.add(f"{at} = {self.expressions.value(index)}")
        return [(f"{at} == {n}", name) for n, name in enumerate(names)]

    def _for_each(self, node: ex.Expr, act: Callable[[str], None]) -> None:
        for condition, header in self._each(node):
            if condition is None:
                act(header)
                continue
            with self.writer.block(f"if {condition}:"):
                act(header)

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
        def add(header: str) -> None:
            self.mark_valid(header)
            self.touch(header)

        self._for_each(node, add)

    def _remove_header(self, node: ex.Expr) -> None:
        def remove(header: str) -> None:
            if self.program.headers[header].metadata:
                return
            with self.writer.block(f"if {self.layout.valid(header)}:"):
                self.writer.add(f"plen -= {self.layout.length(header)}")
                self.writer.add(f"{self.layout.valid(header)} = 0")

        self._for_each(node, remove)

    def _for_each_pair(self, dst: ex.Expr, src: ex.Expr, act: Callable[[str, str], None]) -> None:
        for (c1, to), (c2, from_) in itertools.product(self._each(dst), self._each(src)):
            condition = " and ".join(c for c in (c1, c2) if c)
            if condition:
                with self.writer.block(f"if {condition}:"):
                    act(to, from_)
            else:
                act(to, from_)

    def _assign_header(self, dst: ex.Expr, src: ex.Expr) -> None:
        self._for_each_pair(dst, src, self.copy_header)

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
        self._for_each_pair(dst, src, self._copy_union)

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
        if isinstance(stack, ex.UnionStackRef):
            self._rotate(self._elements(stack), by)
            return
        headers = [header for (header,) in self._elements(stack)]
        order = range(len(headers))
        for place in reversed(order) if by > 0 else order:
            source, valid = place - by, "0"
            if 0 <= source < len(headers):
                self._copy_vars(headers[place], headers[source])
                valid = self.layout.valid(headers[source])
            self.writer.add(f"{self.layout.valid(headers[place])} = {valid}")

    def _rotate(self, unions: list[tuple[str, ...]], by: int) -> None:
        """Move unions as BMv2 does: it swaps them, and invalidates none (header_unions.h)."""
        places = list(range(len(unions)))
        if by > 0:
            pairs = [(n, n - by) for n in range(len(unions) - 1, by - 1, -1)]
        else:
            pairs = [(n, n - by) for n in range(len(unions) + by)]
        for one, other in pairs:
            places[one], places[other] = places[other], places[one]
        targets, values = [], []
        for place, source in enumerate(places):
            for to, from_ in zip(unions[place], unions[source], strict=True):
                targets += [self.layout.valid(to), *self.layout.header_vars(to)]
                values += [self.layout.valid(from_), *self.layout.header_vars(from_)]
        self.writer.add(f"{', '.join(targets)} = {', '.join(values)}")

    def _move(self, stack: ex.Expr, amount: ex.Expr, sign: int) -> None:
        assert isinstance(stack, (ex.StackRef, ex.UnionStackRef))
        depth = len(self._elements(stack))
        count = self.layout.count(stack.name)
        steps: list[tuple[str | None, int]]
        if isinstance(amount, ex.Const):
            steps = [(None, min(amount.value, depth))]
        else:
            held = self.writer.fresh("n")
            self.writer.add(f"{held} = min({self.expressions.value(amount)}, {depth})")
            steps = [(f"if {held} == {n}:", n) for n in range(1, depth + 1)]
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
