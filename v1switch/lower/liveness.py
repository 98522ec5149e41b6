"""Which variables a block reads as they were before it, and which it writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from v1switch.lower import ir

ENDS = (ir.Goto, ir.Leave, ir.Finish, ir.Abandon)
# what uses the cursor without naming it
AT_CURSOR = (ir.Short, ir.Lookahead, ir.Payload, ir.Peek, ir.Extract, ir.Skip, ir.AppendPayload)
TARGETS: dict[type, str] = {
    ir.Assign: "target",
    ir.Move: "targets",
    ir.LookUp: "target",
    ir.TakeParams: "targets",
    ir.ExecuteDirectMeter: "target",
    ir.ExecuteMeter: "target",
    ir.Hash: "target",
    ir.Random: "target",
    ir.Offer: "target",
}


class Liveness:
    """Finds the variables that a packet must find as they were: a copy, or one that waited."""

    def __init__(self, cursor: ir.Var, field_lists: tuple[ir.FieldList, ...]) -> None:
        self.cursor = cursor
        self.listed = {v for fields in field_lists for v in fields.variables}
        self._exposed: dict[ir.Var, None]
        self._changed: set[ir.Var]

    def saved(self, body: ir.Block) -> tuple[ir.Var, ...]:
        """Variables that a block may read before it writes them, and writes later."""
        self._exposed, self._changed = {}, set()
        self._block(body, set())
        return tuple(var for var in self._exposed if var in self._changed)

    def exposed(self, body: ir.Block) -> tuple[ir.Var, ...]:
        """Variables that a block may read before it writes them."""
        self._exposed, self._changed = {}, set()
        self._block(body, set())
        return tuple(self._exposed)

    def _block(self, block: ir.Block, written: set[ir.Var]) -> bool:
        """Go through a block; add to `written` what it surely writes. True if it ends early."""
        for statement in block:
            self._statement(statement, written)
            if isinstance(statement, ENDS):
                return True
        return False

    def _statement(self, statement: ir.Stmt, written: set[ir.Var]) -> None:
        for var in self._reads(statement):
            if var not in written:
                self._exposed[var] = None
        if isinstance(statement, ir.If):
            self._branches([statement.then, statement.otherwise], written)
        elif isinstance(statement, ir.Match):
            self._branches([*(b for _, b in statement.cases), statement.default], written)
        elif isinstance(statement, ir.Region):
            self._block(statement.body, set(written))
        elif isinstance(statement, ir.Machine):
            for state in (*statement.states, statement.exceeded):
                self._block(state, set(written))
        else:
            targets, surely = self._writes(statement)
            self._changed.update(targets)
            if surely:
                written.update(targets)

    def _branches(self, blocks: list[ir.Block], written: set[ir.Var]) -> None:
        results = []
        for block in blocks:
            after = set(written)
            if not self._block(block, after):
                results.append(after)
        if results:
            written.update(set.intersection(*results))

    # -- single statements ------------------------------------------------------------------------

    def _reads(self, statement: ir.Stmt) -> Iterator[ir.Var]:
        targets = TARGETS.get(type(statement))
        for part in fields(statement):
            value = getattr(statement, part.name)
            if part.name != targets and not _is_block(statement, part.name):
                yield from self._variables(value)
        yield from self._implied(statement)

    def _variables(self, node: object) -> Iterator[ir.Var]:
        """The variables that an expression, or a tuple with expressions, reads."""
        if isinstance(node, ir.Var):
            yield node
        elif isinstance(node, tuple):
            for item in node:
                yield from self._variables(item)
        elif isinstance(node, (ir.HeaderBytes, ir.Emitted)):
            yield from _contents(node.header)
        elif _is_node(node) and not isinstance(node, ir.Header):
            for part in fields(node):  # type: ignore[arg-type]  # a dataclass
                yield from self._variables(getattr(node, part.name))
            yield from self._implied(node)

    def _implied(self, node: object) -> Iterator[ir.Var]:
        if isinstance(node, AT_CURSOR):
            yield self.cursor
        if isinstance(node, ir.Emit):
            yield from _contents(node.header)
        if isinstance(node, (ir.CloneIngress, ir.Resubmit, ir.Recirculate)):
            yield from self.listed

    def _writes(self, statement: ir.Stmt) -> tuple[list[ir.Var], bool]:
        """The variables that a statement writes, and whether it surely does."""
        name = TARGETS.get(type(statement))
        if name is not None:
            targets = getattr(statement, name)
            return ([targets] if isinstance(targets, ir.Var) else list(targets)), True
        if isinstance(statement, ir.Extract):
            return [*_contents(statement.header), self.cursor], True
        if isinstance(statement, ir.Peek):
            return list(_contents(statement.header)), False
        if isinstance(statement, ir.Skip):
            return [self.cursor], True
        if isinstance(statement, ir.RestoreFields):
            return list(self.listed), False
        if isinstance(statement, ir.AddCopies):  # other copies find what these do not
            return [var for var, _ in (*statement.reset, *statement.always)], False
        return [], False


def _contents(header: ir.Header) -> Iterator[ir.Var]:
    yield from header.variables
    yield from (var for var in (header.origin, header.dirty) if var is not None)


def _is_node(node: object) -> bool:
    return is_dataclass(node) and type(node).__module__.startswith(ir.__name__)


def _is_block(statement: ir.Stmt, name: str) -> bool:
    """Whether a field of a statement holds blocks, which are gone through one by one."""
    nested: dict[type, tuple[str, ...]] = {
        ir.If: ("then", "otherwise"),
        ir.Match: ("cases", "default"),
        ir.Region: ("body",),
        ir.Machine: ("states", "exceeded"),
        ir.ForEachCopy: ("body",),
    }
    return name in nested.get(type(statement), ())
