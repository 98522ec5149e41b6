"""`use` on switches without interfaces and hosts without frames: what changes, and what not."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from falcon_ctl import lock
from falcon_ctl.errors import AlreadyRunning, PartFailed, UsageError
from falcon_ctl.p4rt.switch import Switch
from falcon_ctl.steering import entries, last_choice, restore, session, switches
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.control_socket import control_socket
from falcon_ctl.steering.session import HalfApplied, Session
from falcon_ctl.systems.catalogue import OVERLAY
from rxpath.config.knobs import Knobs
from rxpath.errors import ControlError
from rxpath.live.control import Server
from tests.falcon_ctl import test_ctl_failover
from tests.falcon_ctl.test_ctl_readback import TOPOLOGY, Switches
from topo.protocol.status import MachineInfo

MACHINES = [machine.name for machine in TOPOLOGY.machines]


class Agent:
    """The control socket of a host that keeps its knobs, or refuses others."""

    def __init__(self, folder, name):
        self.knobs = {**Knobs().to_dict(), "dilation": 1000, "late_budget_ns": 0}
        self.sets, self.refuses, self._ends = [], False, threading.Event()
        self.info = MachineInfo(
            name=name, control_socket=str(folder / f"rx-{name}.sock"), vtep="192.0.2.1",
            mac="02:00:00:00:00:01", uplink="up", uplink_ifindex=2, ifindexes={}, switch="leaf1",
            switch_port=1, pid=1, log="",
        )  # fmt: skip
        self._server = Server(folder / f"rx-{name}.sock", {"get": self.get, "set": self.set})
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def get(self, _params, _caller):
        return self.knobs

    def set(self, params, _caller):
        if self.refuses:
            raise ControlError("failed", "set", "out of order")
        self.sets.append(params)

    def _serve(self):
        while not self._ends.wait(0.005):
            self._server.serve()

    def close(self):
        self._ends.set()
        self._thread.join(60)
        self._server.close()


class Net:
    """A network of those, as `Network` has it."""

    def __init__(self, folder):
        self.run_dir, self.spec, self.daemon_pid, self.down = folder, TOPOLOGY, os.getpid(), ()
        self.made = Switches(folder)
        self.agents = {name: Agent(folder, name) for name in MACHINES}
        self.machines = {name: agent.info for name, agent in self.agents.items()}
        self.switches = self.made.infos
        self.graph = TOPOLOGY.graph()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    close = __exit__

    def status(self):
        parts = {"machines": self.machines, "switches": self.switches}
        return SimpleNamespace(**{kind: list(infos.values()) for kind, infos in parts.items()})

    def sets(self):
        return [len(agent.sets) for agent in self.agents.values()]

    def end(self):
        self.made.close()
        for agent in self.agents.values():
            agent.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    net = Net(tmp_path_factory.mktemp("use"))
    yield net
    net.end()


@pytest.fixture
def net(made, monkeypatch):
    monkeypatch.setattr(session, "Network", SimpleNamespace(connect=lambda _: made))
    monkeypatch.setattr(switches, "PATIENCE", 0.0)
    for agent in made.agents.values():
        agent.sets.clear()
        agent.refuses = False
    return made


@pytest.fixture
def steer(net):
    with Session.open(net) as steer:
        yield steer


def test_switches_get_programs_then_differences_and_hosts_their_knobs(net, steer):
    first = steer.use(Choice("falcon", threshold=60, dilation=200))
    assert sum(first.switches.values()) > 100
    assert steer.use(Choice("overlay")).switches == dict.fromkeys(first.switches, 0)
    assert sum(steer.use(Choice("offload")).switches.values()) == len(MACHINES)
    assert net.sets() == [3] * len(MACHINES)
    sets = net.agents["m1"].sets
    assert (sets[0]["falcon"]["threshold"], sets[0]["dilation"]) == (60, 200)
    assert (sets[1]["falcon"]["threshold"], sets[1]["dilation"]) == (80, 1000)
    assert sets[2]["profile"] == "offload"
    assert set(entries.describe(net, None).values()) == {"the entries of offload"}
    asked = entries.describe(net, Choice("overlay"))
    assert asked["leaf1"].endswith("offload; 2 updates away from what was asked for")


def test_what_was_chosen_is_run_again_after_a_run(net, steer):
    steer.use(Choice("offload"))
    with net.made.controller() as controller:
        for name in controller.switches:
            controller.provision(name)
        assert controller.use(OVERLAY) == len(MACHINES)
        assert restore.restore_choice(controller, net.run_dir) == len(MACHINES)


def test_switches_are_read_back_only_when_somebody_else_wrote(net, steer, monkeypatch):
    reads, adopt, everywhere = [], Switch.adopt, sorted(net.switches)

    def adopted(switch, table):
        reads.append(switch.name)
        return adopt(switch, table)

    def used(system):
        reads.clear()
        done = steer.use(Choice(system)).switches
        assert set(entries.describe(net, None).values()) == {f"the entries of {system}"}
        return done

    def read():  # `entries.describe` reads all, too
        return [name for name in everywhere if reads.count(name) == 2]

    monkeypatch.setattr(Switch, "adopt", adopted)
    used("host")
    assert sum(used("offload").values()) > len(MACHINES)
    assert read() == []
    with net.made.controller() as rival:
        for name in rival.switches:
            rival.provision(name)
        assert rival.use(OVERLAY) == len(MACHINES)
    assert sum(used("host").values()) > 0
    assert read() == everywhere
    used("host")  # asked for again: something may be wrong
    assert read() == everywhere
    net.made.handles["leaf1"].stop()
    net.made.restart("leaf1")
    assert used("overlay")["leaf1"] > 20
    assert read() == []  # nor is an empty one


def test_a_wrong_choice_changes_nothing(net, steer):
    steer.use(Choice("overlay"))
    with pytest.raises(UsageError, match="--falcon-cpus"):
        steer.use(Choice("host", falcon_cpus=(1, 77)))
    assert net.sets() == [1] * len(MACHINES)
    assert set(entries.describe(net, None).values()) == {"the entries of overlay"}
    assert last_choice.recall(net.run_dir).choice == Choice("overlay")


def test_a_host_that_fails_midway_is_told_apart_from_what_runs(net, steer):
    net.agents["m1"].refuses = True
    with pytest.raises(HalfApplied) as caught:
        steer.use(Choice("falcon"))
    assert list(caught.value.failed) == ["host m1"]
    assert set(caught.value.done) == {*net.switches, *MACHINES} - {"m1"}
    assert str(caught.value).startswith("host m1: out of order; ")
    assert str(caught.value).endswith("run falcon, host m1 what was there before")


def test_a_run_that_uses_the_network_is_not_disturbed(net, steer):
    with lock.exclusive(net.run_dir), pytest.raises(AlreadyRunning):
        steer.use(Choice("host"))
    assert net.sets() == [0] * len(MACHINES)


def test_a_host_that_is_gone_is_named_before_anything_changes(net, steer, monkeypatch):
    gone = net.machines["m1"].model_copy(update={"control_socket": f"{net.run_dir}/none.sock"})
    monkeypatch.setitem(net.machines, "m1", gone)
    with pytest.raises(PartFailed, match=r"none\.sock"):
        steer.use(Choice("host"))
    assert net.sets() == [0] * len(MACHINES)


@contextmanager
def controlled(net, monkeypatch):
    """`falcon_ctl control` in a thread."""
    monkeypatch.setattr(test_ctl_failover.failover, "Links", test_ctl_failover.Links)
    with lock.exclusive(net.run_dir):
        running = test_ctl_failover.Running(net.made)
        with running, control_socket(net.run_dir, running.failover):
            yield running


def test_a_control_that_runs_follows(net, steer, monkeypatch):
    steer.use(Choice("overlay"))
    with controlled(net, monkeypatch) as running:
        running.told(1)
        applied = steer.use(Choice("offload"))
        assert applied.by_control
        assert sum(applied.switches.values()) == len(MACHINES)
        assert running.failover.system.name == "offload"
    assert set(entries.describe(net, None).values()) == {"the entries of offload"}
    assert not steer.use(Choice("overlay")).by_control


def test_a_session_that_has_read_the_switches_only_writes(net, steer, monkeypatch):
    steer.use(Choice("host"))
    reads, adopt = [], Switch.adopt
    monkeypatch.setattr(
        Switch, "adopt", lambda switch, table: reads.append(switch.name) or adopt(switch, table)
    )
    with Session.open(net) as other:
        other.read_switches()
        assert sorted(reads) == sorted(net.switches)
        before = set(entries.describe(net, None).values())
        assert before == {"the entries of host"}
        reads.clear()
        assert sum(other.use(Choice("offload")).switches.values()) > 0
        assert reads == []
    assert set(entries.describe(net, None).values()) == {"the entries of offload"}
