"""Explanations: the traced program does what the plain one does, and reports it."""

import json
import random
import re
from itertools import chain
from pathlib import Path

import pytest

from tests.v1switch.corpus import CORPORA, vectors
from tests.v1switch.explained import (
    DECAPSULATED,
    DROPPED,
    ENCAPSULATED,
    FLOODED,
    Explained,
    plain_vtep,
    replicate,
    small,
    vtep,
)
from tests.v1switch.twin import COMPILED, loaded
from v1switch.control.dataplane import Dataplane
from v1switch.explain import events as ev
from v1switch.explain.notation import Notation
from v1switch.explain.text import TextView
from v1switch.lower import ir
from v1switch.lower.context import Context
from v1switch.lower.expressions import Expressions
from v1switch.lower.observation import Observer
from v1switch.program import expressions as ex
from v1switch.program import load_file
from v1switch.program.model import Primitive, Source
from v1switch.program.symbols import VALID

VTEP = vtep()
SAMPLES = [ENCAPSULATED, DECAPSULATED, FLOODED, DROPPED]


# -- the same as the untraced program ------------------------------------------------------------


def same(plain: Dataplane, explained: Explained, port: int, frame: bytes) -> None:
    expected = plain.process(port, frame, 0)
    explanation = explained.explain(port, frame)
    diverted = [f for f in explanation.out if f[0] != explained.plane.cpu_port]
    assert diverted == expected, f"frame {frame.hex()} into port {port}"
    sent = [s.frame for s in steps(explanation, ev.Sent) if s.port is not None]
    assert sorted(sent) == sorted(data for _, data in explanation.out)


def steps(explanation: ev.Explanation, kind: type) -> list:
    """All steps of a kind, at any depth."""
    found = []

    def visit(some: tuple) -> None:
        for step in some:
            if isinstance(step, kind):
                found.append(step)
            if isinstance(step, ev.Applied):
                visit((step.action,) if step.action else ())
            visit(getattr(step, "steps", ()))

    for stage in chain.from_iterable(p.stages for p in explanation.passes):
        visit(stage.steps)
    return found


@pytest.mark.parametrize("name", [*CORPORA, "tables"])
def test_a_traced_program_gives_the_same_frames(name: str) -> None:
    plain, explained = loaded(name), small(name)
    replicate(plain)
    replicate(explained.plane)
    view = TextView(explained.program)
    for port, frame in vectors(name) if name in CORPORA else [(1, bytes(20))]:
        same(plain, explained, port, frame)
        assert list(view.lines(explained.explanations[-1]))
        json.dumps(explained.document(port, frame))
        plain.process(port, frame, 0)


def test_the_traced_vxlan_switch_gives_the_same_frames_and_counters() -> None:
    rng = random.Random(11)
    plain, explained = plain_vtep(), vtep()
    for _ in range(300):
        port, sample = rng.choice(SAMPLES)
        frame = bytearray(sample[: rng.randrange(1, len(sample) + 1)])
        for _ in range(rng.randrange(3)):
            frame[rng.randrange(len(frame))] = rng.getrandbits(8)
        same(plain, explained, port, bytes(frame))
    for name, counter in explained.program.counters.items():
        if counter.binding is None:
            for index in range(counter.size):
                assert plain.counter(name, index) == explained.plane.counter(name, index)


# -- the parser ------------------------------------------------------------------------------------


def test_the_parser_shows_states_fields_and_transitions() -> None:
    text = VTEP.text(*ENCAPSULATED)
    assert "select standard_metadata.ingress_port = 1       default → parse_frame" in text
    assert "(lookahead[0:112] & 0xffff)" not in text, "no parentheses around the whole"
    assert "extract vlan (bytes 14 to 17): pcp 0, dei 0, vid 101, ether_type 0x0800" in text
    assert "select meta.tenant_ether_type = 0x0800          0x0800 → parse_ipv4" in text
    assert "verify (ipv4.version == 4)                      true  (ipv4.version = 4)" in text
    assert "tmp" not in text.partition("ingress\n")[0], "p4c's own variables are resolved"


def test_the_values_of_extracted_fields_are_those_of_the_frame() -> None:
    explanation = VTEP.explain(*ENCAPSULATED)
    ipv4 = next(s for s in steps(explanation, ev.Extracted) if s.header == "ipv4")
    values = {f.field: f.value for f in ipv4.fields}
    assert (ipv4.offset, ipv4.size) == (18, 20)
    assert values["src_addr"] == 0x0A00000B
    assert values["ttl"] == 64


def test_signed_fields_have_signs() -> None:
    explanation = small("arithmetic").explain(1, bytes([1, 2, 0xFF, 0x7F]) + bytes(60))
    values = {f.field: f.value for f in steps(explanation, ev.Extracted)[0].fields}
    assert (values["a"], values["c"], values["d"]) == (1, -1, 127)


