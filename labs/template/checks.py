"""The checks of lab @NUMBER@."""

from __future__ import annotations

from typing import Any

from labs.checking import Draw, Student, check, expect

FILE, ANSWERS = "adder.py", "answers.toml"


def parameters(draw: Draw) -> dict[str, Any]:
    """Two words whose sum does not fit into 16 bits."""
    return {"a": draw.integer(0x8000, 0xFFFF), "b": draw.integer(0x8000, 0xFFFF)}


def answers(given: dict[str, Any]) -> dict[str, Any]:
    """What answers.toml has to say, for `labs verify`."""
    return {"sum": _sum(given["a"], given["b"])}


def _sum(a: int, b: int) -> int:
    return (a + b) % 2**16 + (a + b) // 2**16


@check(
    "by-hand",
    "The sum of two words, by hand",
    hints=("Add them as usual first. How many bits has the sum?", "Add the 17th bit to the rest."),
    hidden=False,
)
def by_hand(student: Student, given: dict[str, Any]) -> None:
    """The answer that is written down; only the student's own numbers have one."""
    found = student.toml(ANSWERS).get("sum")
    expect(isinstance(found, int), "answers.toml: sum is no integer", seen=found)
    expect(found != 0, "answers.toml: sum is still empty")
    wanted = answers(given)["sum"]
    expect(found == wanted, "the sum by hand is another one", seen=f"{found:#06x}")


@check(
    "add",
    "add() adds the carry again",
    points=2,
    hints=("What is the sum of 0xffff and 1?", "RFC 1071, section 1, example", "sum >> 16 is it."),
)
def add(student: Student, given: dict[str, Any]) -> None:
    """The function, with the drawn words and at the edges."""
    a, b = given["a"], given["b"]
    for one, other in ((1, 2), (0xFFFF, 1), (a, b)):
        found = student.call(FILE, "add", one, other, returns=int)
        call = f"add({one:#06x}, {other:#06x}) = {found:#x}"
        expect(found < 2**16, "the sum has more than 16 bits", seen=call)
        expect(found == _sum(one, other), "the carry is lost", seen=call)
