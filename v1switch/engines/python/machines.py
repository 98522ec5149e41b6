"""Which states of a machine are printed inside of their only predecessor."""

from __future__ import annotations

from collections.abc import Iterator

from v1switch.lower import ir

MAX_NESTING = 12  # Python's compiler allows 100 levels of indentation


def jumps(block: ir.Block) -> Iterator[int]:
    """The states that a block's statements go to."""
    for statement in block:
        if isinstance(statement, ir.Goto):
            yield statement.state
        elif isinstance(statement, ir.If):
            yield from jumps(statement.then)
            yield from jumps(statement.otherwise)
        elif isinstance(statement, ir.Match):
            for _, case in statement.cases:
                yield from jumps(case)
            yield from jumps(statement.default)


def leaves(block: ir.Block) -> bool:
    """Whether a statement of a block leaves the region or machine that the block belongs to."""
    return any(_leaves(statement) for statement in block)


def _leaves(statement: ir.Stmt) -> bool:
    if isinstance(statement, ir.If):
        return leaves(statement.then) or leaves(statement.otherwise)
    if isinstance(statement, ir.Match):
        blocks = [*(case for _, case in statement.cases), statement.default]
        return any(leaves(block) for block in blocks)
    return isinstance(statement, ir.Leave)


def separate(machine: ir.Machine) -> list[int]:
    """The states that stand on their own, in order: the others have one predecessor each."""
    incoming = [0] * len(machine.states)
    targets = [list(jumps(state)) for state in machine.states]
    chosen = {0}
    for number, found in enumerate(targets):
        for target in found:
            incoming[target] += 1
            if target <= number or incoming[target] > 1:
                chosen.add(target)
    depth = [0] * len(machine.states)
    for number, found in enumerate(targets):
        for target in found:
            if target not in chosen:
                depth[target] = depth[number] + 1
                if depth[target] > MAX_NESTING:
                    chosen.add(target)
                    depth[target] = 0
    return sorted(chosen)


def is_looped(machine: ir.Machine) -> bool:
    """Whether a jump does not go forward."""
    return any(
        target <= number for number, state in enumerate(machine.states) for target in jumps(state)
    )
