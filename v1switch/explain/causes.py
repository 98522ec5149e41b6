"""Why a frame was dropped.

That is: the statement that requested it, the condition that led to that statement, and the steps
that wrote the condition's fields.
"""

from __future__ import annotations

from v1switch.explain import events as ev
from v1switch.explain.building import Pass
from v1switch.lower.controls import successors
from v1switch.program import expressions as ex
from v1switch.program.model import Pipeline, Program


class Causes:
    """Finds causes in the control flow of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def dropped(self, reason: str, now: Pass) -> ev.Dropped:
        """The end of a pass whose egress_spec is the drop port, with its cause."""
        if now.addresser is None:
            return ev.Dropped(reason)
        by, node = now.addresser
        if by.table:  # an entry or the default action requested it
            return ev.Dropped(reason, by)
        condition = self._condition(now, node)
        if condition is None:
            return ev.Dropped(reason, by)
        fields = [o.expression for o in condition.operands if isinstance(o.expression, ex.FieldRef)]
        found = (now.writers.get((f.header, f.field)) for f in fields)
        writers = tuple(dict.fromkeys(writer for writer in found if writer is not None))
        return ev.Dropped(reason, by, condition, writers)

    def _condition(self, now: Pass, node: str) -> ev.Condition | None:
        """The last condition whose result decided that the frame reached a node."""
        in_egress = now.stages[-1].name == "egress"
        pipeline = self.program.egress if in_egress else self.program.ingress
        for conditional, step in reversed(now.conditions):
            branches = (conditional.true_next, conditional.false_next)
            taken, other = branches if step.value else branches[::-1]
            if reaches(pipeline, taken, node) and not reaches(pipeline, other, node):
                return step
        return None


def reaches(pipeline: Pipeline, start: str | None, node: str) -> bool:
    """Whether a path leads from one node of a pipeline to another, or they are the same."""
    waiting, seen = [start], set[str | None]([None])
    while waiting:
        at = waiting.pop()
        if at == node:
            return True
        if at not in seen:
            seen.add(at)
            assert at is not None
            waiting += successors(pipeline, at)
    return False
