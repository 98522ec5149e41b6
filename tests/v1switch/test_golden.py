"""v1switch gives the answers that BMv2 gave; needs neither root nor BMv2.

Recorded by `python -m tests.v1switch.record`. docs/v1switch-constructs.md lists what is covered.
"""

import sys
from types import CodeType, FrameType
from typing import Any

import pytest

from tests.v1switch.cases import Answer, Case, Entries, answer_json, entries_json, json_entries
from tests.v1switch.engines import CPU_PORT, ENGINES, v1switch, write
from tests.v1switch.golden import GOLDEN, answer, differences, names, read
from tests.v1switch.scenarios import COMPILED, program_path
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.compiler import generate
from v1switch.engines.python.engine import PythonEngine
from v1switch.lower import lower
from v1switch.program import load_file
from v1switch.state.entries import (
    ActionCall,
    ActionSet,
    CloneSession,
    Exact,
    Group,
    GroupMember,
    GroupRef,
    Lpm,
    Member,
    MemberRef,
    MeterConfig,
    MulticastGroup,
    Range,
    Replica,
    TableEntry,
    Ternary,
    WeightedAction,
)

REACHED = 0.8  # of the lines of generated code; programs with few frames are excluded


def let_wait(case: Case) -> None:
    """Run a case with each packet waiting in its egress queue for a moment."""
    plane = Dataplane(PythonEngine(), cpu_port=CPU_PORT, clock=lambda: 0)
    plane.load(load_file(case.program))
    write(plane, case.entries)
    plane.set_queue_rate(1_000_000_000)
    for port, frame in case.frames:
        plane.process(port, frame)
        while (due := plane.next_release()) is not None:
            plane.release(due)


def covered(case: Case) -> tuple[set[int], set[int]]:
    """The lines of generated code that a case runs, and all that there are."""
    run: set[int] = set()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.startswith("<generated"):
            return None
        run.add(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    v1switch(case.program, case.entries, case.frames)
    let_wait(case)
    sys.settrace(before)
    _, source = generate(lower(load_file(case.program)))
    (make,) = (c for c in compile(source, "", "exec").co_consts if isinstance(c, CodeType))
    (code,) = (c for c in make.co_consts if isinstance(c, CodeType))
    return run, {line for _, _, line in code.co_lines() if line is not None}


# Programs for other tests: tables of 100,000 entries, entries that P4Runtime may change, and the
# numbers of machine code.
ELSEWHERE = {"lookups", "preinitialized", "words"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", names())
def test_answers_are_those_that_bmv2_gave(name: str, engine: str) -> None:
    case, expected = read(name)
    assert differences(case, answer(ENGINES[engine], case), expected) == []


def test_every_program_has_a_golden_file() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(names())
    compiled = {path for path in COMPILED.glob("*.json") if path.stem not in ELSEWHERE}
    assert {program_path(name) for name in names()} >= compiled


@pytest.mark.parametrize("name", names())
def test_the_frames_reach_most_of_the_code(name: str) -> None:
    case, _ = read(name)
    run, every = covered(case)
    assert len(run & every) >= REACHED * len(every)


@pytest.mark.parametrize("kind", ["counters", "direct", "digests", "registers"])
def test_what_a_switch_holds_is_part_of_the_answers(kind: str) -> None:
    reported = [read(name)[1].get(kind, {}) for name in names()]
    assert any(any(map(any, found.values())) for found in reported if found)


def test_a_different_answer_is_reported() -> None:
    case, expected = read("wire")
    ours = answer(v1switch, case)
    ours["frames"]["2"][1] = "00"
    del ours["frames"]["1"][0]
    ours["counters"] = {"seen": {"1": [1, 1]}}
    reported = differences(case, ours, expected)
    count = len(expected["frames"]["1"])
    assert f"port 1: {count - 1} frames, expected {count}" in reported
    assert any(line.startswith("port 2, 1: 00, expected ") for line in reported)
    assert reported[-1].startswith("counters: ")


def test_entries_are_the_same_after_writing_and_reading() -> None:
    call = ActionCall("a", (1, 2))
    key = (Exact(1), Lpm(16, 4), Ternary(1, 3), Range(2, 5))
    actions = (call, MemberRef(3), GroupRef(4), ActionSet((WeightedAction(call, 2),)))
    rates = MeterConfig(1, 2, 3, 4)
    entries = Entries(
        tables=[("t", TableEntry(key, action, 7)) for action in actions],
        defaults=[("t", call)],
        members=[("p", Member(1, call))],
        groups=[("p", Group(1, (GroupMember(1, 2),)))],
        multicast=[MulticastGroup(1, (Replica(2, 3),))],
        clones=[CloneSession(1, (Replica(2, 3),))],
        meters=[("m", 1, rates)],
        direct_meters=[(0, rates)],
        value_sets=[("v", 5)],
    )
    assert json_entries(entries_json(entries)) == entries
    assert answer_json(Answer()) == {}
