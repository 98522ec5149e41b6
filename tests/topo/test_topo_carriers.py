"""A network is up when its links carry frames, which the kernel sees to a little later."""

from collections import Counter

import pytest

from topo.daemon.carriers import wait_running
from topo.daemon.wiring import Port
from topo.errors import StartFailed
from topo.system.interfaces import Interface

PORTS = [Port("s1", "s1-eth1", "02:fc:00:01:00:01", 1600), Port("m1", "eth0", "02:00:01", 1600)]


def interface(*, is_running: bool) -> Interface:
    return Interface(2, True, is_running, 1600, "02:00:01", None)


def test_each_end_is_waited_for() -> None:
    looks: Counter[str] = Counter()

    def look(port: Port) -> Interface | None:
        looks[port.node] += 1
        late = port.node == "m1" and looks["m1"] < 4
        return None if late and looks["m1"] == 1 else interface(is_running=not late)

    wait_running(PORTS, look, 60, lambda: True)
    assert looks == {"s1": 1, "m1": 4}


def test_an_end_without_a_carrier_is_named() -> None:
    with pytest.raises(StartFailed, match="m1: eth0 has no carrier after 0 s"):
        wait_running(PORTS, lambda port: interface(is_running=port.node == "s1"), 0, lambda: True)


def test_nobody_waits_for_a_network_that_nobody_wants() -> None:
    with pytest.raises(StartFailed, match="nobody is waiting"):
        wait_running(PORTS, lambda _: None, 60, lambda: False)
