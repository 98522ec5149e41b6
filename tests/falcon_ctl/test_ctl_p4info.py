"""The intent against the p4info that the switches really get: every name, width and kind fits."""

import re

import pytest

from falcon_ctl.errors import UsageError
from falcon_ctl.intent.learning import Sighting
from falcon_ctl.intent.network import LEARN, intent
from falcon_ctl.live.accounting import DROP_COUNTERS, PORT_RX, REASONS
from falcon_ctl.p4rt.schema import Schema
from falcon_ctl.program import P4INFO
from falcon_ctl.systems.catalogue import SYSTEMS
from topo.spec.builders import leafspine, pair


@pytest.fixture(scope="module")
def schema():
    return Schema.load(P4INFO)


@pytest.mark.parametrize("topology", [pair(), leafspine(machines=2)], ids=lambda t: t.name)
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.name)
def test_every_entity_of_the_intent_fits_the_program(schema, topology, system):
    switches = intent(topology, system)
    assert switches.keys() == {switch.name for switch in topology.switches}
    for entities in switches.values():
        assert entities
        keys = [entity.key for entity in entities]
        assert len(set(keys)) == len(keys)
        for entity in entities:
            assert entity.message(schema).WhichOneof("entity")


def test_learning_and_counters_fit_the_program(schema):
    assert Sighting(5001, 0x02DEADBEEF01, 1, 0).entry().message(schema).HasField("table_entry")
    assert schema.digest_name(schema.digest(LEARN)) == LEARN
    names = [*DROP_COUNTERS, PORT_RX]
    assert names
    assert len({schema.counter(name) for name in names}) == len(names)


def test_drop_reasons_are_those_of_the_program():
    text = (P4INFO.parents[1] / "include" / "constants.p4").read_text()
    block = re.search(r"enum bit<8> DropReason \{(.*?)\}", text, re.DOTALL)
    assert block
    declared = re.findall(r"^\s*(\w+)\s*=\s*(\d+)", block[1], re.MULTILINE)
    assert [(name, int(code)) for name, code in declared] == [
        (reason, code) for code, reason in enumerate(REASONS)
    ]


def test_a_missing_or_broken_p4info_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none.txtpb: No such file"):
        Schema.load(tmp_path / "none.txtpb")
    (tmp_path / "bad.txtpb").write_text("tables { nonsense")
    with pytest.raises(UsageError, match=r"bad.txtpb"):
        Schema.load(tmp_path / "bad.txtpb")
