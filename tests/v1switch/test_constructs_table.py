"""docs/v1switch-constructs.md is complete: every construct that v1switch accepts has a program."""

from pathlib import Path

from tests.v1switch.constructs import NOT_COMPARED, by_program, implemented, rows
from tests.v1switch.scenarios import SCENARIOS
from v1switch.lower.actions import JUMPS
from v1switch.lower.actions import PRIMITIVES as LOWERED
from v1switch.program.hashes import HASHES
from v1switch.program.pipeline_reader import ALGORITHMS
from v1switch.program.primitives import OPERATORS, PRIMITIVES

DOCS = Path(__file__).parents[2] / "docs" / "v1switch-constructs.md"
PROGRAMS = by_program()
IN_PROGRAMS = set().union(*PROGRAMS.values())


def test_every_construct_is_in_a_program_that_is_compared() -> None:
    assert implemented() - IN_PROGRAMS == NOT_COMPARED.keys()


def test_programs_have_no_construct_that_the_list_lacks() -> None:
    assert implemented() >= IN_PROGRAMS


def test_the_documents_table_is_what_the_programs_have() -> None:
    text = DOCS.read_text()
    assert "\n".join(rows(PROGRAMS)) in text, (
        "paste what python -m tests.v1switch.constructs prints"
    )


def test_the_documents_programs_have_cases() -> None:
    summary = DOCS.read_text().split("## By ")[1]
    lines = [line.split("|") for line in summary.splitlines() if line.startswith("| ")][1:]
    named = {name for line in lines for name in line[2].replace("`", "").split(",")}
    assert {name.strip() for name in named} <= SCENARIOS.keys()
    assert len(lines) > 20


def test_what_the_reader_takes_is_lowered() -> None:
    assert set(PRIMITIVES) == {*LOWERED, *OPERATORS, *JUMPS}
    assert {*HASHES, "random"} == ALGORITHMS