def test_a_parser_error_is_shown() -> None:
    port, frame = ENCAPSULATED
    text = VTEP.text(port, frame[:30])
    assert "error PacketTooShort: parsing ends" in text
    wrong = VTEP.text(port, frame[:28] + bytes([frame[28] ^ 1]) + frame[29:])
    assert "is wrong, computed 0x6683: checksum_error = 1" in wrong


def test_only_temporaries_of_the_compiler_are_left_out() -> None:
    notation = Notation(VTEP.program)
    target = ex.FieldRef("scalars", "tmp")
    call = Primitive("assign", (target, ex.Const(5)))
    for fragment, left_out in (("hdr.a.isValid()", True), ("bit<8> tmp = 5", False)):
        did = ev.Executed("assign", call, None, None, (), (), Source("x.p4", 1, fragment))
        assert notation.absorb(did) is left_out
        assert notation.expression(target) == ("5" if left_out else "tmp")
        notation.reset()


# -- controls --------------------------------------------------------------------------------------


def test_a_hit_shows_key_entry_and_action_with_its_parameters() -> None:
    text = VTEP.text(*ENCAPSULATED)
    assert "table FalconIngress.forward.access.access_vni     hit" in text
    assert "key ingress_port 1, vid 101\n    entry ingress_port 1, vid 101 (vtep.txt:15)" in text
    call = "set_tenant(vni = 5001, vtep = 172.16.0.1, vxlan_port = 4789)"
    assert f"action FalconIngress.forward.access.{call}" in text


def test_a_statement_shows_its_effect_and_source_location() -> None:
    lines = VTEP.text(*ENCAPSULATED).splitlines()
    line = next(line for line in lines if "meta.vni = vni" in line)
    assert line.split()[-1] == "include/ingress_access.p4:9"
    assert "meta.vni 0 → 5001" in line


def test_a_miss_shows_the_default_action() -> None:
    text = VTEP.text(*FLOODED)
    table = text[text.index("table FalconIngress.forward.bridge.l2_forward") :]
    assert table.splitlines()[1:3] == [
        "    key vni 5001, dst_addr 02:aa:00:00:09:09",
        "    none of its entries (3) matches",
    ]
    assert "default action FalconIngress.forward.bridge.flood()" in table


def test_ternary_and_range_entries_show_match_and_priority() -> None:
    text = VTEP.text(*DROPPED)
    assert "entry vni 5001, ether_type 0x0800, protocol 17, l4_dst 7777, priority 10" in text
    assert "(vtep.txt:22)" in text


def test_a_selector_shows_which_member_its_hash_picked() -> None:
    (choice,) = [a.selection for a in steps(VTEP.explain(*ENCAPSULATED), ev.Applied) if a.selection]
    assert (choice.member, choice.size) == (2, 1)
    assert choice.hash % choice.size == choice.place


def test_conditions_show_expression_operands_and_value() -> None:
    text = VTEP.text(*DROPPED)
    assert "if (meta.drop_reason != DropReason.NONE)          true  (meta.drop_reason = 17)" in text


def test_what_becomes_of_a_unions_other_members_is_watched() -> None:
    program = load_file(COMPILED / "parser.json")
    (one, other) = next(iter(program.unions.values())).headers
    call = Primitive("add_header", (ex.HeaderRef(one),))
    context = Context(program, observed=True)
    with Observer(Expressions(context)).step(call):
        pass
    (step,) = (s.args[0] for s in context.builder.statements if isinstance(s, ir.Observe))
    assert [t.ref.header for t in step.targets if t.ref.field == VALID] == [one, other]


def test_conditions_of_actions_show_their_expression() -> None:
    notation = Notation(VTEP.program)
    asked = ex.Operation("==", ex.FieldRef("ipv4", "ttl"), ex.ParamRef(0))
    step = ev.Condition("if", asked, (), True, Source("x.p4", 1, "if"), ("limit",))
    assert notation.condition(step) == "ipv4.ttl == limit"


def test_constant_entries_show_their_source_location() -> None:
    text = small("wire").text(1, bytes(20))
    assert "entry standard.ingress_port 1 (wire.p4:23)" in text


def test_counters_and_registers_show_cell_old_and_new() -> None:
    assert "port_rx[1] packets " in VTEP.text(*ENCAPSULATED)
    externs = small("externs")
    effects = [
        effect
        for port, frame in vectors("externs")
        for did in steps(externs.explain(port, frame), ev.Executed)
        for effect in did.effects
        if effect.what == "register" and effect.new is not None
    ]
    assert effects
    held: dict[tuple[str, int], object] = {}
    for effect in effects:
        cell = (effect.name, effect.index)
        assert effect.old == held.get(cell, 0)
        held[cell] = effect.new


