"""Actions: primitives in a row, with the jumps that p4c writes for `if`, `switch` and loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from v1switch.lower import ir
from v1switch.lower.expressions import Expressions
from v1switch.lower.externs import Externs
from v1switch.lower.headers import HeaderOperations
from v1switch.lower.limits import MAX_ACTION_LOOPS
from v1switch.lower.observation import Observer
from v1switch.lower.stores import Stores
from v1switch.program import expressions as ex
from v1switch.program.model import Action, Primitive
from v1switch.program.primitives import OPERATORS

JUMPS = ("_jump", "_jump_if_zero")


class Actions:
    """Lowers calls of actions and of primitives."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.context = expressions.context
        self.builder = expressions.builder
        self.observer = Observer(expressions)
        self.stores = Stores(expressions)
        self.headers = HeaderOperations(self.stores)
        self.externs = Externs(self.stores)
        self._exits = False

    def call(self, action: Action, params: Sequence[ir.Expr]) -> bool:
        """Add an action's statements; return whether one of them may exit the control."""
        self._exits = False
        with self.context.inside(action, params):
            calls, count = action.primitives, len(action.primitives)
            if _loops(calls) or not self._is_structured(calls, 0, count):
                self._machine(calls)
            else:
                self._sequence(calls, 0, count)
        return self._exits

    # -- structured jumps -------------------------------------------------------------------------

    def _sequence(self, calls: tuple[Primitive, ...], start: int, end: int) -> None:
        """Add calls[start:end]; p4c's forward jumps are turned back into `if` and `else`."""
        at = start
        while at < end:
            call = calls[at]
            if call.op == "_jump":
                at = self._target(call.args[0], at, len(calls))
            elif call.op == "_jump_if_zero":
                at = self._branch(calls, at)
            else:
                self.primitive(call)
                at += 1

    def _is_structured(self, calls: tuple[Primitive, ...], start: int, end: int) -> bool:
        """Whether the forward jumps of calls[start:end] are those of `if` and `else`."""
        at = start
        while at < end:
            call = calls[at]
            if call.op == "_jump":
                at = self._target(call.args[0], at, len(calls))
            elif call.op == "_jump_if_zero":
                then_end, other, after = self._arms(calls, at)
                arms = ((at + 1, then_end), (other, after))
                if not all(self._is_structured(calls, *arm) for arm in arms):
                    return False
                at = after
            else:
                at += 1
        return at == end

    def _target(self, arg: ex.Expr, at: int, count: int) -> int:
        assert isinstance(arg, ex.Const), "the loader took nothing else"
        if not at < arg.value <= count:
            raise self.context.fail(
                f"jumps to the primitives {at + 1}..{count}", f"one to {arg.value}"
            )
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
        condition = self._condition(calls[at])
        self.builder.branch(
            condition,
            lambda: self._sequence(calls, at + 1, then_end),
            lambda: self._sequence(calls, other, after),
        )
        return after

    def _condition(self, call: Primitive) -> ir.Expr:
        """The condition under which a conditional jump is not taken."""
        condition = self.expressions.condition(call.args[0])
        if self.context.observed:
            condition = self.builder.simple(condition)
            self.observer.condition("branch", call, condition, call.args[0])
        return condition

    # -- any jumps --------------------------------------------------------------------------------

    def _machine(self, calls: tuple[Primitive, ...]) -> None:
        """Add calls with any jumps: each basic block is a state."""
        count = len(calls)
        jumps = {
            at: self._target(c.args[-1], -1, count) for at, c in enumerate(calls) if c.op in JUMPS
        }
        starts = sorted({0, *jumps.values(), *(at + 1 for at in jumps)} - {count})
        numbers = {start: number for number, start in enumerate(starts)}

        def go(target: int) -> ir.Block:
            return (ir.Leave(),) if target == count else (ir.Goto(numbers[target]),)

        states = []
        for start, end in zip(starts, [*starts[1:], count], strict=True):
            with self.builder.block() as block:
                for call in (c for c in calls[start:end] if c.op not in JUMPS):
                    self.primitive(call)
                last = calls[end - 1]
                if last.op == "_jump_if_zero":
                    self.builder.branch_to(self._condition(last), go(end), go(jumps[end - 1]))
                else:
                    self.builder.add(go(jumps.get(end - 1, end))[0])
            states.append(tuple(block))
        endless = ir.Abandon(f"{MAX_ACTION_LOOPS:,} jumps back in action {self.context.action!r}")
        self.builder.add(ir.Machine(tuple(states), MAX_ACTION_LOOPS, (endless,)))

    # -- one primitive ----------------------------------------------------------------------------

    def primitive(self, call: Primitive) -> None:
        """Add one call."""
        with self.observer.step(call):
            if call.op in OPERATORS:
                target, left, right = call.args
                self._assign(target, ex.Operation(OPERATORS[call.op], left, right))
            else:
                PRIMITIVES[call.op](self, *call.args)

    def _assign(self, target: ex.Expr, value: ex.Expr) -> None:
        self.stores.store(target, self.expressions.value(value))

    def _add_to_field(self, target: ex.Expr, value: ex.Expr) -> None:
        self._assign(target, ex.Operation("+", target, value))

    def _subtract_from_field(self, target: ex.Expr, value: ex.Expr) -> None:
        self._assign(target, ex.Operation("-", target, value))

    def _exit(self) -> None:
        self._exits = True
        self.builder.assign(self.context.requests.exit, ir.BoolConst(True))

    def _nothing(self) -> None:
        pass


