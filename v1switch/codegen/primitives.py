"""Primitives as Python statements, inlined where an action is called."""

from __future__ import annotations

from v1switch.codegen.exprs import Expressions
from v1switch.codegen.extern_primitives import ExternPrimitives
from v1switch.codegen.header_primitives import HeaderPrimitives
from v1switch.codegen.watching import Watcher
from v1switch.program import expressions as ex
from v1switch.program.model import Action, Primitive

BINARY = {
    "add": "+",
    "subtract": "-",
    "bit_xor": "^",
    "bit_or": "|",
    "bit_and": "&",
    "shift_left": "<<",
    "shift_right": ">>",
}
JUMPS = ("_jump", "_jump_if_zero")
MAX_BLOCKS = 1 << 16  # that one call of an action may run: more is a loop that never ends


class Primitives(HeaderPrimitives, ExternPrimitives):
    """Writes actions: one method per primitive, named after it."""

    def __init__(self, expressions: Expressions, drop_port: str, traced: bool) -> None:
        """Remember the context; see `Stores`."""
        super().__init__(expressions, drop_port, traced)
        self.watcher = Watcher(self)
        self.exits = False

    def emit_action(self, action: Action, params: list[str]) -> bool:
        """Write an action's body; `params` are source of its arguments. True if it may exit."""
        expressions = self.expressions
        before = expressions.params, expressions.param_widths
        expressions.params, expressions.param_widths = params, [p.width for p in action.params]
        self.exits = False
        self.action = action.name
        calls, count = action.primitives, len(action.primitives)
        if self._loops(calls) or not self._structured(calls, 0, count):
            self._blocks(calls)
        else:
            self._sequence(calls, 0, count)
        expressions.params, expressions.param_widths = before
        return self.exits

    def _sequence(self, calls: tuple[Primitive, ...], start: int, end: int) -> None:
        """Write calls[start:end]; p4c's forward jumps are turned back into if and else."""
        at = start
        while at < end:
            call = calls[at]
            if call.op == "_jump":
                at = self._target(call.args[0], at, len(calls))
                continue
            if call.op != "_jump_if_zero":
                self.emit(call)
                at += 1
                continue
            at = self._branch(calls, at)

    @staticmethod
    def _loops(calls: tuple[Primitive, ...]) -> bool:
        """Whether a jump goes back, as those of P4's loops do."""
        targets = ((at, call.args[-1]) for at, call in enumerate(calls) if call.op in JUMPS)
        return any(isinstance(to, ex.Const) and to.value <= at for at, to in targets)

    def _structured(self, calls: tuple[Primitive, ...], start: int, end: int) -> bool:
        """Whether the forward jumps of calls[start:end] are those of ifs and elses."""
        at = start
        while at < end:
            call = calls[at]
            if call.op == "_jump":
                at = self._target(call.args[0], at, len(calls))
            elif call.op == "_jump_if_zero":
                then_end, other, after = self._arms(calls, at)
                arms = ((at + 1, then_end), (other, after))
                if not all(self._structured(calls, *arm) for arm in arms):
                    return False
                at = after
            else:
                at += 1
        return at == end

    def _blocks(self, calls: tuple[Primitive, ...]) -> None:
        """Write calls with any jumps: basic blocks behind the number of the next one."""
        count = len(calls)
        jumps = {
            at: self._target(c.args[-1], -1, count) for at, c in enumerate(calls) if c.op in JUMPS
        }
        starts = sorted({0, *jumps.values(), *(at + 1 for at in jumps)} - {count})
        block = self.writer.fresh("j")
        self.writer.add(f"{block} = 0")
        with self.writer.block(f"for {self.writer.fresh('n')} in range({MAX_BLOCKS}):"):
            for start, end in zip(starts, [*starts[1:], count], strict=True):
                with self.writer.block(f"{'elif' if start else 'if'} {block} == {start}:"):
                    for call in (c for c in calls[start:end] if c.op not in JUMPS):
                        self.emit(call)
                    self._leave(calls[end - 1], block, jumps.get(end - 1, end), end)
            with self.writer.block("else:"):
                self.writer.add("break")
        with self.writer.block("else:"):
            self._endless()

    def _endless(self) -> None:
        self.writer.add(f"raise Endless('an action that runs {MAX_BLOCKS:,} basic blocks')")

    def _leave(self, last: Primitive, block: str, target: int, following: int) -> None:
        """Write which block comes behind one that ends in `last`."""
        if last.op != "_jump_if_zero":
            self.writer.add(f"{block} = {target}")
            return
        test = self.expressions.value(last.args[0])
        self._tell_branch(last, test)
        self.writer.add(f"{block} = {following} if {test} else {target}")

    def _target(self, arg: ex.Expr, at: int, count: int) -> int:
        assert isinstance(arg, ex.Const), "the loader took nothing else"
        if not at < arg.value <= count:
            raise self.fail(f"jumps to the primitives {at + 1}..{count}", f"one to {arg.value}")
        return arg.value

    def _arms(self, calls: tuple[Primitive, ...], at: int) -> tuple[int, int, int]:
        """End of a branch's first arm, start and end of its second."""
        other = self._target(calls[at].args[1], at, len(calls))
        last = calls[other - 1]
        if other - 1 > at and last.op == "_jump":
            return other - 1, other, self._target(last.args[0], other - 1, len(calls))
        return other, other, other

    def _branch(self, calls: tuple[Primitive, ...], at: int) -> int:
        then_end, other, after = self._arms(calls, at)
        test = calls[at].args[0]
        source = self.expressions.value(test)
        if isinstance(test, ex.Operation) and test.op == "b2d" and test.right is not None:
            source = self.expressions.condition(test.right)
        self._tell_branch(calls[at], source)
        with self.writer.block(f"if {source}:"):
            self._sequence(calls, at + 1, then_end)
        if after > other:
            with self.writer.block("else:"):
                self._sequence(calls, other, after)
        return after

    def _tell_branch(self, call: Primitive, condition: str) -> None:
        operands = self.watcher.operands(call.args[0])
        self.tell("branch", call, f"bool({condition})", self.watcher.values(operands), operands)

    # -- one primitive ----------------------------------------------------------------------------

    def emit(self, call: Primitive) -> None:
        """Write one call."""
        with self.watcher.told(call):
            self._emit(call)

    def _emit(self, call: Primitive) -> None:
        if call.op in BINARY:
            dst, left, right = call.args
            self.store(dst, ex.Operation(BINARY[call.op], left, right))
            return
        getattr(self, f"_{call.op}")(*call.args)

    def _assign(self, target: ex.Expr, value: ex.Expr) -> None:
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

    def _assert(self, value: ex.Expr) -> None:
        with self.writer.block(f"if not {self.expressions.value(value)}:"):
            self.writer.add("failed_assertion()")

    _assume = _assert

    def _log_msg(self, text: ex.Text, values: ex.Vector) -> None:
        args = ", ".join(self.expressions.value(v) for v in values.items)
        self.writer.add(f"log_message({text.value!r}, ({args}{',' if args else ''}))")

    def _truncate(self, length: ex.Expr) -> None:
        self.writer.add(f"cut = min(cut, {self.expressions.value(length)})")
