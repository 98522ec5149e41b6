"""Egress queues on interfaces: a slow link behind a port, as Mininet's TCLink makes it."""

import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.switch.harness import Sandbox, SandboxError, namespaces_allowed, poll
from tests.switch.harness_targets import installed
from tests.v1switch.queueing import Shown, showing
from v1switch.io.counters import Counters
from v1switch.p4runtime import interfaces

SLOW, FAST = 2, 3  # ports
THRIFT_PORT = "19091"
FRAMES, SIZE = 800, 1412  # more than fit into send buffer, output and queue
pytestmark = pytest.mark.skipif(not namespaces_allowed(), reason="no namespaces")


class Switch:
    """A switch that runs `showing` behind a limited link at port 2."""

    def __init__(self, sandbox: Sandbox, name: str, entries: str = "") -> None:
        self.sandbox = sandbox
        self.socket = sandbox.directory / "p4rt.sock"
        program, commands = sandbox.directory / "prog.json", sandbox.directory / "entries.txt"
        program.write_text(json.dumps(showing()))
        commands.write_text(entries)
        ports = [word for n in sandbox.numbers for word in ("-i", f"{n}@{sandbox.ifname(n)}")]
        own = ["simple_switch_grpc", "--thrift-port", THRIFT_PORT]
        if name != "bmv2":
            own = [sys.executable, "-m", "v1switch", "--engine", name, "--entries", str(commands)]
            own += ["--log-console", "-L", "info"]
        target = ["--", "--grpc-server-addr", f"unix:{self.socket}", "--priority-queues", "4"]
        self.output = sandbox.directory / "out"
        self.pid = sandbox.start([*own, *ports, str(program), *target], self.output)

    def counters(self) -> Counters:
        with grpc.insecure_channel(f"unix:{self.socket}") as channel:
            return interfaces.get(channel, 5.0)

    def send(self, *asked: Shown, size: int = SIZE) -> None:
        self.sandbox.port(1).send(*(each.frame(size) for each in asked))

    def now(self, port: int, number: int) -> list[Shown]:
        """What has arrived of a number."""
        found = map(Shown.of, self.sandbox.port(port).drain())
        return [each for each in found if each.number == number]

    def received(self, port: int, wanted: int) -> list[Shown]:
        """Wait for so many frames."""
        found: list[bytes] = []

        def complete() -> bool:
            found.extend(self.sandbox.port(port).drain())
            return len(found) >= wanted

        poll(complete, f"{wanted} frames leave port {port}")
        return [Shown.of(frame) for frame in found]

    def all_received(self, port: int) -> list[Shown]:
        """What arrives until nothing does any more."""
        found = self.received(port, 1)
        with contextlib.suppress(SandboxError):
            while True:
                found.append(Shown.of(self.sandbox.port(port).receive(0.3)))
        return found


@contextlib.contextmanager
def running(name: str, *qdisc: str, entries: str = "") -> Iterator[Switch]:
    """Start a switch, with a qdisc at its port 2."""
    if name == "bmv2" and not installed("bmv2"):
        pytest.skip("no simple_switch_grpc")
    with Sandbox(ports=3) as sandbox:
        if qdisc:
            ifname = sandbox.ifname(SLOW)
            words = ["tc", "qdisc", "add", "dev", ifname, "root", *qdisc]
            assert sandbox.wait(sandbox.start(words, Path("/dev/null"))) == 0
        switch = Switch(sandbox, name, entries)
        last = Shown(0, FAST, 0)

        def answers() -> bool:
            switch.send(last)
            return bool(sandbox.port(FAST).drain())

        poll(answers, "it forwards", 60.0)
        poll(lambda: not sandbox.port(FAST).drain(), "all is forwarded")
        if name == "bmv2" and entries:
            typed = (
                f"simple_switch_CLI --thrift-port {THRIFT_PORT} < {sandbox.directory}/entries.txt"
            )
            assert sandbox.wait(sandbox.start(["sh", "-c", typed], Path("/dev/null"))) == 0
        yield switch
        sandbox.signal(switch.pid, signal.SIGINT)
        sandbox.wait(switch.pid)


