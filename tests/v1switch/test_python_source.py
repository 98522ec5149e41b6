"""Plain Python's source: which states of a machine are separate, how blocks are written."""

import itertools

import pytest

from v1switch.engines.python.machines import MAX_NESTING, is_looped, leaves, separate
from v1switch.engines.python.source import Source
from v1switch.engines.python.statements import Statements
from v1switch.errors import ProgramError
from v1switch.lower import ir

FLAG, N = ir.Var("flag", ir.BOOL), ir.Var("n", ir.Int(8))


def goes(*targets: int) -> ir.Block:
    """A state that goes to one of several, and leaves when there is none."""
    block: ir.Block = (ir.Leave(),)
    for target in targets:
        block = (ir.If(FLAG, (ir.Goto(target),), block),)
    return block


def machine(*states: ir.Block) -> ir.Machine:
    return ir.Machine(states, 3, (ir.Assign(N, ir.Const(99)),))


@pytest.mark.parametrize(
    ("states", "expected", "looped"),
    [
        ((goes(),), [0], False),
        ((goes(1), goes(2), goes()), [0], False),
        ((goes(1, 2), goes(2), goes()), [0, 2], False),
        ((goes(1), goes(1)), [0, 1], True),
        ((goes(1), goes(0)), [0], True),
        ((goes(1, 2), goes(3), goes(3), goes()), [0, 3], False),
    ],
)
def test_states_with_one_predecessor_are_written_inside_of_it(
    states: tuple[ir.Block, ...], expected: list[int], looped: bool
) -> None:
    made = machine(*states)
    assert separate(made) == expected
    assert is_looped(made) == looped


def test_states_are_not_nested_for_ever() -> None:
    count = 3 * MAX_NESTING
    chain = machine(*(goes(n + 1) for n in range(count)), goes())
    alone = separate(chain)
    assert alone[:2] == [0, MAX_NESTING + 1]
    assert all(b - a <= MAX_NESTING + 1 for a, b in itertools.pairwise(alone))


def test_a_region_is_left_by_its_own_statements_only() -> None:
    assert leaves((ir.If(FLAG, (ir.Leave(),)),))
    assert leaves((ir.Match(N, (((1,), (ir.Leave(),)),)),))
    assert leaves((ir.Match(N, (), (ir.Leave(),)),))
    assert not leaves((ir.Region((ir.Leave(),)),))
    assert not leaves((machine(goes()),))


def run(block: ir.Block, **variables: int) -> int:
    """What `n` is after a block."""
    source = Source()
    source.depth = 1
    statements = Statements(source, ir.Var("cursor", ir.Int(31)), ())
    statements.block(block)
    scope: dict[str, object] = {}
    names = ", ".join(["n", "flag", *source.constants])
    text = "\n".join([f"def run({names}):", *source.lines, "\treturn n"])
    exec(text, scope)
    given = {"n": 0, "flag": 0, **variables, **source.constants}
    return scope["run"](**given)  # type: ignore[operator, no-any-return]


def adds(amount: int) -> ir.Assign:
    return ir.Assign(N, ir.Binary("+", N, ir.Const(amount), ir.Int(9)))


@pytest.mark.parametrize(("flag", "expected"), [(0, 0), (1, 99)])
def test_a_machine_jumps_back_so_often_and_no_more(flag: int, expected: int) -> None:
    assert run((machine(goes(0)),), flag=flag) == expected


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_the_limit_counts_jumps_back(limit: int) -> None:
    state = (adds(1), ir.If(ir.Compare("<", N, ir.Const(5)), (ir.Goto(0),), (ir.Leave(),)))
    looped = ir.Machine((state,), limit, (ir.Assign(N, ir.Const(99)),))
    assert run((looped,)) == (5 if limit >= 4 else 99)


def test_states_run_in_the_order_of_their_jumps() -> None:
    made = machine(
        (adds(1), *goes(1, 2)),
        (adds(10), ir.Goto(2)),
        (adds(100), ir.Leave()),
    )
    assert run((made, adds(1000)), flag=0) == 1001
    assert run((made, adds(1000)), flag=1) == 1101


def test_a_state_may_end_without_a_jump() -> None:
    assert run((machine((adds(1),)), adds(10))) == 11


@pytest.mark.parametrize(("n", "expected"), [(1, 11), (2, 22), (3, 23), (4, 34)])
def test_cases(n: int, expected: int) -> None:
    cases = (((1,), (adds(10),)), ((2, 3), (adds(20),)))
    assert run((ir.Match(N, cases, (adds(30),)),), n=n) == expected


def test_without_cases_there_is_the_default() -> None:
    assert run((ir.Match(N, (), (adds(30),)),)) == 30


@pytest.mark.parametrize(("flag", "expected"), [(0, 11), (1, 1)])
def test_a_region_is_left_early(flag: int, expected: int) -> None:
    region = ir.Region((adds(1), ir.If(FLAG, (ir.Leave(),)), adds(10)))
    assert run((region,), flag=flag) == expected


def test_variables_are_moved_at_once() -> None:
    other = ir.Var("flag", ir.Int(8))
    assert run((ir.Move((N, other), (other, N)),), n=3, flag=4) == 4
    assert run((ir.Move((N,), (ir.Const(0),)),), n=3) == 0


def test_blocks_that_are_nested_too_deep_are_refused() -> None:
    block: ir.Block = (adds(1),)
    for _ in range(120):
        block = (ir.If(FLAG, (*block, adds(1))),)
    with pytest.raises(ProgramError) as caught:
        run(block)
    assert caught.value.expected == "ifs and loops nested at most 95 deep"
