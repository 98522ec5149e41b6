"""Programs become the intermediate representation: what is kept, saved, cut and left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.v1switch.broken import FIELD, ZERO, assigning, expression, field, named, source
from tests.v1switch.twin import COMPILED
from tests.v1switch.verify import nodes, verify
from v1switch.errors import ProgramError
from v1switch.lower import dump, ir, lower
from v1switch.lower.dump import show
from v1switch.program import load_file, load_program
from v1switch.program.symbols import VALID

ROOT = Path(__file__).parents[2]
PROGRAMS = [ROOT / "p4/compiled/falcon_vtep.json", *sorted(COMPILED.glob("*.json"))]


def lowered(program: Any, *, observed: bool = False) -> ir.Switch:
    """A program lowered: the name of one in `programs/`, or JSON."""
    if isinstance(program, str):
        return lower(load_file(COMPILED / f"{program}.json"), observed=observed)
    return lower(load_program(json.dumps(program)), observed=observed)


def found(switch: ir.Switch, kind: type) -> list[Any]:
    """All statements or expressions of a kind, in order."""
    return [node for node in nodes(switch.body) if isinstance(node, kind)]


def assigned(program: Any, name: str) -> list[str]:
    """What a variable is set to, in order."""
    statements = found(lowered(program), ir.Assign)
    return [show(s.value) for s in statements if s.target.name == name]


EGRESS_SPEC = "standard_metadata__egress_spec"


@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_programs_keep_the_rules_of_the_representation(path: Path, observed: bool) -> None:
    verify(lower(load_file(path), observed=observed))


def test_a_whole_program() -> None:
    assert dump(lowered("wire")).splitlines() == [
        "if ($kind == 7):",
        "    Resume((cursor, egress_port), enqueued, depth_, left_)",
        "    turn = 0",
        "else:",
        "    if ($kind <= 1):",
        "        standard_metadata__ingress_port = fits($port, u9)",
        "    parser_error = 0",
        "    machine, at most 65536 jumps back:",
        "        state 0:",
        "            Leave()",
        "        exceeded:",
        "            parser_error = 5",
        "    region:",
        "        LookUp(_e1, WireIngress.wire, (standard_metadata__ingress_port))",
        "        if not Found(_e1):",
        "            _e1 = DefaultEntry(WireIngress.wire)",
        "        match ActionCode(_e1):",
        "            case 0:",
        "                TakeParams((_p2), _e1)",
        f"                {EGRESS_SPEC} = _p2",
        "            default:",
        f"                {EGRESS_SPEC} = fits($drop_port, u9)",
        f"    if ({EGRESS_SPEC} == $drop_port):",
        "        Finish()",
        f"    egress_port = {EGRESS_SPEC}",
        "    egress_instance = 0",
        "    turn = 4",
        "if (turn == 4):",
        "    Offer(turn, egress_port, 0, (cursor, egress_port))",
        "if (turn == 0):",
        f"    {EGRESS_SPEC} = truncate(($drop_port + 1), u9)",
        f"    if ({EGRESS_SPEC} != $drop_port):",
        "        BeginPacket()",
        "        AppendPayload()",
        "        Send(egress_port, None)",
    ]


# -- expressions and stores ------------------------------------------------------------------------

NUMBER = {"type": "hexstr", "value": "0x7"}
PORT = field("standard_metadata", "ingress_port")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (expression("+", PORT, NUMBER), "truncate((standard_metadata__ingress_port + 7), u9)"),
        (expression("&", PORT, NUMBER), "truncate(standard_metadata__ingress_port, u3)"),
        (expression("|", PORT, NUMBER), "(standard_metadata__ingress_port | 7)"),
        (expression("+", NUMBER, NUMBER), "14"),
        (expression("-", None, NUMBER), "505"),
        (expression(">>", PORT, NUMBER), "(standard_metadata__ingress_port >> 7)"),
        (expression("/", PORT, NUMBER), "(standard_metadata__ingress_port // 7)"),
        (expression("%", PORT, {"type": "hexstr", "value": "0x8"}), "truncate({}, u3)"),
        (expression("~", None, PORT), "truncate(~standard_metadata__ingress_port, u9)"),
        (expression("usat_cast", PORT, NUMBER), "saturate(standard_metadata__ingress_port, u7)"),
        (
            expression("b2d", None, expression("==", PORT, NUMBER)),
            "ToInt((standard_metadata__ingress_port == 7))",
        ),
        (
            expression("b2d", None, expression("not", None, expression("<", PORT, NUMBER))),
            "ToInt((standard_metadata__ingress_port >= 7))",
        ),
        ({"type": "bool", "value": True}, "1"),
    ],
)
def test_a_value_is_cut_to_its_field_where_it_has_to_be(value: Any, text: str) -> None:
    wanted = text.format("standard_metadata__ingress_port")
    assert assigned(assigning(value), EGRESS_SPEC)[0] == wanted


def test_a_divisor_that_may_be_zero_is_worked_out_once() -> None:
    sum_ = expression("+", PORT, NUMBER)
    switch = lowered(assigning(expression("/", PORT, sum_)))
    (division,) = [b for b in found(switch, ir.Binary) if b.op == "//"]
    assert isinstance(division.right, ir.Var)


def test_what_nothing_reads_is_not_stored() -> None:
    program = assigning(NUMBER, target=field("standard_metadata", "instance_type"))
    assert "instance_type" not in dump(lowered(program))
    assert "standard_metadata__instance_type = 7" in dump(lowered(program, observed=True))


def test_registers_are_checked_where_an_index_may_be_beyond_the_end() -> None:
    switch = lowered("externs")
    inside = {show(node.index): node.inside for node in found(switch, ir.RegisterWrite)}
    assert inside == {"scalars__tmp_16": False, "1": True}
    read = {show(node.index): node.inside for node in found(switch, ir.RegisterRead)}
    assert read == {"scalars__tmp_15": True, "1": True}  # the first behind a condition
    assert "if (scalars__tmp_15 < 16):" in dump(switch)


# -- headers ---------------------------------------------------------------------------------------


def test_neighbours_that_only_pass_through_are_one_segment() -> None:
    switch = lower(load_file(PROGRAMS[0]))
    widths = {
        name: [segment.width for chunk in header.head for segment in chunk.segments]
        for name, header in switch.headers.items()
    }
    assert widths["tcp"] == [16, 16, 64, 4, 60]
    names = [s.var and s.var.name for c in switch.headers["tcp"].head for s in c.segments]
    assert names == ["tcp__src_port", "tcp__dst_port", None, "tcp__data_offset", None]


def test_runs_of_bytes_have_the_size_of_their_segment() -> None:
    sizes = {
        segment.var.name: (segment.var.type.size, segment.width)
        for path in PROGRAMS
        for header in lower(load_file(path)).headers.values()
        for chunk in header.head + header.tail
        for segment in chunk.segments
        if segment.var is not None and isinstance(segment.var.type, ir.Bytes)
    }
    assert sizes
    assert all(8 * size == width for size, width in sizes.values())


def test_variables_of_metadata_come_last() -> None:
    switch = lowered("headers")
    headers = switch.headers.values()
    is_metadata = {var: header.valid is None for header in headers for var in header.variables}
    order = [is_metadata[var] for var in switch.variables if var in is_metadata]
    assert order == sorted(order)
    assert set(order) == {False, True}


def test_headers_have_a_longest_size() -> None:
    headers = lower(load_file(PROGRAMS[0])).headers
    longest = {name: headers[name].longest for name in ("tcp", "ethernet", "ipv4_options")}
    assert longest == {"tcp": 20, "ethernet": 14, "ipv4_options": 40}
    assert {header.size for header in (headers["tcp"], headers["ipv4_options"])} == {20, 0}


@pytest.mark.parametrize("width", [1, 9, 15])
def test_a_header_that_ends_within_a_byte_is_padded(width: int) -> None:
    program = source("stacks")
    kind = program["header_stacks"][0]["header_type"]
    named(program["header_types"], kind)["fields"].append(["odd", width, False])
    names = named(program["header_types"], kind)["fields"]
    bits = sum(field[1] for field in names)
    headers = [h for h in lowered(program).headers.values() if h.name.startswith("items[")]
    assert [header.size for header in headers] == [(bits + 7) // 8] * 4


def test_headers_that_nothing_writes_to_leave_as_they_came() -> None:
    headers = lower(load_file(PROGRAMS[0])).headers
    assert headers["tcp"].origin is not None
    assert headers["tcp"].dirty is None
    assert headers["ethernet"].dirty is not None
    assert headers["ipv4_options"].origin is None, "its length varies"
    assert headers["scalars"].valid is None, "metadata"


def test_every_field_has_a_variable_when_the_recorder_listens() -> None:
    program = load_file(PROGRAMS[0])
    headers = lower(program, observed=True).headers
    assert headers.keys() == program.headers.keys()
    for name, header in program.headers.items():
        widths = [v.type.bits for v in headers[name].variables if isinstance(v.type, ir.Int)]
        fields = [f.width for f in header.header_type.fields if f.width is not None]
        padded = [*fields, -sum(fields) % 8] if sum(fields) % 8 and not header.metadata else fields
        assert widths == padded


def test_a_header_is_noted_as_written_once_in_a_row() -> None:
    text = dump(lowered("arithmetic")).splitlines()
    touched = [line for line in text if line.strip() == "out___D = True"]
    stores = [line for line in text if line.strip().startswith("out___")]
    assert len(touched) <= 4 < len(stores) / 5


def test_a_union_has_one_valid_member() -> None:
    text = dump(lowered("unions")).splitlines()
    extracted = [n for n, line in enumerate(text) if "Extract(first.large" in line]
    for line in extracted:
        after = [each.strip() for each in text[line + 1 : line + 3]]
        assert after == ["first_small__V = False", "first_large__V = True"]


def test_an_element_beyond_the_stack_is_an_error_of_the_parser() -> None:
    (match,) = found(lowered("stacks"), ir.Machine)[0].states[1][:1]
    assert isinstance(match, ir.Match)
    assert [values for values, _ in match.cases] == [(0,), (1,), (2,), (3,)]
    error, leave = match.default
    assert show(error.value) == "3", "StackOutOfBounds"
    assert isinstance(leave, ir.Leave)


# -- the parser ------------------------------------------------------------------------------------


def test_states_precede_those_that_they_go_to() -> None:
    (machine,) = found(lowered("parser"), ir.Machine)
    jumps = [
        (number, goto.state)
        for number, state in enumerate(machine.states)
        for goto in nodes(state)
        if isinstance(goto, ir.Goto)
    ]
    back = [(a, b) for a, b in jumps if b <= a]
    assert back, "a stack is extracted in a loop"
    assert all(a == b for a, b in back)
    assert {b for _, b in jumps} == set(range(1, len(machine.states)))


def test_states_that_nothing_leads_to_are_left_out() -> None:
    program = source("wire")
    states = program["parsers"][0]["parse_states"]
    states.append({**states[0], "name": "lonely", "id": 99})
    (machine,) = found(lowered(program), ir.Machine)
    assert len(machine.states) == 1


def _advancing(bits: int) -> Any:
    program = source("wire")
    (state,) = program["parsers"][0]["parse_states"]
    amount = {"type": "hexstr", "value": hex(bits)}
    state["parser_ops"].append({"op": "advance", "parameters": [amount]})
    return program


@pytest.mark.parametrize(("bits", "fails"), [(8, False), (4, True), (9, True)])
def test_a_parser_advances_by_whole_bytes(bits: int, fails: bool) -> None:
    invalid_argument = "6"  # core.p4: error.ParserInvalidArgument
    assert (invalid_argument in assigned(_advancing(bits), "parser_error")) == fails
    told = found(lowered(_advancing(bits), observed=True), ir.Observe)
    advanced = [node.args for node in told if node.event == "advanced"]
    assert advanced == [(ir.Const(bits),)]


def test_a_case_that_matches_all_leaves_nothing_to_ask() -> None:
    program = source("wire")
    (state,) = program["parsers"][0]["parse_states"]
    state["transition_key"] = [field("standard_metadata", "ingress_port")]
    case = {"type": "hexstr", "value": "0x5", "mask": "0x0", "next_state": None}
    state["transitions"].insert(0, case)
    (machine,) = found(lowered(program), ir.Machine)
    assert [s for s in nodes(machine.states[0]) if isinstance(s, ir.If)] == []
    case["mask"] = "0x4"
    (machine,) = found(lowered(program), ir.Machine)
    (asked,) = (s for s in nodes(machine.states[0]) if isinstance(s, ir.If))
    assert "& 4" in show(asked.condition)


def test_a_parser_without_states_finds_no_error() -> None:
    program = source("wire")
    program["parsers"][0]["init_state"] = None
    program["parsers"][0]["parse_states"] = []
    switch = lowered(program)
    assert found(switch, ir.Machine) == []
    verify(switch)


@pytest.mark.parametrize(
    ("offset", "width", "size"), [(4, 9, 2), (4, 5, 2), (0, 8, 1), (0, 9, 2), (60, 12, 9)]
)
def test_what_is_looked_ahead_at_is_there(offset: int, width: int, size: int) -> None:
    program = source("wire")
    parser = program["parsers"][0]
    start = named(parser["parse_states"], parser["init_state"])
    ahead = {"type": "lookahead", "value": [offset, width]}
    start["parser_ops"] = [{"op": "set", "parameters": [field(*FIELD), ahead]}]
    (machine,) = found(lowered(program), ir.Machine)
    check = machine.states[0][0]
    assert show(check.condition) == f"Short({size})"
    assert found(lowered(program), ir.Lookahead) == [ir.Lookahead(offset, width)]


def test_all_fields_of_headers_that_are_compared_are_kept() -> None:
    program = source("headers")
    two = named(program["headers"], "two")
    program["headers"].append({**two, "name": "other", "id": 900})
    one, other = ({"type": "header", "value": name} for name in ("two", "other"))
    action = next(each for each in program["actions"] if each["primitives"])
    same = expression("b2d", None, expression("==", one, other))
    for each in program["actions"]:
        each["primitives"] = []
    action["primitives"] = [{"op": "assign", "parameters": [field(*FIELD), same]}]
    compared = {show(node.left) for node in found(lowered(program), ir.Compare)}
    fields = named(program["header_types"], two["header_type"])["fields"]
    assert {f"two__{name}" for name, *_ in fields} <= compared


# -- actions and controls --------------------------------------------------------------------------


@pytest.mark.parametrize("op", ["assert", "assume"])
def test_an_assertion_that_does_not_hold_is_logged(op: str) -> None:
    program = assigning(NUMBER)
    action = next(each for each in program["actions"] if each["primitives"])
    wrong = expression("==", field(*FIELD), ZERO)
    action["primitives"].append({"op": op, "parameters": [wrong]})
    (failing,) = (s for s in found(lowered(program), ir.If) if ir.FailAssertion() in s.then)
    assert show(failing.condition) == f"({EGRESS_SPEC} != 0)"


def test_forward_jumps_of_actions_are_branches() -> None:
    assert len(found(lowered("numbers"), ir.Machine)) == 1, "the parser alone"


def test_loops_of_actions_are_machines() -> None:
    _, *machines = found(lowered("loops"), ir.Machine)
    assert machines
    for machine in machines:
        (abandon,) = machine.exceeded
        assert abandon.reason.startswith("32,768 jumps back in action 'LoopIngress.")
    assert any(
        goto.state <= number
        for machine in machines
        for number, state in enumerate(machine.states)
        for goto in nodes(state)
        if isinstance(goto, ir.Goto)
    )


@pytest.mark.parametrize(
    ("calls", "target", "expected"),
    [
        ([("_jump", 1), ("no_op", None)], "-0x1", "jumps to the primitives 0..2"),
        ([("no_op", None), ("_jump", 0)], "0x3", "jumps to the primitives 2..2"),
    ],
)
def test_an_action_jumps_to_its_own_primitives(
    calls: list[tuple[str, int | None]], target: str, expected: str
) -> None:
    program = assigning(NUMBER)
    (action,) = (a for a in program["actions"] if any(c["op"] == "assign" for c in a["primitives"]))
    where = {"type": "hexstr", "value": target}
    action["primitives"] = [
        {"op": op, "parameters": [] if place is None else [where]} for op, place in calls
    ]
    with pytest.raises(ProgramError) as caught:
        lowered(program)
    assert caught.value.expected == expected
    assert caught.value.subject == f"action {action['name']!r}"


def test_an_action_that_exits_leaves_the_control() -> None:
    program = assigning(NUMBER)
    (action,) = (a for a in program["actions"] if any(c["op"] == "assign" for c in a["primitives"]))
    action["primitives"].insert(0, {"op": "exit", "parameters": []})
    switch = lowered(program)
    assert assigned(program, "exit_") == ["False", "True", "False"]  # the last one: egress begins
    leaving = [s for s in found(switch, ir.If) if s.then == (ir.Leave(),)]
    assert [show(s.condition) for s in leaving] == ["exit_"]
    lines = [line.strip() for line in dump(switch).splitlines()]
    start = lines.index("exit_ = True")
    assert lines[start + 1 : start + 4] == [f"{EGRESS_SPEC} = 7", "if exit_:", "Leave()"]


def _branching() -> Any:
    """A program whose ingress branches and meets again fifteen times in a row."""
    program = source("wire")
    condition = {"type": "expression", "value": {"op": "==", "left": PORT, "right": ZERO}}
    count = 15
    conditionals, calls = [], []
    action = {
        "name": "a",
        "id": 70,
        "runtime_data": [],
        "primitives": [{"op": "assign", "parameters": [field(*FIELD), NUMBER]}],
    }
    program["actions"].append(action)
    for n in range(count):
        following = f"if{n + 1}" if n + 1 < count else None
        arm = {"name": f"do{n}", "id": n, "action_id": 70, "next_node": following}
        test = {"name": f"if{n}", "id": n, "expression": condition}
        conditionals.append({**test, "true_next": arm["name"], "false_next": following})
        calls.append(arm)
    program["pipelines"][0].update(
        init_table="if0", tables=[], conditionals=conditionals, action_calls=calls
    )
    return program


def test_branches_that_meet_again_are_followed_once() -> None:
    switch = lowered(_branching())
    assert len(found(switch, ir.If)) < 30
    assert assigned(_branching(), EGRESS_SPEC).count("7") == 15


def test_a_control_that_goes_round_is_refused() -> None:
    program = _branching()
    program["pipelines"][0]["action_calls"][-1]["next_node"] = "if0"
    with pytest.raises(ProgramError) as caught:
        lowered(program)
    assert (caught.value.expected, caught.value.path) == ("no loops", "$.pipelines.ingress")


def test_branches_that_explode_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("v1switch.lower.controls.MAX_NODES", 20)
    with pytest.raises(ProgramError) as caught:
        lowered(_branching())
    assert caught.value.expected == "structured control flow"
    assert caught.value.found == "branches that explode"


# -- copies ----------------------------------------------------------------------------------------


def test_a_program_that_makes_no_copies_has_no_loop_over_them() -> None:
    assert found(lowered("wire"), ir.ForEachCopy) == []
    assert found(lowered("copies"), ir.ForEachCopy)


def test_copies_find_what_egress_changes_as_it_was() -> None:
    (copies,) = found(lowered("copies"), ir.ForEachCopy)
    saved = {var.name for var in copies.saved}
    assert {"trail__N", "trail_0___V", "length_", "standard_metadata__instance_type"} <= saved
    assert not saved & {"cursor", "order__arg", "egress_port", "egress_instance"}


def test_egress_clones_start_with_fresh_metadata() -> None:
    (added,) = found(lowered("copies"), ir.AddCopies)
    assert {show(value) for _, value in added.reset} <= {"0", "False"}
    assert {(var.name, show(value)) for var, value in added.always} == {
        ("standard_metadata__instance_type", "2"),
        ("cut", str(1 << 30)),
    }
    reset = {var.name for var, _ in added.reset}
    assert "scalars__metadata_t_lost" in reset
    assert "order__arg" not in reset


@pytest.mark.parametrize(
    "op", ["truncate", "clone_ingress_pkt_to_egress", "clone_egress_pkt_to_egress"]
)
def test_packets_may_be_cut_where_the_program_truncates_or_clones(op: str) -> None:
    program = assigning(NUMBER)
    (action,) = (a for a in program["actions"] if any(c["op"] == "assign" for c in a["primitives"]))
    arguments = [NUMBER] if op == "truncate" else [NUMBER, ZERO]
    action["primitives"].append({"op": op, "parameters": arguments})
    (send,) = found(lowered(program), ir.Send)
    assert show(send.limit) == "cut"
    verify(lowered(program))
    (whole,) = found(lowered("wire"), ir.Send)
    assert whole.limit is None


def test_field_lists_are_their_variables() -> None:
    lists = {
        fields.id: [v.name for v in fields.variables] for fields in lowered("copies").field_lists
    }
    assert lists[1] == ["scalars__metadata_t_kept"]


# -- tracing ---------------------------------------------------------------------------------------


def test_only_what_is_observed_tells() -> None:
    assert found(lowered("copies"), ir.Observe) == []
    events = {node.event for node in found(lowered("copies", observed=True), ir.Observe)}
    assert {"packet", "stage", "state", "extracted", "did", "cloned", "back", "sent"} <= events


def test_a_step_is_observed_with_its_values_before_and_after() -> None:
    switch = lowered(assigning(PORT), observed=True)
    told = [node.args for node in found(switch, ir.Observe) if node.event == "did"]
    step, args, before, after = next(t for t in told if t[0].call.op == "assign")
    assert [show(value) for value in after] == [EGRESS_SPEC]
    held = {s.target: show(s.value) for s in found(switch, ir.Assign)}
    assert [held[var] for var in before] == [EGRESS_SPEC]
    assert [held[var] for var in args] == ["standard_metadata__ingress_port"]
    assert len(step.args) == len(step.targets) == 1


def test_a_headers_validity_is_told_before_its_fields() -> None:
    program = source("headers")
    action = next(each for each in program["actions"] if each["primitives"])
    two = {"type": "header", "value": "two"}
    action["primitives"] = [{"op": "add_header", "parameters": [two]}]
    told = [n.args[0] for n in found(lowered(program, observed=True), ir.Observe) if n.args]
    (step, *_) = (s for s in told if getattr(getattr(s, "call", None), "op", "") == "add_header")
    assert step.targets[0].ref.field == VALID


def test_a_conditional_jump_is_observed_with_the_operands_of_its_condition() -> None:
    program = assigning(NUMBER)
    action = next(each for each in program["actions"] if each["primitives"])
    end = {"type": "hexstr", "value": hex(len(action["primitives"]) + 1)}
    condition = expression("d2b", None, field(*FIELD))
    action["primitives"].insert(0, {"op": "_jump_if_zero", "parameters": [condition, end]})
    told = found(lowered(program, observed=True), ir.Observe)
    (branch,) = (node.args for node in told if node.event == "branch")
    assert [operand.field for operand in branch[-1]] == [FIELD[1]]


# -- tables ----------------------------------------------------------------------------------------


def test_a_key_field_of_a_header_that_may_be_invalid_reads_0() -> None:
    program = source("lookups")
    action = next(each for each in program["actions"] if each["primitives"])
    asked = {"type": "header", "value": "asked"}
    action["primitives"].insert(0, {"op": "remove_header", "parameters": [asked]})
    keys = {show(part) for node in found(lowered(program), ir.LookUp) for part in node.key}
    assert keys == {"Select(asked__V, asked__key, 0)"}


@pytest.mark.parametrize(("hit", "miss", "count"), [(True, False, 0), (False, True, 1)])
def test_a_constant_action_without_a_key_is_a_miss(hit: bool, miss: bool, count: int) -> None:
    program = source("lookups")
    pipeline = program["pipelines"][0]
    first = named(pipeline["tables"], "tbl_lookups41")
    then = named(pipeline["tables"], "LookIngress.exact_table")
    then["next_tables"] = dict.fromkeys(then["next_tables"])
    pipeline["init_table"] = first["name"]
    first["next_tables"] = {
        "__HIT__": then["name"] if hit else None,
        "__MISS__": then["name"] if miss else None,
    }
    assert len(found(lowered(program), ir.LookUp)) == count


def test_the_egress_timestamp_is_48_bits_of_microseconds() -> None:
    name = "egress_global_timestamp"
    program = assigning(field("standard_metadata", name))
    *_, written = assigned(program, f"standard_metadata__{name}")
    assert written.endswith(", u48)")


@pytest.mark.parametrize(("bits", "checks"), [(0x7FFF_FFF8, 0), (0x8000_0000, 1)])
def test_a_length_of_31_bits_or_more_is_refused_when_the_frame_says_it(
    bits: int, checks: int
) -> None:
    program = source("variable")
    calls = [op for s in program["parsers"][0]["parse_states"] for op in s["parser_ops"]]
    (call, *others) = (op for op in calls if op["op"] == "extract_VL")
    for each in (call, *others):
        each["parameters"][1] = {"type": "expression", "value": {"type": "hexstr", "value": "0x8"}}
    before = len(_too_long(program))
    call["parameters"][1]["value"]["value"] = hex(bits)
    assert len(_too_long(program)) - before == checks


def _too_long(program: Any) -> list[ir.Compare]:
    compared = found(lowered(program), ir.Compare)
    return [node for node in compared if node.op == ">=" and node.right == ir.Const(1 << 31)]


def test_a_miss_without_an_action_goes_where_the_table_says() -> None:
    program = source("lookups")
    table = named(program["pipelines"][0]["tables"], "LookIngress.exact_table")
    table["default_entry"] = None
    table["base_default_next"] = "tbl_lookups41"
    table["next_tables"] = dict.fromkeys(table["next_tables"])
    asked = [n for n in found(lowered(program), ir.Match) if isinstance(n.value, ir.ActionCode)]
    assert (-1,) in [codes for match in asked for codes, _ in match.cases]


def test_the_chosen_member_is_observed() -> None:
    told = found(lowered("selectors", observed=True), ir.Observe)
    entries = [node.args[0] for node in told if node.event == "chosen"]
    assert entries
    assert all(isinstance(entry, ir.Var) and entry.type == ir.ENTRY for entry in entries)
