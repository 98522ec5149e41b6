"""Collects statements into blocks, and names temporary variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from v1switch.errors import ProgramError
from v1switch.lower import ir
from v1switch.lower.arithmetic import negate
from v1switch.lower.limits import MAX_SIZE

Emit = Callable[[], None]
Case = tuple[tuple[int, ...], ir.Block]
STRAIGHT = (ir.Assign, ir.Move)  # what `once` looks past


class Builder:
    """Where statements go as they are made: into the innermost open block."""

    def __init__(self) -> None:
        self._blocks: list[list[ir.Stmt]] = [[]]
        self._temporaries = 0
        self._size = 0

    def add(self, statement: ir.Stmt) -> None:
        """Append a statement; raises ProgramError when there are too many."""
        self.grow(1)
        self._blocks[-1].append(statement)

    def grow(self, nodes: int) -> None:
        """Count nodes that are about to be made."""
        self._size += nodes
        if self._size > MAX_SIZE:
            raise ProgramError("$", f"a program of at most {MAX_SIZE:,} operations", "a larger one")

    @contextmanager
    def block(self) -> Iterator[list[ir.Stmt]]:
        """Open a block: what is added inside goes into the list that this gives."""
        opened: list[ir.Stmt] = []
        self._blocks.append(opened)
        yield opened
        self._blocks.pop()

    def captured(self, emit: Emit) -> ir.Block:
        """What a function adds, as a block."""
        with self.block() as statements:
            emit()
        return tuple(statements)

    def branch(self, condition: ir.Expr, then: Emit, otherwise: Emit | None = None) -> None:
        """Append an `If` of what two functions add; nothing when both add nothing."""
        blocks = self.captured(then), self.captured(otherwise) if otherwise else ()
        self.branch_to(condition, *blocks)

    def branch_to(self, condition: ir.Expr, then: ir.Block, otherwise: ir.Block = ()) -> None:
        """Append an `If` of two blocks, or one of them if the condition is constant."""
        if isinstance(condition, ir.BoolConst):
            for statement in then if condition.value else otherwise:
                self.add(statement)
        elif then:
            self.add(ir.If(condition, then, otherwise))
        elif otherwise:
            self.add(ir.If(negate(condition), otherwise))

    def match(self, value: ir.Expr, cases: Sequence[Case], default: ir.Block = ()) -> None:
        """Append a `Match` of an integer, without the cases that it cannot have."""
        assert isinstance(value.type, ir.Int)
        low, high = value.type.low, value.type.high
        kept = tuple(
            (possible, block)
            for numbers, block in cases
            if (possible := tuple(number for number in numbers if low <= number <= high))
        )
        self.add(ir.Match(value, kept, default))

    def temporary(self, kind: ir.Type, stem: str = "t") -> ir.Var:
        """A new variable."""
        self._temporaries += 1
        return ir.Var(f"_{stem}{self._temporaries}", kind)

    def held(self, value: ir.Expr, stem: str = "t") -> ir.Var:
        """A new variable that holds a value."""
        var = self.temporary(value.type, stem)
        self.add(ir.Assign(var, value))
        return var

    def simple(self, value: ir.Expr, stem: str = "t") -> ir.Expr:
        """The value as something that can be read often: a variable or a constant."""
        if isinstance(value, (ir.Var, ir.Const, ir.BoolConst)):
            return value
        return self.held(value, stem)

    def assign(self, target: ir.Var, value: ir.Expr) -> None:
        """Append an assignment."""
        self.add(ir.Assign(target, value))

    def once(self, target: ir.Var, value: ir.Expr) -> None:
        """Append an assignment unless the straight run of assignments before has it already."""
        wanted = ir.Assign(target, value)
        for earlier in reversed(self._blocks[-1]):
            if earlier == wanted:
                return
            if not isinstance(earlier, STRAIGHT):
                break
        self.add(wanted)

    @property
    def statements(self) -> ir.Block:
        """All that was added outside of blocks."""
        return tuple(self._blocks[0])
