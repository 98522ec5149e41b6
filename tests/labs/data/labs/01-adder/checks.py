"""The checks of the lab that the tests have."""

from labs.checking import Draw, Student, Tournament, check, expect, fail


def parameters(draw: Draw) -> dict:
    """Two bytes whose sum does not fit."""
    return {"a": draw.integer(128, 255), "b": draw.integer(128, 255)}


def answers(given: dict) -> dict:
    """What a student works out by hand."""
    return {"sum": add(given["a"], given["b"])}


def add(a: int, b: int) -> int:
    """The one's complement sum of two bytes."""
    return (a + b) % 256 + (a + b) // 256


def scores(student: Student, given: dict, player: str) -> list[float]:
    """One round: 2 for the right sum, 1 for another; guessing is right once in a while."""
    if player == "guessing":
        return [1.5]
    found = student.call(player, "add", given["a"], given["b"], returns=int)
    return [2.0 if found == add(given["a"], given["b"]) else 1.0]


tournament = Tournament(lambda given: ["sum"], scores, "adder.py", {"guessing": "guessing"})


@check(
    "sum",
    "Two bytes are added with their carry",
    points=3,
    hints=("What happens to the ninth bit?", "RFC 1071: it is added at the right."),
)
def sum_of_two(student: Student, given: dict) -> None:
    """The function."""
    a, b = given["a"], given["b"]
    found = student.call("adder.py", "add", a, b, returns=int)
    expect(found < 256, "the sum does not fit into a byte", seen=found, expected="0 to 255")
    expect(found == add(a, b), "the carry is lost", seen=found, expected=add(a, b))


@check("many", "Many bytes are added", points=2, after="sum", visible=False)
def many(student: Student, given: dict) -> None:
    """A checksum of several bytes, by trial.py."""
    total = student.trial("total", values=[given["a"], given["b"], 255])
    expect(total == add(add(given["a"], given["b"]), 255), "the sum of three is wrong", total)


@check("policy", "Packets go round the CPUs", points=1, hints=("Look at packet.number.",))
def policy(student: Student, given: dict) -> None:
    """The pure policy."""
    cpus = student.trial("cpus", count=8)
    expect(cpus == [0, 1, 2, 3, 0, 1, 2, 3], "the packets do not go round", seen=cpus)


@check("by-hand", "The sum by hand", points=1, hidden=False)
def by_hand(student: Student, given: dict) -> None:
    """The file with answers."""
    found = student.toml("answers.toml").get("sum")
    if not isinstance(found, int) or found < 0:
        fail("answers.toml: sum is no number yet", seen=found, expected="an integer")
    expect(found == add(given["a"], given["b"]), "the sum by hand is wrong", seen=found)


@check("compiled", "The P4 compiler is there", points=0, needs=("p4c",), hidden=False)
def compiled(student: Student, given: dict) -> None:
    """An extra part."""