def test_log_messages_are_shown_as_they_are_printed() -> None:
    port, frame = next(v for v in vectors("externs") if v[1][9] == 0xFF)
    text = small("externs").text(port, frame)
    assert "prints: index 255 port 1" in text
    assert "ExternIngress.seen has no cell 255: nothing is done" in text


def test_hashes_show_algorithm_and_inputs() -> None:
    text = VTEP.text(*ENCAPSULATED)
    inputs = "meta.tenant_src, meta.tenant_dst, meta.tenant_protocol"
    assert f"meta.outer_sport = 49152 + crc32({inputs}" in text


# -- what leaves, and what does not ----------------------------------------------------------------


def parts(explanation: ev.Explanation) -> list[dict[str, str]]:
    sent = (s for s in steps(explanation, ev.Sent) if s.port is not None)
    return [{part.name: part.status for part in s.parts} for s in sent]


def test_a_frame_that_leaves_is_shown_header_by_header() -> None:
    (into,) = parts(VTEP.explain(*ENCAPSULATED))
    assert into == {
        **dict.fromkeys(("outer_ethernet", "outer_ipv4", "outer_udp", "vxlan"), "new"),
        "ethernet": "changed",
        "vlan": "removed",
        **dict.fromkeys(("ipv4", "udp", "payload"), "same"),
    }
    (out_of,) = parts(VTEP.explain(*DECAPSULATED))
    assert out_of["outer_ipv4"] == out_of["vxlan"] == "removed"
    assert out_of["vlan"] == "new"
    assert "[81→08]00" in VTEP.text(*ENCAPSULATED), "bytes that changed are in brackets"


def test_pieces_make_up_the_frame() -> None:
    for sample in SAMPLES[:3]:
        for sent in steps(VTEP.explain(*sample), ev.Sent):
            kept = [part.data for part in sent.parts if part.status != "removed"]
            assert b"".join(kept) == sent.frame


def test_a_flood_is_a_pass_for_each_copy() -> None:
    explanation = VTEP.explain(*FLOODED)
    kinds = [(p.number, p.kind, p.parent) for p in explanation.passes]
    assert kinds == [(1, "frame", 0), *((n, "multicast copy", 1) for n in (2, 3, 4))]
    text = VTEP.text(*FLOODED)
    copies = "port 1 (instance 11), port 2 (instance 12), port 3 (instance 13)"
    assert f"multicast, group 1: {copies}" in text
    assert "pass 3: multicast copy, from pass 1\negress to port 2, instance 12" in text
    assert "leaves by port 2 (132 bytes), port 3 (132 bytes)" in text


@pytest.mark.parametrize(
    ("what", "arg", "kinds"),
    [
        (2, 1, ["frame", "ingress clone"]),
        (2, 2, ["frame", "ingress clone", "ingress clone"]),
        (14, 2, ["frame", "egress clone", "egress clone"]),
        (4, 0, ["frame", *["resubmitted"] * 3]),
        (5, 0, ["frame", *["recirculated"] * 3]),
        (1, 5, ["frame", "multicast copy", "multicast copy"]),
    ],
)
def test_copies_and_repetitions_are_passes_of_their_own(
    what: int, arg: int, kinds: list[str]
) -> None:
    explained = small("replication")
    replicate(explained.plane)
    explanation = explained.explain(1, bytes([what, arg]) + bytes(20))
    assert [p.kind for p in explanation.passes] == kinds
    assert all(p.parent < p.number for p in explanation.passes)
    ends = {p.stages[-1].name for p in explanation.passes if p.kind != "frame"}
    assert "deparser" in ends
    first = [stage.name for stage in explanation.passes[0].stages]
    whole = ["parser", "ingress", "egress", "deparser"]
    assert first == {1: whole[:2], 4: whole[:2]}.get(what, whole), "the original continues"


@pytest.mark.parametrize(
    ("what", "arg", "message"),
    [
        (6, 0, "dropped: egress_spec is 511, the drop port, at the end of ingress"),
        (6, 0, "by mark_to_drop(standard)"),
        (15, 0, "dropped: egress_spec is 511, the drop port, at the end of egress"),
        (13, 0, "dropped: there is no multicast group 99"),
        (1, 7, "dropped: multicast group 7 has no replicas"),
        (2, 9, "ingress clone, session 9: there is no such session, nothing is copied"),
        (14, 9, "egress clone, session 9: there is no such session, nothing is copied"),
    ],
)
def test_what_does_not_leave_has_a_reason(what: int, arg: int, message: str) -> None:
    explained = small("replication")
    replicate(explained.plane)
    assert message in explained.text(1, bytes([what, arg]) + bytes(20))


def test_a_drop_that_is_taken_back_is_none() -> None:
    explained = small("replication")
    assert not steps(explained.explain(1, bytes([7, 0]) + bytes(20)), ev.Dropped)


