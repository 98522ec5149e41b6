"""The reader of .stf files, and what names and matches mean. Needs no p4c."""

import pytest

from tests.stf.names import entry, find
from tests.stf.stf import Add, Case, Expected, Packet, StfError, parse
from tests.v1switch.twin import COMPILED
from v1switch.program import load_file
from v1switch.state.entries import ActionCall, Exact, Lpm, Range, TableEntry, Ternary

TABLES = load_file(COMPILED / "tables.json")


def test_frames_in_and_out() -> None:
    test = parse("# nothing\npacket 3 0a 0B  # in\nexpect 4 0* 0b $\nexpect 4 01\nexpect 5\nwait\n")
    assert test.packets == [Packet(3, b"\x0a\x0b")]
    assert test.expected == {4: [Expected("0*0b", True), Expected("01")], 5: [Expected()]}


@pytest.mark.parametrize(
    ("frame", "matches"), [("0a0b", True), ("1a0b", False), ("0a0b0c", False), ("0a", False)]
)
def test_a_whole_frame_is_expected(frame: str, matches: bool) -> None:
    assert Expected("0*0b", whole=True).matches(bytes.fromhex(frame)) is matches


def test_the_beginning_of_a_frame_is_expected() -> None:
    assert Expected("0a").matches(b"\x0a\x0b")
    assert Expected().matches(b"\x0a")
    assert not Expected("0a").matches(b"\x0b\x0a")


def test_entries() -> None:
    test = parse("add t 10 a.b:0x1* e$0.h:3 c.act(x:1, y:0x2)\nadd c.t a:1 act()")
    assert test.entries == [
        Add("t", 10, {"a.b": "0x1*", "e$0.h": "3"}, "c.act", {"x": "1", "y": "0x2"}),
        Add("c.t", 0, {"a": "1"}, "act", {}),
    ]


def test_replication() -> None:
    test = parse(
        "mc_mgrp_create 9\nmc_node_create 400 6 7\nmc_node_create 401 8\n"
        "mc_node_associate 9 1\nmc_node_associate 9 0\nmirroring_add 5 4"
    )
    assert test == Case(
        nodes=[[(6, 400), (7, 400)], [(8, 401)]],
        groups={9: [(8, 401), (6, 400), (7, 400)]},
        sessions={5: [(4, 0)]},
    )


@pytest.mark.parametrize(
    "line", ["dance 1", "packet", "packet 0 0x", "expect 1 0g", "add t", "mc_node_associate 1 0"]
)
def test_an_invalid_line_is_named(line: str) -> None:
    with pytest.raises(StfError, match="line 2: " + repr(line)):
        parse("wait\n" + line)


def test_names_may_lack_their_prefix() -> None:
    assert find("b.c", ["a.b.c", "b.d"]) == "a.b.c"
    assert find("c", ["c", "a.c"]) == "c"
    for name in ("d", "x", ".c"):
        with pytest.raises(KeyError):
            find(name, ["a.d", "b.d", "b.c"])


@pytest.mark.parametrize(
    ("line", "key", "action", "priority"),
    [
        ("exactly key.a:1 hdr.key.b:0x2", (Exact(1), Exact(2)), "exact", 0),
        ("longest b:0x1200/8 c:3", (Lpm(0x1200, 8), Exact(3)), "longest", 0),
        ("longest b:18 c:3", (Lpm(18, 16), Exact(3)), "longest", 0),
        ("patterned 0 b:0x1**4", (Ternary(0, 0), Ternary(0x1004, 0xF00F)), "ternary", 1),
        ("patterned 9 a:7 b:0x*", (Ternary(7, 255), Ternary(0, 0)), "ternary", 10),
        ("ranged 1 a:2->4 b:5", (Range(2, 4), Range(5, 5), Ternary(0, 0)), "range", 2),
        ("ranged 1", (Range(0, 255), Range(0, 65535), Ternary(0, 0)), "range", 2),
    ],
)
def test_matches(line: str, key: tuple[object, ...], action: str, priority: int) -> None:
    (add,) = parse(f"add {line} found_{action}(v:0x10)").entries
    call = ActionCall(f"TableIngress.found_{action}", (16,))
    assert entry(TABLES, add)[2] == TableEntry(key, call, priority)  # type: ignore[arg-type]  # a Key


def test_an_exact_field_needs_a_match() -> None:
    (add,) = parse("add exactly a:1 found_exact(v:1)").entries
    with pytest.raises(KeyError, match=r"no match for hdr\.key\.b"):
        entry(TABLES, add)
