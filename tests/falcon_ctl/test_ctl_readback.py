"""A controller that takes over: what it reads is what was written, and only differences follow."""

import time

import pytest

from falcon_ctl.intent.learning import Sighting
from falcon_ctl.intent.network import intent
from falcon_ctl.intent.routes import Outage
from falcon_ctl.live.controller import Controller
from falcon_ctl.p4rt import readback
from falcon_ctl.p4rt.entities import Call, Entry
from falcon_ctl.p4rt.schema import Schema
from falcon_ctl.program import P4INFO
from falcon_ctl.systems.catalogue import LIVE, OFFLOAD, OVERLAY
from topo.protocol.status import SwitchInfo
from topo.spec.builders import leafspine
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.p4runtime.server import serve

SCHEMA = Schema.load(P4INFO)
TOPOLOGY = leafspine(machines=2)


@pytest.mark.parametrize("system", LIVE, ids=lambda s: s.name)
def test_an_entity_read_back_is_the_one_that_was_written(system):
    for entities in intent(TOPOLOGY, system).values():
        for entity in entities:
            assert readback.entity_of(entity.message(SCHEMA), SCHEMA) == readback.plain(entity)


class Switches:
    """v1switch, a server for each switch of the topology."""

    def __init__(self, folder):
        self.handles, self.infos = {}, {}
        for switch in TOPOLOGY.switches:
            address = f"unix:{folder}/{switch.name}.sock"
            self.infos[switch.name] = SwitchInfo(
                name=switch.name, grpc_address=address, device_id=switch.device_id,
                target="v1switch", version="", pid=0, log="", mac=switch.mac, ports={},
            )  # fmt: skip

            self.restart(switch.name)

    def restart(self, name):
        """Serve a switch without a program."""
        info = self.infos[name]
        plane = Dataplane(PythonEngine())
        self.handles[name] = serve(plane, info.grpc_address, info.device_id)

    def controller(self):
        controller = Controller(TOPOLOGY, self.infos)
        assert controller.connect_all() == {}
        return controller

    def close(self):
        for handle in self.handles.values():
            handle.stop()


@pytest.fixture(scope="module")
def switches(tmp_path_factory):
    made = Switches(tmp_path_factory.mktemp("p4rt"))
    yield made
    made.close()


def provisioned(controller):
    return {name: controller.provision(name) for name in controller.switches}


def test_a_second_controller_keeps_everything_and_writes_only_the_difference(switches):
    sighting = Sighting(TOPOLOGY.tenants[0].vni, 0x02DD00000001, 1, 0)
    with switches.controller() as first:
        assert set(provisioned(first).values()) == {False}
        assert first.use(OVERLAY) > 100
        first.switches["leaf1"]._write_learned([sighting.entry()], [])
    with switches.controller() as second:
        assert set(provisioned(second).values()) == {True}
        assert second.learned["leaf1"] == {(sighting.vni, sighting.mac_text)}
        assert [station.machine for station in second.unknown_stations] == ["m1"]
        added = 2  # the stranger is forwarded by both leaves from now on
        assert second.use(OVERLAY) == added
        assert second.use(OVERLAY) == 0
        assert second.use(OFFLOAD) == len(TOPOLOGY.machines)  # vtep_mode
    with switches.controller() as third:
        provisioned(third)
        link = next(link for link in TOPOLOGY.links if "spine1" in str(link))
        updates = third.apply(
            third.wanted(OFFLOAD, Outage(links=frozenset([link]))), list(third.switches)
        )
        assert 0 < sum(updates.values()) < 40
        assert updates["spine2"] == 0


def test_what_a_stranger_wrote_is_removed(switches):
    with switches.controller() as first:
        provisioned(first)
        first.use(OVERLAY)
        switch = first.switches["leaf1"]
        deny = Entry.of("tenant_acl", Call.of("deny"), priority=7, vni=(5001, 0xFFFFFF))
        moved = Entry.of("vtep_mode", Call.of("decapsulate"), vtep="172.16.0.9")
        switch._write([[(1, deny), (1, moved)]])
        unknown = Sighting(77, 1, 1, 0).entry()  # of a tenant that does not exist
        switch._write_learned([unknown], [])
    with switches.controller() as second:
        provisioned(second)
        held = second.switches["leaf1"]
        assert second.use(OVERLAY) == 2
        left = [readback.entity_of(m, SCHEMA) for m in held.client.read(readback.requests(SCHEMA))]
        assert not {deny.key, moved.key, unknown.key} & {e.key for e in left if e}


def test_a_switch_with_another_program_is_loaded_anew(switches, tmp_path):
    other = tmp_path / "other.json"
    program = (P4INFO.parent / "falcon_vtep.json").read_text()
    other.write_text(program + " ")
    with switches.controller() as first:
        first.switches["spine1"].push_pipeline(P4INFO, other)
    with switches.controller() as second:
        kept = provisioned(second)
        assert {name for name, was in kept.items() if not was} == {"spine1"}


def test_a_rival_that_left_with_a_higher_election_id_locks_nobody_out(switches):
    from falcon_ctl.p4rt.client import Client

    info = switches.infos["spine2"]
    rival = Client("spine2", info.grpc_address, info.device_id, 1 << 64)
    assert rival.is_primary
    with switches.controller() as controller:
        assert not controller.switches["spine2"].client.is_primary
        assert "election id" in controller.switches["spine2"].client.holder
    rival.close()
    end = time.monotonic() + 60
    while True:
        with switches.controller() as controller:
            if controller.switches["spine2"].client.is_primary:
                return
        assert time.monotonic() < end
