"""Counters of the switch on real interfaces, while frames are sent at full speed."""

from collections.abc import Iterator

import pytest

from tests.p4.world import M1, M2, MAC, RED, World, from_m1, inner
from tests.switch.harness import Sandbox, namespaces_allowed, poll
from tests.switch.harness_client import Count, SwitchClient
from tests.switch.harness_targets import V1SWITCH, Target

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(
        not namespaces_allowed(), reason="neither root nor allowed to make user namespaces"
    ),
]

CHUNK = 16  # frames between two reads of the output: the receiver's buffer is small


@pytest.fixture
def world() -> Iterator[World]:
    with (
        Sandbox(ports=4) as sandbox,
        Target(V1SWITCH, sandbox, log_level="off") as target,
        SwitchClient(target.address) as client,
    ):
        made = World(V1SWITCH, sandbox, client)
        made.populate()
        sandbox.drain()
        yield made


def rushed(world: World, frame: bytes, number: int) -> list[bytes]:
    """Send frames without waiting for any; return all frames that come out."""
    source, sink = world.sandbox.port(M1), world.sandbox.port(M2)
    out: list[bytes] = []
    for _ in range(0, number, CHUNK):
        source.send(*[frame] * CHUNK)
        out += sink.drain()

    def settled() -> bool:
        out.extend(sink.drain())
        return len(out) >= number

    poll(settled, f"{number} frames come out")
    return out


def test_every_frame_and_byte_is_counted_once(world: World) -> None:
    frame = from_m1(inner(1, MAC[2], 200), RED)
    number = 3_200
    out = rushed(world, frame, number)
    assert len(out) == number
    counted = Count(number, number * len(frame))  # v1model's counters take the length at ingress
    assert world.client.counter("port_rx", M1) == counted
    assert world.client.counter("port_tx", M2) == counted


def test_counters_that_are_read_meanwhile_lose_nothing(world: World) -> None:
    frame = from_m1(inner(1, MAC[2], 200), RED)
    number, seen = 64 * CHUNK, [0]
    for _ in range(0, number, CHUNK):
        world.sandbox.port(M1).send(*[frame] * CHUNK)
        seen.append(world.client.counter("port_tx", M2).packets)
        world.sandbox.drain()
    assert seen == sorted(seen)
    poll(lambda: world.client.counter("port_tx", M2).packets == number, "all are counted")
    assert world.client.counter("port_rx", M1).packets == number
