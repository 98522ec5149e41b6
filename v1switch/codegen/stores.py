"""Assignments as Python statements, and what every translator of primitives needs."""

from __future__ import annotations

from collections.abc import Callable

from v1switch.codegen.calculations import Calculations
from v1switch.codegen.exprs import Expressions
from v1switch.errors import ProgramError
from v1switch.program import expressions as ex
from v1switch.program.model import FieldType

STANDARD = "standard_metadata"


Cut = Callable[[FieldType], str]
"""Gives the source of one value as a field of some type holds it."""


class Stores:
    """Writes assignments, cut to the width of their targets."""

    calculations_type = Calculations

    def __init__(self, expressions: Expressions, drop_port: str, traced: bool) -> None:
        """Remember the context.

        Args:
            expressions: the translator of expressions.
            drop_port: name of the drop port in the generated code.
            traced: whether to tell what happens.
        """
        self.expressions = expressions
        self.calculations = self.calculations_type(expressions)
        self.layout = expressions.layout
        self.access = expressions.access
        self.writer = expressions.writer
        self.program = expressions.program
        self.drop_port = drop_port
        self.traced = traced
        self.action = ""  # the one that is being written

    def tell(self, event: str, *args: object) -> None:
        """Write a call of the recorder (in the traced variant).

        Args:
            event: the recorder's method.
            args: source of its arguments, or objects of the program.
        """
        if self.traced:
            texts = (a if isinstance(a, str) else self.writer.bind("W", a) for a in args)
            self.writer.add(f"tr.{event}({', '.join(texts)})")

    def fail(self, expected: str, found: str) -> ProgramError:
        """Make the error that the action at work cannot be written."""
        subject = f"action {self.action!r}" if self.action else ""
        return ProgramError("$.actions", expected, found, subject)

    def store(self, target: ex.Expr, value: ex.Expr) -> None:
        """Write an assignment, cut to the target's width."""
        self._put(target, lambda kind: self.expressions.fit(kind, value))

    def store_text(self, target: ex.Expr, text: str, bits: int) -> None:
        """Write an assignment of a value of at most `bits` bits."""
        self._put(target, lambda kind: self.expressions.fit_word(kind, text, bits))

    def _put(self, target: ex.Expr, cut: Cut) -> None:
        if isinstance(target, ex.FieldRef):
            if not self.access.is_read(target.header, target.field):
                return
            kind = self.expressions.field_type(target)
            self.writer.add(f"{self.expressions.place(target)} = {cut(kind)}")
            self.touch(target.header)
        elif isinstance(target, ex.RegisterRef):
            kind = FieldType("", self.program.registers[target.array].width)
            self._register_store(target.array, target.index, cut(kind))
        elif isinstance(target, ex.LastField):
            stack = self.program.stacks[target.stack]
            choices = [
                (f"{self.layout.count(target.stack)} == {n}", ex.FieldRef(h, target.field))
                for n, h in enumerate(stack.headers, start=1)
            ]
            self._store_chosen(choices, cut)
        elif isinstance(target, ex.MemberField):
            self._store_member(target, cut)
        else:
            raise self.fail("an assignable field", type(target).__name__)

    def touch(self, header: str) -> None:
        """Write that a header no longer is what came in."""
        dirty = self.layout.dirty(header) if header in self.layout.sliced else None
        if dirty is not None:
            self.writer.once(f"{dirty} = 1")

    def _store_member(self, target: ex.MemberField, cut: Cut) -> None:
        index = self.expressions.element_index(target.header)
        refs = []
        for header in self.access.candidates(target.header):
            fields = self.program.headers[header].header_type.fields
            refs.append(ex.FieldRef(header, fields[target.offset].name))
        if index is None:
            self._put(refs[0], cut)
            return
        at = self.writer.fresh("i")
        self.writer.add(f"{at} = {self.expressions.value(index)}")
        self._store_chosen([(f"{at} == {n}", ref) for n, ref in enumerate(refs)], cut)

    def _store_chosen(self, choices: list[tuple[str, ex.FieldRef]], cut: Cut) -> None:
        for number, (condition, ref) in enumerate(choices):
            with self.writer.block(f"{'elif' if number else 'if'} {condition}:"):
                self._put(ref, cut)

    def _register_store(self, name: str, index: ex.Expr, text: str) -> None:
        at = self.writer.fresh("i")
        self.writer.add(f"{at} = {self.expressions.value(index)}")
        size = self.program.registers[name].size
        with self.writer.block(f"if {self.expressions.below(index, at, size)}:"):
            self.writer.add(f"{self.expressions.register(name)}[{at}] = {text}")

    def standard(self, field: str) -> str:
        """Variable of a field of standard_metadata."""
        return self.layout.var(STANDARD, field)

    def bank(self, kind: str, name: str) -> str:
        """Name of a counter or meter bank in the generated code."""
        names = list(self.program.counters if kind == "counter" else self.program.meters)
        return f"{kind}_{names.index(name)}"