TBF = ("tbf", "rate", "4mbit", "burst", "3000", "latency", "20s")


@pytest.mark.parametrize("name", ["python", "native", "bmv2"])
def test_a_slow_link_fills_the_queue_of_its_port(name: str) -> None:
    """The interface's buffer, the port's output, then the queue; what comes after is dropped."""
    with running(name, *TBF) as switch:
        switch.send(*(Shown(n, SLOW, 0) for n in range(FRAMES)))
        if name != "bmv2":
            switch.send(Shown(9, FAST, 0))
            passed = poll(lambda: switch.now(FAST, 9), "a frame leaves while port 2 is full")
            assert [(each.depth, each.wait) for each in passed] == [(0, 0)]
        seen = switch.all_received(SLOW)
        numbers = [each.number for each in seen]
        assert numbers == sorted(numbers)
        assert 100 <= len(seen) < FRAMES
        assert 50 < max(each.depth for each in seen) <= 64
        assert max(each.wait for each in seen) > 1000  # us
        if name == "bmv2":
            return
        assert seen[0].depth == seen[0].wait == 0
        assert max(each.depth for each in seen) == 63
        slow = switch.counters().interfaces[1]
        assert slow.dropped > 0
        assert slow.sent + slow.dropped == FRAMES
        assert slow.sent == len(seen)
        assert slow.refused == 0
        wanted = (
            f"port 2 ({switch.sandbox.ifname(2)}): the queue of priority 0 is full (64 packets)"
        )
        assert wanted in switch.output.read_text()


@pytest.mark.parametrize("name", ["python", "native"])
def test_a_high_priority_leaves_before_a_low_one(name: str) -> None:
    """Both queues are full behind a slow link: the last 64 frames are of the lower priority."""
    with running(name, *TBF) as switch:
        switch.send(*(Shown(n, SLOW, 3 * (n % 2)) for n in range(FRAMES)))
        seen = switch.all_received(SLOW)
        assert [each.priority for each in seen[-60:]] == [0] * 60
        assert max(each.depth for each in seen if each.priority == 3) == 63
        assert all(each.qid == each.priority for each in seen)
        for priority in (0, 3):
            numbers = [each.number for each in seen if each.priority == priority]
            assert numbers == sorted(numbers)


@pytest.mark.parametrize("name", ["python", "native"])
def test_a_full_kernel_queue_refuses(name: str) -> None:
    """ENOBUFS: no interface says when that is over, so the frame is lost, as with BMv2."""
    with running(name, *TBF[:5], "limit", "15000") as switch:
        switch.send(*(Shown(n, SLOW, 0) for n in range(40)))
        switch.received(SLOW, 10)
        counted = poll(lambda: (c := switch.counters().interfaces[1]).refused and c, "refused")
        assert counted.dropped == 0
        assert counted.sent + counted.refused == 40


@pytest.mark.parametrize("name", ["python", "native", "bmv2"])
def test_rates_and_priorities_of_an_entry_file(name: str) -> None:
    """A burst of 200 for each priority: what a depth allows waits, 200 a second leave a queue."""
    with running(name, entries="set_queue_rate 200 2\nset_queue_depth 15 2 1\n") as switch:
        switch.send(*(Shown(n, SLOW, 1 + n % 2) for n in range(400)))
        seen = switch.all_received(SLOW)
        first, second = ([s for s in seen if s.priority == p] for p in (1, 2))
        for queue, depth in ((first, 15), (second, 64)):
            numbers = [each.number for each in queue]
            assert numbers == sorted(numbers)
            assert depth < len(queue) < 200
            assert max(each.depth for each in queue) == depth - 1
            assert max(each.wait for each in queue) > (depth - 1) * 5_000  # us
        assert {each.qid for each in first} == {1}
        if name != "bmv2":
            assert switch.counters().interfaces[1].dropped == 400 - len(seen)
