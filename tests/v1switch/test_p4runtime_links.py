"""Watch ports on real interfaces."""

import contextlib
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.switch.harness import Sandbox, SandboxError, namespaces_allowed, poll
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_targets import V1SWITCH, Target
from tests.v1switch.p4runtime_own import frame
from tests.v1switch.p4runtime_zoo import Zoo

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(
        not namespaces_allowed(), reason="neither root nor allowed to make user namespaces"
    ),
]

FLOWS = [frame(address=n * 0x01010101) for n in range(32)]


@pytest.fixture
def switch() -> Iterator[tuple[Sandbox, Zoo]]:
    with (
        Sandbox(ports=3) as sandbox,
        Target(V1SWITCH, sandbox) as target,
        SwitchClient(target.address) as client,
    ):
        zoo = Zoo(client, V1SWITCH)
        zoo.load()
        yield sandbox, zoo


def watched_group(zoo: Zoo, *ports: int):
    """Return members that send to these ports, and a group whose members watch them."""
    group = zoo.group(7, *((port, 1) for port in ports))
    for member, port in zip(group.action_profile_group.members, ports, strict=True):
        member.watch_port = bytes([port])
    return [zoo.member(port, port) for port in ports], group


def spread(sandbox: Sandbox) -> dict[int, int]:
    """How many frames of many flows come out of each port."""
    sandbox.drain()
    sandbox.port(1).send(*FLOWS)
    found: Counter[int] = Counter()

    def all_out() -> bool:
        found.update({port: len(frames) for port, frames in sandbox.drain().items()})
        return found.total() >= len(FLOWS)

    with contextlib.suppress(SandboxError):  # frames into a link that is down do not come
        poll(all_out, "the frames", 0.5)
    return dict(found)


def test_a_link_that_goes_down_takes_its_members_out_of_selection(switch):
    sandbox, zoo = switch
    members, group = watched_group(zoo, 2, 3)
    zoo.insert(*members)
    assert zoo.insert(group) == ["OK"]
    assert zoo.insert(zoo.selected(0, group=7)) == ["OK"]
    assert set(spread(sandbox)) == {2, 3}
    sandbox.ip("link", "set", "sw3", "down")
    poll(lambda: spread(sandbox) == {2: len(FLOWS)}, "all flows leave by port 2")
    sandbox.ip("link", "set", "sw3", "up")
    poll(lambda: set(spread(sandbox)) == {2, 3}, "port 3 is used again")


def test_a_port_without_an_interface_cannot_be_watched(switch):
    _, zoo = switch
    members, group = watched_group(zoo, 2, 9)
    zoo.insert(*members)
    assert zoo.insert(group) == ["INVALID_ARGUMENT"]
