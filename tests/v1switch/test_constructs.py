"""Results of programs, recomputed here by the rules of P4, without another switch."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.v1switch.twin import COMPILED, loaded
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.engines.python.expressions import Expressions
from v1switch.engines.python.headers import Headers
from v1switch.engines.python.source import Source
from v1switch.lower import ir
from v1switch.lower.arithmetic import fit
from v1switch.program import load_program
from v1switch.state.entries import CloneSession, MulticastGroup, Replica

ARITHMETIC = loaded("arithmetic")
PARSER = loaded("parser")
REPLICATION = loaded("replication")
REPLICATION.insert_multicast_group(MulticastGroup(5, (Replica(2, 1), Replica(3, 2))))
REPLICATION.insert_clone_session(CloneSession(2, (Replica(3, 1), Replica(4, 5))))
REPLICATION.insert_clone_session(CloneSession(20, (Replica(3),), packet_length_bytes=5))


def wrapped(value: int, width: int) -> int:
    """Two's complement."""
    value &= (1 << width) - 1
    return value - (1 << width) if value >> (width - 1) else value


def clamped(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


@settings(max_examples=examples(200), deadline=None)
@given(
    *([st.integers(0, 255)] * 2),
    *([st.integers(0, 2**32 - 1)] * 2),
    *([st.integers(0, 2**128 - 1)] * 2),
    st.integers(0, 15),
    st.integers(0, 4095),
)
def test_arithmetic(a: int, b: int, e: int, f: int, g: int, h: int, i: int, j: int) -> None:
    c, d = wrapped(a, 8), wrapped(b, 8)
    frame = struct.pack("!BBbbII", a, b, c, d, e, f)
    frame += g.to_bytes(16, "big") + h.to_bytes(16, "big") + (i << 12 | j).to_bytes(2, "big")
    ((port, out),) = ARITHMETIC.process(1, frame)
    assert port == 2
    low = g & (1 << 64) - 1
    h_after = h & ~(((1 << 64) - 1) << 8) | low << 8
    assert out[28:44] == h_after.to_bytes(16, "big"), "a slice was assigned"
    flags = int(a < b) | (2 if c < d else 4) | 8 * (e >= f and g != h_after)
    if not (i == 3 or j <= 100):
        flags |= 16 | 32 * (c == -1)
    expected = struct.pack(
        "!BBBBbbbbhHIIbBII",
        (a + b) & 255,
        (a - b) & 255,
        min(a + b, 255),
        max(a - b, 0),
        wrapped(c + d, 8),
        wrapped(c - d, 8),
        clamped(c + d, -128, 127),
        clamped(c - d, -128, 127),
        wrapped(c * d, 16),
        a * b,
        e << a & 0xFFFFFFFF,
        e >> i,
        c >> i,
        flags,
        e & f | 0xF0,
        ~e & 0xFFFFFFFF,
    )
    expected += ((g + h) % (1 << 128)).to_bytes(16, "big")
    expected += (g ^ h).to_bytes(16, "big")
    expected += (g >> 36 & (1 << 64) - 1).to_bytes(8, "big")
    expected += struct.pack("!HBII", i << 12 | j, max(a, b), e >> 3, e & 7)
    expected += (g << 5 & (1 << 128) - 1).to_bytes(16, "big")
    expected += struct.pack("!BiI", -a & 255, c, e * f & 0xFFFFFFFF)
    assert out[46:] == expected


@given(st.integers(-(2**40), 2**40), st.integers(2, 33), st.booleans(), st.booleans())
def test_stores_cut_to_the_field(value: int, width: int, signed: bool, saturating: bool) -> None:
    source, wide = Source(), ir.Var("value", ir.Int(42, signed=True))
    expressions = Expressions(source, Headers(source, "cursor"), ())
    text = expressions.text(fit(wide, ir.Int(width, signed), saturating))
    stored = eval(text, {"value": value})  # what generated code does with it
    low, high = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
    if saturating:
        assert stored == clamped(value, low, high)
    else:
        assert low <= stored <= high
        assert (stored - value) % (1 << width) == 0


def parsed(rest: bytes, ether_type: int, port: int = 1) -> dict[str, int]:
    """The result header that the parser program adds after Ethernet."""
    frame = bytes(12) + ether_type.to_bytes(2, "big") + rest
    ((_, out),) = PARSER.process(port, frame)
    error, path, labels, word, ahead, l4 = struct.unpack("!IBB3s3sH", out[14:28])
    word_value = int.from_bytes(word, "big")
    return {
        "error": error,
        "path": path,
        "labels": labels,
        "last": word_value >> 4,
        "peeked": word_value & 15,
        "ahead": int.from_bytes(ahead, "big"),
        "l4": l4,
    }


def label(number: int, bottom: bool) -> bytes:
    return (number << 12 | bottom << 8).to_bytes(4, "big")


IPV4 = bytes([0x45, *bytes(8), 17, *bytes(10)])


def test_select_with_masks_ranges_and_several_fields() -> None:
    assert parsed(b"", 0x9042)["path"] == 1
    assert parsed(b"", 0x9042, port=3)["path"] == 0
    assert [parsed(b"", t)["path"] for t in (0xA00F, 0xA010, 0xA01F, 0xA020)] == [0, 2, 2, 0]


def test_advance_and_lookahead() -> None:
    found = parsed(b"skipABC", 0xBBBB)
    assert (found["path"], found["ahead"]) == (4, int.from_bytes(b"ABC", "big"))
    assert parsed(b"ski", 0xBBBB)["error"] == 1
    assert parsed(b"skipAB", 0xBBBB)["error"] == 1


def test_a_stack_fills_in_a_loop_and_has_an_end() -> None:
    rest = label(7, False) + label(8, False) + label(9, True) + IPV4 + b"\0\1\0\2"
    found = parsed(rest, 0x8847)
    assert (found["labels"], found["last"], found["peeked"]) == (3, 9, 4)
    assert found["l4"] == 0x8002
    overfull = label(1, False) * 3 + label(2, True)
    assert parsed(overfull, 0x8847)["error"] == 3
    assert parsed(overfull, 0x8847)["labels"] == 3


def test_verify_and_variable_length() -> None:
    assert parsed(bytes([0x55]) + IPV4[1:], 0x0800)["error"] == 100
    assert parsed(bytes([0x46]) + IPV4[1:] + b"opts" + b"\0\1\0\5", 0x0800)["l4"] == 0x8005
    assert parsed(bytes([0x46]) + IPV4[1:] + b"opt", 0x0800)["error"] == 1
    assert parsed(bytes([0x44]) + IPV4[1:], 0x0800)["error"] == 0xFFFFFFFF  # negative length


@pytest.mark.parametrize("length", range(14, 60))
def test_whatever_was_not_parsed_leaves_unchanged(length: int) -> None:
    frame = (bytes(12) + b"\x88\x47" + label(7, False) + label(8, True) + IPV4 + bytes(30))[:length]
    ((_, out),) = PARSER.process(1, frame)
    assert out[:14] + out[28:] == frame


def trail(out: bytes) -> dict[str, int]:
    names = ("type", "rounds", "kept", "lost", "rid", "ports", "length", "extra")
    return dict(zip(names, struct.unpack("!BBHHHHIH", out[2:18]), strict=True))


def ordered(what: int, arg: int = 0) -> list[tuple[int, bytes]]:
    return REPLICATION.process(1, bytes([what, arg]) + bytes(20))


def test_multicast_comes_before_drop() -> None:
    copies = ordered(1, 5)
    assert [port for port, _ in copies] == [2, 3]
    assert [trail(f)["rid"] for _, f in copies] == [1, 2]
    assert {trail(f)["type"] for _, f in copies} == {5}
    assert ordered(8, 5) == [], "mark_to_drop clears the group"
    assert ordered(13) == [], "a group that does not exist"


def test_dropping_and_undropping() -> None:
    assert ordered(6) == []
    assert [port for port, _ in ordered(7)] == [3]
    assert ordered(15) == [], "dropped in egress"


def test_clones_keep_their_field_list_and_nothing_else() -> None:
    copies = ordered(2, 2)
    assert sorted(port for port, _ in copies) == [2, 3, 4]
    clones = [trail(f) for port, f in copies if port != 2]
    assert {(c["type"], c["kept"], c["lost"]) for c in clones} == {(1, 0x2222, 0)}
    (original,) = [trail(f) for port, f in copies if port == 2]
    assert (original["type"], original["kept"], original["lost"]) == (0, 0x2222, 0x1111)
    assert {trail(f)["kept"] for port, f in ordered(3, 2) if port != 2} == {0}
    assert {f[1] for port, f in ordered(3, 2) if port != 2} == {2}, "the frame as it came in"
    assert len(ordered(12, 2)) == 2, "a clone outlives the original's drop"
    assert len(ordered(2, 99)) == 1, "no such session"


def test_a_clone_session_may_cut_its_copies() -> None:
    (short,) = [f for port, f in ordered(2, 20) if port == 3]
    assert len(short) == 5


def test_egress_clones() -> None:
    copies = ordered(14, 2)
    assert sorted(port for port, _ in copies) == [2, 3, 4]
    kinds = {port: (trail(f)["type"], trail(f)["kept"]) for port, f in copies}
    assert kinds == {2: (0, 0x3333), 3: (2, 0x3333), 4: (2, 0x3333)}, "as egress left it"


def test_resubmission_starts_from_the_frame_that_came_in() -> None:
    ((_, out),) = ordered(4, 10)
    assert out[1] == 10, "changes to headers are lost"
    assert (trail(out)["rounds"], trail(out)["kept"]) == (3, 0x2225)


def test_recirculation_starts_from_the_frame_that_would_leave() -> None:
    ((_, out),) = ordered(5, 10)
    assert out == bytes([5, 13]) + bytes(20)


def endless(node: Any) -> None:
    """Make every "less than" of a program always true."""
    if isinstance(node, list):
        for item in node:
            endless(item)
    elif isinstance(node, dict):
        if node.get("op") == "<":
            node["op"], node["right"] = ">=", {"type": "hexstr", "value": "0x00"}
        for item in node.values():
            endless(item)


@pytest.mark.parametrize("order", [4, 5])
def test_an_endless_round_ends(order: int) -> None:
    program = json.loads((COMPILED / "replication.json").read_text())
    endless(program["pipelines"])
    dataplane = Dataplane(PythonEngine())
    dataplane.load(load_program(json.dumps(program)))
    assert dataplane.process(1, bytes([order, 0]) + bytes(20)) == []
    assert len(dataplane.process(1, bytes(22))) == 1, "the switch continues"


def test_truncate() -> None:
    ((_, out),) = ordered(9, 7)
    assert len(out) == 7
    ((_, whole),) = ordered(9, 200)
    assert len(whole) == 22 + 16
