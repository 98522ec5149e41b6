"""The controller on a leaf-spine network: links and switches that fail, and its own end."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from falcon_ctl.p4rt.client import Client
from tests.failover.control import Control, Observer, control
from tests.failover.stream import Stream
from tests.topo.driver import Topo, network_up, until
from topo.client.execution import Execution
from topo.client.network import Network

pytestmark = [
    pytest.mark.network,
    pytest.mark.timeout(180),
    pytest.mark.xdist_group("failover"),
]
SOURCE, TARGET = "red1-1", "red2-1"  # on m1 at leaf1, on m2 at leaf2
UPLINKS = (2, 3)  # of a leaf: to spine1, to spine2


@pytest.fixture(scope="module")
def topo() -> Iterator[Topo]:
    with network_up("leafspine", "--switch", "v1switch") as topo:
        yield topo


@pytest.fixture(scope="module")
def network(topo: Topo) -> Iterator[Network]:
    with topo.network() as network:
        yield network


@pytest.fixture(scope="module")
def controller(topo: Topo) -> Iterator[Control]:
    with control(topo.run_dir) as running:
        yield running


@pytest.fixture(scope="module")
def successor(topo: Topo) -> Iterator[Control]:
    """The controller after `controller`."""
    with control(topo.run_dir) as running:
        yield running


@pytest.fixture(scope="module")
def revived() -> Iterator[list[Execution]]:
    """Programs that tests started in nodes and leave running."""
    programs: list[Execution] = []
    yield programs
    for program in programs:
        program.close()


@pytest.fixture
def observer(network: Network) -> Iterator[Observer]:
    with Observer(network) as observer:
        yield observer


def ip(network: Network, node: str, *arguments: str) -> None:
    network.exec(node, ["ip", *arguments], check=True)


def still(observer: Observer, spine: str) -> bool:
    """No frame of the stream comes to a spine any more."""
    before = observer.packets(spine, "port_rx", (1, 2))
    time.sleep(0.2)  # some 80 frames
    return observer.packets(spine, "port_rx", (1, 2)) == before


def arrives(stream: Stream) -> None:
    """Wait until whatever is sent from now on arrives."""
    now = time.monotonic()
    until(lambda: stream.reaches(now), 30.0)


def moved(stream: Stream, observer: Observer, spine: str) -> None:
    """Wait until the whole stream arrives without passing `spine`."""
    arrives(stream)
    assert still(observer, spine)


def shared(stream: Stream, observer: Observer) -> None:
    """Wait until the whole stream arrives, over both spines."""
    arrives(stream)
    until(lambda: not still(observer, "spine1") and not still(observer, "spine2"), 30.0)


@pytest.mark.parametrize(("node", "port"), [("leaf1", 2), ("spine1", 2)])
def test_traffic_moves_around_a_link_that_is_down_and_back(
    network: Network, controller: Control, observer: Observer, node: str, port: int
) -> None:
    interface, seen = f"{node}-eth{port}", len(controller.lines)
    with Stream(network, SOURCE, TARGET) as stream:
        shared(stream, observer)
        learned = observer.learned("leaf2")
        ip(network, node, "link", "set", interface, "down")
        seen = controller.says(rf"down: .*{node}:{port}", seen)
        moved(stream, observer, "spine1")
        ip(network, node, "link", "set", interface, "up")
        controller.says("everything is up", seen)
        shared(stream, observer)
    assert stream.copies == 0
    assert learned  # of both containers, and none is learned anew
    assert observer.learned("leaf2") == learned
    assert conserved(observer)


def conserved(observer: Observer) -> bool:
    """What reached leaf2 from the spines was delivered to its machine, and nothing was dropped."""
    received = observer.packets("leaf2", "port_rx", UPLINKS)
    return received == observer.packets("leaf2", "port_tx", [1]) and not observer.drops("leaf2")


def test_a_killed_switch_is_left_out_and_provisioned_anew_when_it_is_back(
    topo: Topo, network: Network, controller: Control, observer: Observer, revived: list[Execution]
) -> None:
    pid, seen = network.switches["spine1"].pid, len(controller.lines)
    argv = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    with Stream(network, SOURCE, TARGET) as stream:
        shared(stream, observer)
        os.kill(pid, signal.SIGKILL)
        seen = controller.says("down: switch spine1", seen)
        arrives(stream)
        revived.append(network.start("spine1", argv, cwd=str(topo.run_dir)))
        controller.says(r"everything is up; .*spine1 \(loaded\)", seen)
        shared(stream, observer)
    assert stream.copies == 0


def test_a_controller_that_is_killed_takes_over_what_it_finds_and_no_frame_is_lost(
    request: pytest.FixtureRequest, network: Network, controller: Control, observer: Observer
) -> None:
    with Stream(network, SOURCE, TARGET) as stream:
        arrives(stream)
        began, learned = time.monotonic(), observer.learned("leaf2")
        controller.end(signal.SIGKILL)
        first = request.getfixturevalue("successor").lines[1]  # behind what it keeps
        assert "; 0 updates on 0 switches" in first
        assert first.count("(entries kept)") == len(network.spec.switches)
        arrives(stream)
        assert observer.learned("leaf2") == learned
    assert not [n for n, at in stream.sent.items() if at > began and n not in stream.received]


def test_a_controller_that_takes_over_is_named(network: Network, successor: Control) -> None:
    info = network.switches["leaf1"]
    number = 1 << 64  # which the switch remembers after its holder has left
    with closing(Client("leaf1", info.grpc_address, info.device_id, number)):
        assert successor.end(0) == 1
    assert "falcon_ctl: switch leaf1: another controller took over (" in successor.lines[-1]


def test_traffic_moves_around_a_deleted_link_and_the_end_of_the_network_is_named(
    topo: Topo, network: Network, observer: Observer
) -> None:
    with control(topo.run_dir) as running:
        assert running.lines[1].count("(entries kept)") == len(network.spec.switches)
        with Stream(network, SOURCE, TARGET) as stream:
            shared(stream, observer)
            ip(network, "spine1", "link", "del", "spine1-eth1")
            running.says("down: leaf1:2 - spine1:1", 1)
            moved(stream, observer, "spine1")
        topo("down")
        assert running.end(0) == 1  # by itself
        assert running.lines[-1] == "falcon_ctl: topo daemon: the network went down"
