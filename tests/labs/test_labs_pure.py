"""What is pure: draws, messages, and what a policy's file may hold."""

import ast
import json

import pytest

from labs.draw import Draw
from labs.worker import limits, messages, policy_file

DRAWN = (14334383, "10.1.240.236", "02:87:ab:f8:41:e4", "a", [6, 8, 0], 0.23407676529089494)


def test_draws_are_the_same_on_every_machine() -> None:
    draw = Draw("05-stage-hashing/ada")
    drawn = (
        draw.integer(1, 2**24 - 1), draw.ipv4("10.1.0.0/16"), draw.mac(), draw.choice("abc"),
        draw.sample(range(10), 3), draw.number(0, 1),
    )  # fmt: skip
    assert drawn == DRAWN
    assert draw.named("vni").integer(0, 9) == Draw("05-stage-hashing/ada").named("vni").integer(
        0, 9
    )
    assert Draw("a").bytes(8) != Draw("b").bytes(8)


def test_draws_are_even_and_in_their_range() -> None:
    draw = Draw("x")
    counts = [0] * 6
    for _ in range(3000):
        counts[draw.integer(0, 5)] += 1
    assert all(400 < count < 600 for count in counts)
    assert sorted(draw.shuffle("abcdef")) == list("abcdef")
    assert draw.ipv4("10.0.0.0/30") in ("10.0.0.1", "10.0.0.2")
    assert draw.integer(7, 7) == 7
    with pytest.raises(ValueError, match="nothing from 2 to 1"):
        draw.integer(2, 1)


@pytest.mark.parametrize(
    "value",
    [None, True, -1, 2**200, 1.5, float("inf"), "é\n", b"\x00\xff", [1, [b"x"]], {"a": {"b": b""}},
     {1: "cpu", "$bytes": "x"}, {(1, 2): 3}],
)  # fmt: skip
def test_values_come_back_as_they_were(value: object) -> None:
    line = messages.dump(value)
    assert line.count(b"\n") == 1
    assert messages.load(line) == value


@pytest.mark.parametrize("line", [b"", b"{", b'{"$x": 1}', b'{"$bytes": 1}', b"[" * 99999, b"\xff"])
def test_what_is_no_message_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        messages.load(line)


def test_what_cannot_be_sent_is_named() -> None:
    loop: list[object] = []
    loop.append(loop)
    for value, what in ((object(), "an object of type object"), (loop, "nested"), ({1}, "set")):
        with pytest.raises(messages.Unsendable, match=what):
            messages.dump(value)
    assert json.loads(messages.dump((1, 2))) == [1, 2]


def test_processor_time_ends_a_loop() -> None:
    def endless() -> None:
        with limits.processor_time(0.05):
            while True:
                pass

    with pytest.raises(limits.TimeIsUp):
        endless()


HEAD = "from rxpath.model.hashes import hash_32\nFIRST = 1 << 4\n"
BODY = "def choose(packet, host):\n    "
LAMBDA = ast.unparse(ast.parse("lambda: 1"))  # Python 3.10 writes a space before the colon


@pytest.mark.parametrize(
    "source",
    [
        '"""A policy."""\nimport math\n' + HEAD + BODY + "return hash_32(packet.hash, 32) % FIRST",
        "from rxpath.model.state.codes import SPLIT, GRO_CELL\n" + BODY + "return SPLIT",
        "def least(load):\n    return min(load)\n" + BODY + "return least(host.load)",
        BODY + "host.memory[3] += 1\n    for cpu in range(4):\n        pass\n    return cpu",
        "def choose(packet: int, host: 'Host') -> tuple[int, int]:\n    return 1, math.floor(2.5)",
    ],
)
def test_policies_pass(source: str) -> None:
    assert policy_file.wrong(source) is None


@pytest.mark.parametrize(
    ("source", "line", "what"),
    [
        ("import os", 1, "import os at the file's level"),
        ("import math, os", 1, "import math, os"),
        ("from rxpath.host import Model", 1, "imports from rxpath.host"),
        ("from rxpath.model.hashes import entry", 1, "imports entry"),
        ("from rxpath.model.state.codes import *", 1, "imports *"),
        ("from . import x", 1, "imports from ."),
        (HEAD + "print(1)", 3, "print(1) at the file's level"),
        ("X = open('/etc/passwd')", 1, "open('/etc/passwd') is no constant"),
        ("X = [i for i in (1,)]", 1, "is no constant"),
        ("a.b = 1", 1, "expected a name to be assigned to"),
        ("class A: pass", 1, "class A: at the file's level"),
        ("def f(a=open('x')):\n    pass", 1, "is no constant"),
        ("@staticmethod\ndef f(a):\n    pass", 2, "f has a decorator"),
        ("if 1:\n    import os", 1, "if 1: at the file's level"),
        (BODY + "import os", 2, "an import inside a function"),
        (BODY + "return open('x')", 2, "calls open"),
        (BODY + "return packet.__class__", 2, "the attribute __class__"),
        (BODY + "return __builtins__", 2, "the name __builtins__"),
        (BODY + "host.load = 1", 2, "sets host.load"),
        (BODY + "return host.load.tofile('x')", 2, "calls host.load.tofile"),
        (BODY + "return (lambda: 1)()", 2, f"calls {LAMBDA}"),
        (BODY + "global X\n    X = 1", 2, "global in a policy's function"),
        (BODY + "with a: pass", 2, "with in a policy's function"),
        (BODY + "return getattr(host, 'x')", 2, "calls getattr"),
        (BODY + "return f'{packet!r:{open(1)}}'", 2, "calls open"),
    ],
)
def test_what_a_policy_may_not_have_is_named(source: str, line: int, what: str) -> None:
    found = policy_file.wrong(source)
    assert found is not None
    assert found[0] == line
    assert what in found[1]
