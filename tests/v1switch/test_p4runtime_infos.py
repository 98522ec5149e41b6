"""Rules of P4Runtime 1.4 that depend on the P4Info: v1switch with other P4Infos than the zoo's.

docs/p4runtime.md lists the rule of each test.
"""

import json

import grpc
import pytest
from google.protobuf import text_format
from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as rt

from tests.switch.harness_p4info import Names, Path
from tests.v1switch.p4runtime_own import DEVICE_ID, out_ports
from tests.v1switch.p4runtime_zoo import CONFIG, P4INFO, Zoo, canonical, wanted
from tests.v1switch.twin import COMPILED

OK = ["OK"]
INVALID = ["INVALID_ARGUMENT"]
Spec = p4info_pb2.MeterSpec


def zoo_p4info():
    return text_format.Parse(P4INFO.read_text(), p4info_pb2.P4Info())


def load(client, p4info, config=CONFIG):
    """Give the switch a program with a custom P4Info."""
    request = rt.SetForwardingPipelineConfigRequest(
        device_id=DEVICE_ID, election_id={"low": 1}, action="VERIFY_AND_COMMIT"
    )
    request.config.p4info.CopyFrom(p4info)
    request.config.p4_device_config = config.read_bytes()
    client.stub.SetForwardingPipelineConfig(request)
    client.names = Names(p4info)
    return Zoo(client, "v1switch")


def profile(info, name):
    return next(each for each in info.action_profiles if each.preamble.alias == name)


TWO_RATES = {"cir": 10, "cburst": 20, "pir": 30, "pburst": 40}
ONE_RATE = {"cir": 10, "cburst": 20, "pir": 10, "pburst": 20}


@pytest.mark.parametrize(
    ("kind", "accepted", "refused"),
    [
        (Spec.TWO_RATE_THREE_COLOR, [TWO_RATES, ONE_RATE], [{**TWO_RATES, "eburst": 1}]),
        (Spec.SINGLE_RATE_THREE_COLOR, [ONE_RATE], [TWO_RATES, {**ONE_RATE, "pburst": 21}]),
        (Spec.SINGLE_RATE_TWO_COLOR, [ONE_RATE], [TWO_RATES, {**ONE_RATE, "eburst": 1}]),
    ],
)
def test_a_meter_takes_what_its_type_has(client, kind, accepted, refused):
    info = zoo_p4info()
    info.meters[0].spec.type = info.direct_meters[0].spec.type = kind
    zoo = load(client, info)
    zoo.insert(zoo.exact())
    for configs, code in ((accepted, OK), (refused, INVALID)):
        for config in configs:
            assert zoo.modify(zoo.array("meter", "cell_meter", 1, config=config)) == code
            assert zoo.modify(zoo.exact(meter_config=config)) == code


def test_a_selector_may_count_members_instead_of_weights(client):
    info = zoo_p4info()
    profile(info, "shots").sum_of_members.max_member_weight = 3
    zoo = load(client, info)

    def shots(*weights):
        paths = [Path("send", {"port": n}, weight) for n, weight in enumerate(weights)]
        return zoo.entry("shot_table", {"number": 1}, paths)

    assert zoo.insert(shots(1, 1, 1, 1, 1)) == INVALID
    assert zoo.insert(shots(4)) == INVALID
    assert zoo.insert(shots(3, 3, 3, 3)) == OK


def test_a_selector_without_a_group_size_takes_any_max_size(client):
    info = zoo_p4info()
    profile(info, "choice").max_group_size = 0
    zoo = load(client, info)
    zoo.insert(zoo.member(1))
    assert zoo.insert(zoo.group(7, (1, 100), max_size=0), zoo.group(8, (1, 1), max_size=9)) == (
        OK * 2
    )
    assert zoo.modify(zoo.group(8, (1, 10), max_size=9)) == ["RESOURCE_EXHAUSTED"]


def test_a_group_size_above_the_selectors_is_refused(client):
    info = zoo_p4info()
    profile(info, "choice").size = 3
    with pytest.raises(grpc.RpcError) as caught:
        load(client, info)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "max_group_size 4 above size 3" in caught.value.details()


def test_more_multicast_groups_than_there_are_cannot_be_required(client):
    info = zoo_p4info()
    properties = info.pkg_info.platform_properties
    properties.multicast_group_table_size = 32767
    load(client, info)
    properties.multicast_group_table_size = 32768
    with pytest.raises(grpc.RpcError) as caught:
        load(client, info)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture
def filled(client):
    """A program whose tables begin with entries that may be changed."""
    text = (COMPILED / "preinitialized.p4info.txtpb").read_text()
    info = text_format.Parse(text, p4info_pb2.P4Info())
    return load(client, info, COMPILED / "preinitialized.json")


def ask(plane, exact, masked=0):
    return out_ports(plane, bytes([exact, masked]) + bytes(20))


def test_initial_entries_are_read_changed_and_deleted(filled, plane):
    def entry(value, port):
        return filled.entry("exactly", {"value": value}, "send", {"port": port})

    everything = wanted(table_entry={"table_id": entry(1, 1).table_entry.table_id})
    assert filled.read(everything) == sorted(map(canonical, (entry(1, 1), entry(2, 2))))
    assert not any(found.table_entry.is_const for found in filled.client.read(everything))
    assert [ask(plane, n) for n in (1, 2, 3)] == [[1], [2], []]
    assert filled.modify(entry(1, 5)) == OK
    assert filled.delete(entry(2, 2)) == OK
    assert filled.insert(entry(3, 6), entry(4, 6), entry(5, 6), entry(6, 6)) == [
        *(OK * 3),
        "RESOURCE_EXHAUSTED",
    ]
    assert [ask(plane, n) for n in (1, 2, 3)] == [[5], [], [6]]