def _loops(calls: tuple[Primitive, ...]) -> bool:
    """Whether a jump goes back, as those of P4's loops do."""
    targets = ((at, call.args[-1]) for at, call in enumerate(calls) if call.op in JUMPS)
    return any(isinstance(to, ex.Const) and to.value <= at for at, to in targets)


PRIMITIVES: dict[str, Callable[..., None]] = {
    "assign": Actions._assign,
    "modify_field": Actions._assign,
    "assign_VL": Actions._assign,
    "add_to_field": Actions._add_to_field,
    "subtract_from_field": Actions._subtract_from_field,
    "exit": Actions._exit,
    "no_op": Actions._nothing,
    "assign_header": lambda actions, dst, src: actions.headers.assign(dst, src),
    "copy_header": lambda actions, dst, src: actions.headers.assign(dst, src),
    "assign_union": lambda actions, dst, src: actions.headers.assign_union(dst, src),
    "assign_header_stack": lambda actions, dst, src: actions.headers.assign_stack(dst, src),
    "assign_union_stack": lambda actions, dst, src: actions.headers.assign_stack(dst, src),
    "push": lambda actions, stack, amount: actions.headers.push(stack, amount),
    "pop": lambda actions, stack, amount: actions.headers.pop(stack, amount),
    "add_header": lambda actions, header: actions.headers.add(header),
    "add_header_fast": lambda actions, header: actions.headers.add_fast(header),
    "remove_header": lambda actions, header: actions.headers.remove(header),
    "assert": lambda actions, value: actions.externs.check(value),
    "assume": lambda actions, value: actions.externs.check(value),
    "log_msg": lambda actions, *args: actions.externs.log(*args),
    "modify_field_rng_uniform": lambda actions, *args: actions.externs.random(*args),
    "modify_field_with_hash_based_offset": lambda actions, *args: actions.externs.hash(*args),
    "drop": lambda actions: actions.externs.drop(),
    "mark_to_drop": lambda actions, header: actions.externs.mark_to_drop(header),
    "generate_digest": lambda actions, *args: actions.externs.generate_digest(*args),
    "clone_ingress_pkt_to_egress": lambda actions, *args: actions.externs.clone(*args),
    "clone_egress_pkt_to_egress": lambda actions, *args: actions.externs.clone(*args),
    "resubmit": lambda actions, fields: actions.externs.resubmit(fields),
    "recirculate": lambda actions, fields: actions.externs.recirculate(fields),
    "execute_meter": lambda actions, *args: actions.externs.execute_meter(*args),
    "count": lambda actions, *args: actions.externs.count(*args),
    "register_read": lambda actions, *args: actions.externs.register_read(*args),
    "register_write": lambda actions, *args: actions.externs.register_write(*args),
    "truncate": lambda actions, length: actions.externs.truncate(length),
}
