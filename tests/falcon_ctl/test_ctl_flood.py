"""A container that floods source addresses, while another tenant's steps of the main job run."""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from p4.v1 import p4runtime_pb2

from falcon_ctl.intent.learning import UNKNOWN_STATIONS
from falcon_ctl.live import reach
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.systems.catalogue import OFFLOAD, OVERLAY
from tests.topo.driver import Topo, network_up, until

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]
FLOODER, UNKNOWN = "red1-1", bytes.fromhex("02ee00000001")
ENOUGH = 20_000  # more addresses than smac has entries (16,384)


class Flood:
    """Sends frames with a new source address each, until it is told to stop."""

    def __init__(self, testbed: Testbed) -> None:
        self.sent = 0
        self._stop = threading.Event()
        self._socket = testbed.sender(FLOODER)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Flood":  # noqa: PYI034  # Self needs Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stop.wait(0.002):
            for _ in range(20):
                self.sent += 1
                source = b"\x02\xdd" + self.sent.to_bytes(4, "big")
                self._socket.send(UNKNOWN + source + b"\x90\x00" + bytes(46))


@pytest.fixture(scope="module")
def pair() -> Iterator[Topo]:
    with network_up("pair", "--switch", "v1switch") as topo:
        yield topo


def held(testbed: Testbed) -> Counter[int]:
    """VNI → entries of smac in the switch."""
    switch = testbed.controller.switches["s1"]
    wanted = p4runtime_pb2.Entity()
    wanted.table_entry.table_id = switch.schema.table("smac").id
    entries = (entity.table_entry for entity in switch.client.read([wanted]))
    return Counter(int.from_bytes(entry.match[0].exact.value, "big") for entry in entries)


def test_a_flood_of_addresses_in_one_tenant_spoils_no_other_tenants_run(pair: Topo) -> None:
    with pair.network() as network, Testbed.open(network) as testbed, Flood(testbed) as flood:
        topology, controller = network.spec, testbed.controller
        red, blue = (tenant.vni for tenant in topology.tenants)
        own = {c.name for c in topology.containers if c.tenant == "blue"}
        wanted = {(blue, c.mac) for c in topology.containers if c.name in own}
        controller.push_pipelines()
        testbed.use(OVERLAY, 1000)
        for system in (OVERLAY, OFFLOAD, OVERLAY):
            controller.use(system)
            answered = reach.ping_all(testbed, 20.0)
            assert all(ok for pair, ok in answered.items() if pair[0] in own), system.name
        until(lambda: flood.sent > ENOUGH, 60.0)
        until(lambda: wanted <= controller.learned["s1"])
        found = held(testbed)
        assert found[blue] == len(own)
        assert (
            0 < found[red] <= UNKNOWN_STATIONS + len(own)
        )  # a batch may be half done when it is read
        assert controller.use(OFFLOAD) > 0  # raises when learning failed
        unknown = [s for s in controller.unknown_stations if s.vni == red]
        assert len(unknown) == UNKNOWN_STATIONS
