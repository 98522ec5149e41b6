"""A pipeline's graph of tables and conditions as nested statements.

Branches are lowered up to the node where they meet again (the immediate post-dominator), which
then follows once. A node that two branches share without being their meeting point is lowered
twice; p4c's structured programs have none.
"""

from __future__ import annotations

from functools import partial

from v1switch.errors import ProgramError
from v1switch.lower import ir
from v1switch.lower.actions import Actions
from v1switch.lower.limits import MAX_NODES
from v1switch.lower.tables import Tables
from v1switch.program.model import Pipeline, Table


class Control:
    """Lowers one pipeline."""

    def __init__(self, actions: Actions, pipeline: Pipeline) -> None:
        self.actions = actions
        self.context = actions.context
        self.builder = actions.builder
        self.tables = Tables(actions)
        self.pipeline = pipeline
        self._lowered = 0
        self.order = self._topological()
        self.meeting = self._post_dominators()

    # -- graph ------------------------------------------------------------------------------------

    def _topological(self) -> list[str]:
        finished: list[str] = []
        state: dict[str, int] = {}
        stack: list[tuple[str, list[str]]] = []

        def push(name: str) -> None:
            state[name] = 1
            stack.append((name, [n for n in successors(self.pipeline, name) if n is not None]))

        if self.pipeline.init is not None:
            push(self.pipeline.init)
        while stack:
            name, following = stack[-1]
            if not following:
                state[name] = 2
                finished.append(name)
                stack.pop()
                continue
            target = following.pop()
            if state.get(target) == 1:
                path = f"$.pipelines.{self.pipeline.name}"
                raise ProgramError(path, "no loops", f"one at {target}")
            if target not in state:
                push(target)
        return finished[::-1]

    def _post_dominators(self) -> dict[str, str | None]:
        """Immediate post-dominator of every node (Cooper, Harvey, Kennedy on a DAG)."""
        rank = {name: n for n, name in enumerate(self.order)}
        end = len(self.order)
        found: dict[str, str | None] = {}

        def position(node: str | None) -> int:
            return end if node is None else rank[node]

        for name in reversed(self.order):
            targets = successors(self.pipeline, name)
            meet = targets[0]
            for other in targets[1:]:
                while meet != other:
                    if position(meet) < position(other):
                        meet = found[meet]  # type: ignore[index]  # a node: only None is at the end
                    else:
                        other = found[other]  # type: ignore[index]
            found[name] = meet
        return found

    # -- statements -------------------------------------------------------------------------------

    def lower(self) -> None:
        """Add the whole pipeline; `exit` leaves its region."""
        body = self.builder.captured(lambda: self._sequence(self.pipeline.init, None))
        if body:
            self.builder.add(ir.Region(body))

    def _sequence(self, node: str | None, stop: str | None) -> None:
        """Add from `node` on until `stop`."""
        while node is not None and node != stop:
            self._lowered += 1
            if self._lowered > MAX_NODES:
                path = f"$.pipelines.{self.pipeline.name}"
                raise ProgramError(path, "structured control flow", "branches that explode")
            self._node(node)
            node = self.meeting[node]

    def _node(self, name: str) -> None:
        meeting = self.meeting[name]
        if name in self.pipeline.conditionals:
            self._conditional(name, meeting)
        elif name in self.pipeline.action_calls:
            call = self.pipeline.action_calls[name]
            self.context.observe("statement", name)
            if self.actions.call(self.context.program.actions[call.action_id], ()):
                self.tables.leave()
        else:
            table = self.pipeline.tables[name]
            self.tables.apply(table, lambda target: self._sequence(target, meeting))

    def _conditional(self, name: str, meeting: str | None) -> None:
        node = self.pipeline.conditionals[name]
        condition = self.actions.expressions.condition(node.expression)
        if self.context.observed:
            condition = self.builder.simple(condition)
            self.actions.observer.condition("condition", node, condition, node.expression)
        then = self.builder.captured(partial(self._sequence, node.true_next, meeting))
        otherwise = self.builder.captured(partial(self._sequence, node.false_next, meeting))
        self.builder.branch_to(condition, then, otherwise)


def successors(pipeline: Pipeline, name: str) -> list[str | None]:
    """The nodes that may follow a node, each once; None is the end."""
    if name in pipeline.conditionals:
        node = pipeline.conditionals[name]
        targets = [node.true_next, node.false_next]
    elif name in pipeline.action_calls:
        targets = [pipeline.action_calls[name].next_node]
    else:
        targets = _after_table(pipeline.tables[name])
    return list(dict.fromkeys(targets))


def _after_table(table: Table) -> list[str | None]:
    if table.hit_miss is not None:
        return list(table.hit_miss)
    targets = list(table.next_by_action.values())
    if table.default_entry is None or table.implementation != "simple":
        targets.append(table.base_default_next)
    return targets
