"""Checks that a lowered program keeps the rules of `v1switch.lower.ir`."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from v1switch.lower import ir
from v1switch.lower.arithmetic import interval, spanning

ENDS = (ir.Goto, ir.Leave, ir.Finish, ir.Abandon)
INTEGER_OPERANDS = (ir.Binary, ir.Invert, ir.Truncate, ir.Saturate, ir.Fits)
TARGETS = ("target", "targets", "enqueued", "depth", "left")
BLOCKS = ("then", "otherwise", "default", "cases", "body", "states", "exceeded")


def nodes(tree: object) -> Iterator[object]:
    """All statements and expressions in a tree, itself included; not those of the program."""
    if isinstance(tree, tuple):
        for item in tree:
            yield from nodes(item)
    elif is_dataclass(tree) and type(tree).__module__.startswith(ir.__name__):
        yield tree
        if not isinstance(tree, (ir.Var, ir.Header, ir.Observe)):
            for part in fields(tree):
                yield from nodes(getattr(tree, part.name))


def verify(switch: ir.Switch) -> None:
    """Fail unless the program keeps the rules."""
    names: dict[str, ir.Var] = {}
    for node in nodes(switch.body):
        if isinstance(node, ir.Var):
            assert names.setdefault(node.name, node) is node, f"two variables {node.name}"
            assert node.name.isidentifier()
        _verify_types(node)
    _Flow(switch).block(switch.body, set(switch.variables), [])


def _fits(value: ir.Expr, target: ir.Var) -> bool:
    if isinstance(target.type, ir.Int):
        return isinstance(value.type, ir.Int) and target.type.holds(spanning(*interval(value)))
    if isinstance(target.type, ir.Bytes) and target.type.size is None:
        return isinstance(value.type, ir.Bytes)
    return value.type == target.type


def _verify_types(node: object) -> None:
    if isinstance(node, INTEGER_OPERANDS):
        for part in ("left", "right", "value"):
            operand = getattr(node, part, None)
            assert operand is None or isinstance(operand.type, ir.Int), node
    if isinstance(node, ir.Binary) and node.op in ("<<", ">>"):
        assert interval(node.right)[0] >= 0, node
    if isinstance(node, (ir.Not, ir.ToInt)):
        assert isinstance(node.value.type, ir.Bool), node
    if isinstance(node, ir.BoolConst):
        assert isinstance(node.value, bool), node
    if isinstance(node, ir.Logic):
        assert len(node.operands) > 1
        assert all(isinstance(operand.type, ir.Bool) for operand in node.operands), node
    if isinstance(node, ir.Compare):
        assert type(node.left.type) is type(node.right.type), node
        assert isinstance(node.left.type, ir.Int) or node.op in ("==", "!="), node
    if isinstance(node, (ir.If, ir.Select)):
        assert isinstance(node.condition.type, ir.Bool), node
        assert not isinstance(node.condition, ir.BoolConst), node
    if isinstance(node, ir.Assign):
        assert _fits(node.value, node.target), node
    if isinstance(node, ir.Move):
        pairs = zip(node.targets, node.values, strict=True)
        assert all(_fits(value, target) for target, value in pairs), node
        assert len(set(node.targets)) == len(node.targets), node
    if isinstance(node, ir.Match):
        values = [value for case, _ in node.cases for value in case]
        assert len(set(values)) == len(values), node
        assert all(node.value.type.low <= each <= node.value.type.high for each in values), node
    if isinstance(node, ir.LookUp):
        for part, field in zip(node.key, node.table.spec.key, strict=True):
            assert ir.Int(field.width).holds(spanning(*interval(part))), node
    if isinstance(node, ir.TakeParams):
        assert all(isinstance(target.type, ir.Int) for target in node.targets)
    if isinstance(node, ir.RegisterWrite):
        width = ir.Int(node.register.spec.width)
        assert width.holds(spanning(*interval(node.value))), node
    if isinstance(node, ir.Piece):
        assert (node.width is None) == isinstance(node.value.type, ir.Bytes), node
        if node.width is not None:
            assert ir.Int(node.width).holds(spanning(*interval(node.value))), node
    if isinstance(node, ir.InValueSet):
        width = ir.Int(node.value_set.spec.width)
        assert width.holds(spanning(*interval(node.key))), node


class _Flow:
    """Follows control: where it goes exists, and variables are set before they are read."""

    def __init__(self, switch: ir.Switch) -> None:
        self.switch = switch
        self.copies = False

    def block(self, block: ir.Block, known: set[ir.Var], around: list[ir.Machine | None]) -> bool:
        """Follow a block; `known` grows by what it surely sets. True when it ends early."""
        for number, statement in enumerate(block):
            self._reads(statement, known)
            if isinstance(statement, ENDS):
                assert number == len(block) - 1, f"something follows {statement}"
                self._ends(statement, around)
                return True
            if self._statement(statement, known, around):
                assert number == len(block) - 1, f"something follows {statement}"
                return True
        return False

    def _ends(self, statement: ir.Stmt, around: list[ir.Machine | None]) -> None:
        if isinstance(statement, ir.Goto):
            machine = around[-1]
            assert machine is not None, "a jump outside of a machine"
            assert 0 <= statement.state < len(machine.states)
        elif isinstance(statement, ir.Leave):
            assert around, "nothing to leave"
        elif isinstance(statement, ir.Finish):
            assert not self.copies, "copies do not finish the body"

    def _reads(self, statement: ir.Stmt, known: set[ir.Var]) -> None:
        for part in fields(statement):
            if part.name not in (*TARGETS, *BLOCKS) and not isinstance(statement, ir.Observe):
                for node in nodes(getattr(statement, part.name)):
                    if isinstance(node, ir.Var) and not isinstance(statement, ir.ForEachCopy):
                        assert node in known, f"{node.name} is read before it is set: {statement}"

    def _statement(
        self, statement: ir.Stmt, known: set[ir.Var], around: list[ir.Machine | None]
    ) -> bool:
        if isinstance(statement, ir.If):
            return self._branches([statement.then, statement.otherwise], known, around)
        if isinstance(statement, ir.Match):
            blocks = [block for _, block in statement.cases]
            return self._branches([*blocks, statement.default], known, around)
        if isinstance(statement, ir.Region):
            self.block(statement.body, set(known), [*around, None])
        elif isinstance(statement, ir.Machine):
            for state in statement.states:
                self.block(state, set(known), [*around, statement])
            self.block(statement.exceeded, set(known), [*around, statement])
        elif isinstance(statement, ir.ForEachCopy):
            assert statement.replicas in known
            assert set(statement.saved) <= known
            self.copies = True
            self.block(statement.body, {*known, statement.port, statement.instance}, [])
            self.copies = False
        else:
            for name in TARGETS:
                target = getattr(statement, name, ())
                known.update([target] if isinstance(target, ir.Var) else target)
        return False

    def _branches(
        self, blocks: list[ir.Block], known: set[ir.Var], around: list[ir.Machine | None]
    ) -> bool:
        after = []
        for block in blocks:
            set_there = set(known)
            if not self.block(block, set_there, around):
                after.append(set_there)
        if after:
            known.update(set.intersection(*after))
        return not after
