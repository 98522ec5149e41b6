"""A pipeline's graph of tables and conditions as nested Python statements.

Branches are written up to the node where they meet again (the immediate post-dominator), which
then follows once. A node that two branches share without being their meeting point would be
written twice; p4c's structured programs have none.
"""

from __future__ import annotations

from v1switch.codegen.tables import TableCode
from v1switch.errors import ProgramError
from v1switch.program.model import Pipeline, Table

MAX_NODES = 20_000  # written nodes; a program beyond this branches in a way that explodes


class ControlCode:
    """Writes one pipeline."""

    def __init__(self, tables: TableCode, pipeline: Pipeline) -> None:
        """Find the meeting points."""
        self.tables = tables
        self.primitives = tables.primitives
        self.writer = tables.writer
        self.pipeline = pipeline
        self.written = 0
        self.order = self._topological()
        self.meeting = self._post_dominators()

    # -- graph ----------------------------------------------------------------------------------

    def _exits(self, name: str) -> list[str | None]:
        return exits(self.pipeline, name)

    def _topological(self) -> list[str]:
        finished: list[str] = []
        state: dict[str, int] = {}
        stack: list[tuple[str, list[str]]] = []

        def push(name: str) -> None:
            state[name] = 1
            stack.append((name, [w for w in self._exits(name) if w is not None]))

        if self.pipeline.init is not None:
            push(self.pipeline.init)
        while stack:
            name, ways = stack[-1]
            if not ways:
                state[name] = 2
                finished.append(name)
                stack.pop()
                continue
            way = ways.pop()
            if state.get(way) == 1:
                raise ProgramError(f"$.pipelines.{self.pipeline.name}", "no loops", f"one at {way}")
            if way not in state:
                push(way)
        return finished[::-1]

    def _post_dominators(self) -> dict[str, str | None]:
        """Immediate post-dominator of every node (Cooper, Harvey, Kennedy on a DAG)."""
        rank = {name: n for n, name in enumerate(self.order)}
        end = len(self.order)
        found: dict[str, str | None] = {}

        def position(node: str | None) -> int:
            return end if node is None else rank[node]

        for name in reversed(self.order):
            ways = self._exits(name)
            meet = ways[0]
            for other in ways[1:]:
                while meet != other:
                    if position(meet) < position(other):
                        meet = found[meet]  # type: ignore[index]  # a node: only None is at the end
                    else:
                        other = found[other]  # type: ignore[index]
            found[name] = meet
        return found

    # -- code -----------------------------------------------------------------------------------

    def emit(self) -> None:
        """Write the whole pipeline; `exit` leaves it by `break`."""
        with self.writer.block("while True:"):
            self._sequence(self.pipeline.init, None)
            self.writer.add("break")

    def _sequence(self, node: str | None, stop: str | None) -> None:
        """Write from `node` on until `stop`."""
        while node is not None and node != stop:
            self.written += 1
            if self.written > MAX_NODES:
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
            self.primitives.tell("statement", repr(name))
            if self.primitives.emit_action(self.primitives.program.actions[call.action_id], []):
                self.writer.add("if ex: break")
        else:
            table = self.pipeline.tables[name]
            single = len(self._exits(name)) == 1
            self.tables.emit(table, lambda way: self._sequence(way, meeting), meeting, single)

    def _conditional(self, name: str, meeting: str | None) -> None:
        node = self.pipeline.conditionals[name]
        condition = self.primitives.expressions.condition(node.expression)
        on_true, on_false = node.true_next, node.false_next
        if self.primitives.traced:
            self.writer.add(f"t = {condition}")
            condition = "t"
            watcher = self.primitives.watcher
            operands = watcher.operands(node.expression)
            self.primitives.tell("condition", node, "bool(t)", watcher.values(operands), operands)
        if on_true == meeting:
            condition, on_true, on_false = f"not ({condition})", on_false, on_true
        if on_true == meeting:
            return
        with self.writer.block(f"if {condition}:"):
            self._sequence(on_true, meeting)
        if on_false != meeting:
            with self.writer.block("else:"):
                self._sequence(on_false, meeting)


def exits(pipeline: Pipeline, name: str) -> list[str | None]:
    """The nodes that may follow a node, each once; None is the end."""
    if name in pipeline.conditionals:
        node = pipeline.conditionals[name]
        ways = [node.true_next, node.false_next]
    elif name in pipeline.action_calls:
        ways = [pipeline.action_calls[name].next_node]
    else:
        ways = _table_exits(pipeline.tables[name])
    return list(dict.fromkeys(ways))


def _table_exits(table: Table) -> list[str | None]:
    if table.hit_miss is not None:
        return list(table.hit_miss)
    ways = list(table.next_by_action.values())
    if table.default_entry is None or table.implementation != "simple":
        ways.append(table.base_default_next)
    return ways