def test_initial_entries_have_the_priorities_of_their_order(filled, plane):
    table_id = filled.names.id("tables", "masked")
    found = filled.client.read(wanted(table_entry={"table_id": table_id}))
    ranks = {each.table_entry.match[0].ternary.mask: each.table_entry.priority for each in found}
    assert ranks == {b"\xf0": 2, b"\x0f": 1}
    assert ask(plane, 1, 0x11) == [3]
    over = filled.entry("masked", {"value": (0x11, 0xFF)}, "send", {"port": 7}, priority=3)
    assert filled.insert(over) == OK
    assert ask(plane, 1, 0x11) == [7]


PREINITIALIZED = (COMPILED / "preinitialized.json").read_bytes()


def configure(zoo, action, text=PREINITIALIZED):
    """Set a pipeline with the P4Info of the one that runs."""
    request = rt.SetForwardingPipelineConfigRequest(
        device_id=DEVICE_ID, election_id={"low": 1}, action=action
    )
    if action != "COMMIT":
        request.config.p4info.CopyFrom(zoo.names.p4info)
        request.config.p4_device_config = text
    zoo.client.stub.SetForwardingPipelineConfig(request)


def to_port(zoo, value, port):
    return zoo.entry("exactly", {"value": value}, "send", {"port": port})


def change(zoo):
    """Change one of the entries 1 and 2, delete the other, add a third."""
    assert zoo.modify(to_port(zoo, 1, 5)) == OK
    assert zoo.delete(to_port(zoo, 2, 2)) == OK
    assert zoo.insert(*(to_port(zoo, n, 6) for n in (3, 4, 5))) == OK * 3


def test_reconciling_keeps_what_became_of_initial_entries(filled, plane):
    change(filled)
    before = filled.read(wanted(table_entry={}))
    configure(filled, "RECONCILE_AND_COMMIT")
    assert filled.read(wanted(table_entry={})) == before
    assert [ask(plane, n) for n in (1, 2, 3)] == [[5], [], [6]]


def test_a_commit_keeps_what_became_of_initial_entries(filled, plane):
    change(filled)
    configure(filled, "VERIFY_AND_SAVE")
    assert [ask(plane, n) for n in (1, 2, 3)] == [[5], [], [6]], "that one still runs"
    change(filled)
    assert filled.delete(to_port(filled, 5, 6)) == OK
    before = filled.read(wanted(table_entry={}))
    configure(filled, "COMMIT")
    assert filled.read(wanted(table_entry={})) == before
    assert [ask(plane, n) for n in (1, 2, 3, 4, 5)] == [[5], [], [6], [6], []]


def test_reconciling_with_a_program_of_other_initial_entries(filled, plane):
    """The new program begins with 2 and 9 instead of 1 and 2: a client's changes outlive that."""
    program = json.loads(PREINITIALIZED)
    tables = [t for p in program["pipelines"] for t in p["tables"]]
    (table,) = (t for t in tables if t["name"].endswith("exactly"))
    table["entries"] = [entry_of(table, 1, key=0x02), entry_of(table, 0, key=0x09)]
    new = json.dumps(program).encode()
    assert filled.modify(to_port(filled, 1, 5)) == OK
    configure(filled, "RECONCILE_AND_COMMIT", new)
    assert [ask(plane, n) for n in (1, 2, 9)] == [[5], [2], [1]]
    assert filled.delete(to_port(filled, 1, 5), to_port(filled, 9, 1)) == OK * 2
    configure(filled, "RECONCILE_AND_COMMIT")
    assert [ask(plane, n) for n in (1, 2, 9)] == [[1], [2], []]


def test_const_entries_keep_their_direct_resources(client):
    """With a const table that has a meter and a counter for each entry."""
    info, program = zoo_p4info(), json.loads(CONFIG.read_text())
    next(t for t in info.tables if t.preamble.alias == "exact_table").is_const_table = True
    tables = [t for p in program["pipelines"] for t in p["tables"]]
    (table,) = (t for t in tables if t["name"] == "Zoo.exact_table")
    key = [{"match_type": "exact", "key": "0x000000000001"}, {"match_type": "exact", "key": "0x01"}]
    action = {"action_id": table["action_ids"][0], "action_data": ["0x1"]}
    table["entries"] = [{"match_key": key, "action_entry": action, "priority": 1}]
    text = json.dumps(program).encode()
    request = rt.SetForwardingPipelineConfigRequest(device_id=DEVICE_ID, election_id={"low": 1})
    request.config.p4info.CopyFrom(info)
    request.config.p4_device_config = text
    request.action = request.VERIFY_AND_SAVE
    client.stub.SetForwardingPipelineConfig(request)
    client.names = Names(info)
    zoo = Zoo(client, "v1switch")
    resources = {"counter_data": {"packet_count": 3}, "meter_config": {"cir": 1, "pir": 2}}
    stripped = zoo.exact(**resources)
    stripped.table_entry.ClearField("action")
    modify = rt.WriteRequest(device_id=DEVICE_ID, election_id={"low": 1})
    modify.updates.add(type="MODIFY", entity=stripped)
    client.stub.Write(modify)
    everything = wanted(table_entry={"counter_data": {}, "meter_config": {}})
    before = zoo.read(everything)
    assert canonical(zoo.exact(**resources)) in before
    for action in ("COMMIT", "RECONCILE_AND_COMMIT"):
        configure(zoo, action, text)
        assert zoo.read(everything) == before, action


def entry_of(table, number, key):
    """One of a table's initial entries with another key."""
    made = json.loads(json.dumps(table["entries"][number]))
    made["match_key"][0]["key"] = f"0x{key:02x}"
    return made
