"""Findings of fuzzing with requests (`make fuzz`): refused with the object, and no change."""

import copy
import json

import pytest
from p4.v1 import p4runtime_pb2 as rt

from tests.fuzz.target_p4runtime import switch
from tests.fuzz.worlds import p4info
from tests.v1switch.broken import const_table, plane, source
from tests.v1switch.twin import COMPILED
from v1switch.errors import TableFull
from v1switch.p4runtime.arbitration import MAX_ROLES, Arbitration, Bid
from v1switch.p4runtime.errors import Code, Refused
from v1switch.p4runtime.join import join
from v1switch.program import load_program
from v1switch.state.entries import ActionCall, ActionSet, Group, GroupMember, Member, WeightedAction
from v1switch.state.profiles import MAX_WEIGHT


def test_the_weights_of_a_group_have_a_limit() -> None:
    made = plane(source("selector"))
    assert made.program is not None
    table = next(t for t in made.program.tables.values() if t.implementation == "indirect_ws")
    action = made.program.actions[table.actions[0]]
    call = ActionCall(action.name, (0,) * len(action.params))
    profile = made.state.profiles[table.action_profile or ""]
    profile.make_action_set(ActionSet((WeightedAction(call, MAX_WEIGHT),)))
    with pytest.raises(TableFull, match="the weights of a group"):
        profile.make_action_set(ActionSet((WeightedAction(call, 2**31 - 1),)))
    profile.insert_member(Member(1, call))
    profile.insert_group(Group(1, (GroupMember(1, MAX_WEIGHT),)))
    assert len(profile.groups[1].pick) == MAX_WEIGHT


def test_roles_have_a_limit() -> None:
    arbitration = Arbitration(1)
    for number in range(MAX_ROLES - 1):
        arbitration.bid("client", Bid(1, 1, f"role {number}"))
        arbitration.close("client")
    with pytest.raises(Refused) as caught:
        arbitration.bid("client", Bid(1, 1, "one more"))
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


def test_a_p4info_has_the_actions_that_the_program_itself_uses() -> None:
    program = load_program((COMPILED / "matching.json").read_bytes())
    info = copy.deepcopy(p4info("matching"))
    table = next(t for t in info.tables if t.preamble.name == "MatchIngress.patterned")
    del table.action_refs[:]
    with pytest.raises(Refused, match=r"table 'MatchIngress.patterned' has no action '"):
        join(info, program)


def test_the_pipeline_that_is_refused_leaves_the_running_one() -> None:
    _, device, _ = switch("tables")
    before = device.get_pipeline(rt.GetForwardingPipelineConfigRequest(device_id=1))
    request = rt.SetForwardingPipelineConfigRequest(device_id=1, election_id={"low": 1})
    request.action = request.VERIFY_AND_COMMIT
    request.config.p4info.CopyFrom(p4info("matching"))
    program, table = const_table()
    table["entries"][0]["match_key"][0]["key"] = "0x12345"
    request.config.p4_device_config = json.dumps(program).encode()
    with pytest.raises(Refused, match=r"table 'MatchIngress.patterned'.* a value of 16 bits"):
        device.set_pipeline(request)
    after = device.get_pipeline(rt.GetForwardingPipelineConfigRequest(device_id=1))
    assert after == before


def test_a_register_has_a_type() -> None:
    info = copy.deepcopy(p4info("externs"))
    info.registers[0].ClearField("type_spec")
    with pytest.raises(Refused, match=r"p4info: register '.*' has no type"):
        join(info, load_program((COMPILED / "externs.json").read_bytes()))


def test_a_message_with_endless_names_is_cut() -> None:
    refused = Refused(Code.INVALID_ARGUMENT, "table 'é" + "é" * 9000)
    assert refused.message == str(refused) == "table '" + "é" * 492 + "…"