def test_the_reason_of_a_drop_goes_back_to_the_entry() -> None:
    (drop,) = steps(VTEP.explain(*DROPPED), ev.Dropped)
    assert drop.condition.source.line == 109
    (writer,) = drop.writers
    assert writer.table == "FalconIngress.forward.tenants.tenant_acl"
    assert (writer.action.rpartition(".")[2], writer.origin) == ("deny", "vtep.txt:22")
    *_, by, because, where, _ = VTEP.text(*DROPPED).splitlines()
    assert by.split("  ")[2] == "by mark_to_drop(std_meta)"
    assert because.split("  ")[2] == "because meta.drop_reason != DropReason.NONE"
    assert "where meta.drop_reason 0 → 17 in action FalconIngress.forward.tenants.deny" in where


def test_an_action_that_drops_is_named_with_its_table() -> None:
    matching = small("matching")
    drops = [
        drop
        for port, frame in vectors("matching")
        for drop in steps(matching.explain(port, frame), ev.Dropped)
    ]
    by_table = [drop for drop in drops if drop.by.table]
    assert {(d.by.action, d.condition) for d in by_table} == {("MatchIngress.drop", None)}
    assert {d.by.table for d in by_table} >= {"MatchIngress.exactly"}
    others = [drop.condition for drop in drops if not drop.by.table]
    assert others
    assert all(others)


def test_the_condition_that_led_to_a_drop_is_shown() -> None:
    explained = small("replication")
    (drop,) = steps(explained.explain(1, bytes([6, 0]) + bytes(20)), ev.Dropped)
    assert "== 6" in Notation(explained.program).condition(drop.condition)
    assert drop.condition.value


def test_a_condition_that_decides_nothing_is_no_reason(tmp_path: Path) -> None:
    program = json.loads((COMPILED / "dropping.json").read_text())
    first = program["pipelines"][0]["conditionals"][0]
    first["false_next"] = first["true_next"]
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(program))
    (drop,) = steps(Explained(changed).explain(1, bytes(20)), ev.Dropped)
    assert drop.by.step.op == "mark_to_drop"
    assert drop.condition is None


def test_truncation_is_shown() -> None:
    assert "7 bytes, cut off" in small("replication").text(1, bytes([9, 7]) + bytes(20))


def test_digests_are_shown_without_a_listener() -> None:
    fields = "vni = 5001, ethernet.src_addr = 02:aa:00:00:00:03"
    assert "digest mac_learn" in VTEP.text(*DECAPSULATED)
    assert fields.split(", ")[1] in VTEP.text(*DECAPSULATED)


def test_colours_change_nothing_but_colours() -> None:
    for sample in SAMPLES:
        explanation = VTEP.explain(*sample)
        plain = list(TextView(VTEP.program).lines(explanation))
        coloured = list(TextView(VTEP.program, colour=True).lines(explanation))
        assert [re.sub("\x1b\\[[0-9]+m", "", line) for line in coloured] == plain
        assert coloured != plain


# -- JSON ------------------------------------------------------------------------------------------


def test_the_document_holds_what_the_text_does() -> None:
    made = json.loads(json.dumps(VTEP.document(*ENCAPSULATED)))
    assert made["schema"] == "v1switch-explain/2"
    assert (made["port"], made["data"]) == (1, ENCAPSULATED[1].hex())
    (only,) = made["passes"]
    assert [s["stage"] for s in only["stages"]] == ["parser", "ingress", "egress", "deparser"]
    tables = {s["table"]: s for s in only["stages"][1]["steps"] if s["step"] == "table"}
    access = tables["FalconIngress.forward.access.access_vni"]
    assert access["result"] == "hit"
    assert access["entry"]["origin"] == "vtep.txt:15"
    assert access["key"][1] == {
        "name": "vid",
        "match": "exact",
        "width": 12,
        "value": "0x65",
        "text": "101",
    }
    assert access["action"]["params"][1] == {
        "name": "vtep",
        "width": 32,
        "value": "0xac100001",
        "text": "172.16.0.1",
    }
    first = access["action"]["steps"][0]
    assert first["source"]["file"] == "include/ingress_access.p4"
    assert first["source"]["line"] == 9
    assert first["effects"] == [
        {
            "kind": "field",
            "name": "scalars.metadata_t._vni7",
            "width": 24,
            "old": "0x0",
            "new": "0x1389",
            "text": "5001",
        }
    ]
    assert made["out"][0]["port"] == 3


def test_a_drop_in_the_document_names_who_asked_for_it() -> None:
    (only,) = VTEP.document(*DROPPED)["passes"]
    drop = only["stages"][-1]["steps"][-1]
    assert drop["step"] == "drop"
    assert drop["by"]["source"]["file"] == "falcon_vtep.p4"
    assert VTEP.document(*DROPPED)["out"] == []
