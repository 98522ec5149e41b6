"""One program on two switches: v1switch in this process, BMv2 in a sandbox."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.switch.harness import Sandbox, poll
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_targets import BMV2, Target
from tests.v1switch.both import Both, both
from v1switch.control.dataplane import Dataplane
from v1switch.state.entries import CloneSession, MulticastGroup, Replica

COMPILED = Path(__file__).with_name("programs") / "compiled"
PORTS = 4

Out = dict[int, list[bytes]]


def loaded(name: str, **options: object) -> Both:
    """A data plane that runs one of the test programs on both engines."""
    return both(COMPILED / f"{name}.json", **options)


def by_port(frames: list[tuple[int, bytes]]) -> Out:
    """Frames by port, in order, as far as the port exists."""
    found: Out = {}
    for port, frame in frames:
        if 1 <= port <= PORTS:
            found.setdefault(port, []).append(frame)
    return found


class Twin:
    """Both switches; `exchange` sends a frame to both."""

    def __init__(self, ours: Dataplane, sandbox: Sandbox, client: SwitchClient) -> None:
        self.ours = ours
        self.sandbox = sandbox
        self.client = client

    def multicast_group(self, number: int, replicas: list[tuple[int, int]]) -> None:
        """Write the same multicast group of (port, instance)."""
        made = tuple(Replica(*r) for r in replicas)
        self.ours.insert_multicast_group(MulticastGroup(number, made))
        self.client.multicast_group(number, replicas)

    def clone_session(self, number: int, replicas: list[tuple[int, int]]) -> None:
        """Write the same clone session to both."""
        made = tuple(Replica(*r) for r in replicas)
        self.ours.insert_clone_session(CloneSession(number, made))
        self.client.clone_session(number, replicas)

    def exchange(self, port: int, frame: bytes) -> tuple[Out, Out]:
        """What comes out of v1switch and of BMv2, by port, for one frame into `port`."""
        ours = by_port(self.ours.process(port, frame))
        expected = sum(map(len, ours.values()))
        theirs: Out = {}
        self.sandbox.port(port).send(frame)

        def all_there() -> bool:
            for number, frames in self.sandbox.drain().items():
                theirs.setdefault(number, []).extend(frames)
            return sum(map(len, theirs.values())) >= expected

        with contextlib.suppress(Exception):  # the comparison that follows reports what is missing
            poll(all_there, f"{expected} frames", 3.0)
        return ours, theirs


@contextlib.contextmanager
def twins(name: str) -> Iterator[Twin]:
    """Run one test program on both switches."""
    with (
        Sandbox(ports=PORTS) as sandbox,
        Target(BMV2, sandbox) as target,
        SwitchClient(target.address) as client,
    ):
        client.load(COMPILED / f"{name}.p4info.txtpb", COMPILED / f"{name}.json")
        sandbox.drain()
        yield Twin(loaded(name), sandbox, client)
