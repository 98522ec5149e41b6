"""Decisions of the controller that stays, on switches without interfaces and links that we set."""

import os
import threading
from types import SimpleNamespace

import grpc
import pytest

from falcon_ctl.errors import PartFailed, SwitchError
from falcon_ctl.live import controller, failover
from falcon_ctl.live.failover import Change, Failover
from falcon_ctl.p4rt.client import Client
from falcon_ctl.p4rt.entities import Call, Entry
from falcon_ctl.systems.catalogue import OVERLAY
from tests.falcon_ctl.test_ctl_readback import TOPOLOGY, Switches
from tests.topo.driver import until

INSERT = 1  # p4.v1.Update.INSERT
LINK = next(link for link in TOPOLOGY.links if "spine1" in str(link))


class Links:
    """In place of those of the kernel."""

    def __init__(self, network, selector):
        self.down = network.down

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def watch(self, switch):
        pass


class Running:
    """A controller in a thread; `changes` is what it told, `error` with what it ended."""

    def __init__(self, switches, down=frozenset()):
        self.changes: list[Change] = []
        self.error = None
        network = SimpleNamespace(
            spec=TOPOLOGY, switches=switches.infos, daemon_pid=os.getpid(), down=down
        )
        self.failover = Failover(network, OVERLAY, self.changes.append)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            self.failover.run()
        except PartFailed as error:
            self.error = error

    def __enter__(self):
        self.failover.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self.failover.end()
        self._thread.join(60)
        self.failover.__exit__()

    def told(self, number):
        return until(lambda: len(self.changes) >= number and self.changes[number - 1])


@pytest.fixture
def switches(tmp_path, monkeypatch):
    monkeypatch.setattr(failover, "Links", Links)
    made = Switches(tmp_path)
    yield made
    made.close()


def test_a_link_that_goes_down_and_a_switch_that_ends_are_routed_around(switches):
    with Running(switches) as running:
        assert str(running.told(1)).startswith("everything is up; ")
        running.failover._links.down = frozenset([LINK])
        running.failover._awake()
        change = running.told(2)
        assert str(change.outage) == str(LINK.a) + " - " + str(LINK.b)
        assert 0 < sum(change.updates.values()) < 40
        running.failover._links.down = frozenset()
        running.failover._awake()
        assert str(running.told(3)).startswith("everything is up; ")
        switches.handles["spine1"].stop()
        assert str(running.told(4).outage) == "switch spine1"
        switches.restart("spine1")
        assert "connected: spine1 (loaded)" in str(running.told(5))


def test_what_is_down_at_the_start_is_routed_around_from_the_start(switches):
    switches.handles["spine2"].stop()
    with Running(switches, frozenset([LINK])) as running:
        outage = running.told(1).outage
        assert (outage.switches, outage.links) == (frozenset(["spine2"]), frozenset([LINK]))


def test_a_switch_that_refuses_a_write_is_read_again_and_not_routed_around(switches, monkeypatch):
    wrong = Entry.of("tenant_acl", Call.of("deny"), priority=7, vni=(5001, 0xFFFFFF))
    with Running(switches) as running:
        running.told(1)
        # An entry that the controller does not know of, and inserts once more.
        running.failover.controller.switches["leaf1"]._write([[(INSERT, wrong)]])
        real = failover.Controller.wanted

        def wanted(self, system, outage):
            found = real(self, system, outage)
            return found | {"leaf1": [*found["leaf1"], wrong]}

        monkeypatch.setattr(failover.Controller, "wanted", wanted)
        running.failover._links.down = frozenset([LINK])
        running.failover._awake()
        change = running.told(2)
        assert change.outage.switches == frozenset()
        (failure,) = change.failed
        assert failure.startswith("switch leaf1: ALREADY_EXISTS")
        assert running.failover.controller.switches["leaf1"].client.is_alive


def test_a_switch_that_refuses_for_good_ends_it_by_name(switches, monkeypatch):
    def refuse(switch, entities):
        raise SwitchError("leaf1", grpc.StatusCode.RESOURCE_EXHAUSTED, "full")

    with Running(switches) as running:
        running.told(1)
        monkeypatch.setattr(controller, "_apply", refuse)
        monkeypatch.setattr(failover, "_TRIES", 2)
        running.failover._links.down = frozenset([LINK])
        running.failover._awake()
        error = until(lambda: running.error, 60.0)
        assert str(error) == "switch leaf1: RESOURCE_EXHAUSTED: full"


def test_a_session_that_cannot_learn_any_more_is_opened_again(switches):
    with Running(switches) as running:
        running.told(1)
        old = running.failover.controller.switches["leaf1"]
        old.learning_error = SwitchError("leaf1", grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        running.failover._awake()
        until(lambda: running.failover.controller.switches.get("leaf1", old) is not old)
        assert len(running.changes) == 1


def test_another_controller_that_takes_over_ends_it(switches):
    with Running(switches) as running:
        running.told(1)
        info = switches.infos["leaf2"]
        rival = Client("leaf2", info.grpc_address, info.device_id, 1 << 64)
        error = until(lambda: running.error)
        assert str(error).startswith("switch leaf2: another controller took over (")
        rival.close()
