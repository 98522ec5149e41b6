"""Packets that wait: what programs see, in plain Python and in machine code."""

import ctypes
from dataclasses import dataclass, field
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.v1switch.both import by_port
from tests.v1switch.corpus import CORPORA, vectors
from tests.v1switch.queueing import Shown, copying, showing_program
from tests.v1switch.twin import COMPILED
from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Engine, Frame, Prepared
from v1switch.engines.native.compile import loop_functions
from v1switch.engines.native.engine import Native, NativeEngine
from v1switch.engines.native.output import NODE_LEFT, NODE_VALUES
from v1switch.engines.python.engine import PythonEngine
from v1switch.program import load_file
from v1switch.state.entries import CloneSession, MulticastGroup, Replica
from v1switch.state.program_state import State
from v1switch.state.queues import Leaving

US, MS, SECOND = 1_000, 1_000_000, 1_000_000_000
QUEUES = 3
REPLICAS = (Replica(1, 0), Replica(2, 1), Replica(1, 2), Replica(3, 0))
ENGINES = {
    "python": PythonEngine,
    "native": lambda: NativeEngine(PythonEngine()),
    "loop": lambda: NativeEngine(PythonEngine()),  # machine code takes packets out of queues, too
}


@cache
def prepared(engine: str, copies: bool) -> Prepared:
    made: Engine = ENGINES[engine]()
    return made.prepare(copying() if copies else showing_program())


@dataclass
class World:
    """A switch with a clock that only tests move."""

    engine: str
    copies: bool = False
    now: int = 0
    left: list[tuple[int, Frame]] = field(default_factory=list)  # times and frames

    def __post_init__(self) -> None:
        made: Engine = ENGINES[self.engine]()
        self.plane = Dataplane(made, priority_queues=QUEUES, clock=lambda: self.now)
        self.plane.commit(prepared(self.engine, self.copies))
        self.plane.state.random.words[0] = 1
        for number, replicas in ((1, REPLICAS), (2, REPLICAS[:2])):
            self.plane.insert_multicast_group(MulticastGroup(number, replicas))
            self.plane.insert_clone_session(CloneSession(number, replicas[1:]))

    def send(self, frame: bytes) -> None:
        self.left += [(self.now, out) for out in self.plane.process(5, frame, self.now)]

    def wait(self, ns: int | None) -> None:
        """Let time pass; None: until nothing waits any more."""
        until = None if ns is None else self.now + ns
        while (due := self._next_release()) is not None and (until is None or due <= until):
            self.now = max(self.now, due)
            self.left += [(self.now, out) for out in self._release() or ()]
        self.now = self.now if until is None else until

    def _next_release(self) -> int | None:
        due = self.plane.next_release()
        assert loop_functions()["next_due"](self.plane.queues.address) == (
            -1 if due is None else due
        )
        return due

    def _release(self) -> list[Frame] | None:
        """What leaves by the packet whose turn it is."""
        native, queues = self.plane.forwarder, self.plane.queues
        if self.engine != "loop":
            return self.plane.release(self.now)
        assert isinstance(native, Native)
        native.refresh()
        at = loop_functions()["take"](queues.address, self.now, native.number)
        if at == -1:  # not its own
            return self.plane.release(self.now)
        node = (ctypes.c_int64 * NODE_VALUES).from_address(at)
        return native.resume(Leaving(native.number, at, 0, 0, node[NODE_LEFT]), self.now)

    def shown(self) -> list[tuple[int, Shown]]:
        return [(time, Shown.of(frame)) for time, (_, frame) in self.left]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_packet_that_does_not_wait_meets_no_queue(engine: str) -> None:
    world = World(engine, now=77 * US)
    world.plane.started = 0
    world.plane.commit(prepared(engine, copies=False))
    world.send(Shown(1, 2, 1).frame())
    ((_, seen),) = world.shown()
    assert seen == Shown(1, 2, 1, at=77, qid=1)


@pytest.mark.parametrize("engine", ENGINES)
def test_programs_see_depth_wait_and_queue(engine: str) -> None:
    """Ten a second: each waits for those before it; timestamps are whole microseconds."""
    world = World(engine)
    world.plane.set_queue_rate(10, 2)
    for number in range(4):
        world.send(Shown(number, 2, 1).frame())
    world.wait(None)
    assert world.shown() == [
        (100 * MS, Shown(0, 2, 1, at=0, depth=0, wait=100_000, left=3, qid=1)),
        (200 * MS, Shown(1, 2, 1, at=0, depth=1, wait=200_000, left=2, qid=1)),
        (300 * MS, Shown(2, 2, 1, at=0, depth=2, wait=300_000, left=1, qid=1)),
        (400 * MS, Shown(3, 2, 1, at=0, depth=3, wait=400_000, left=0, qid=1)),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_highest_priority_leaves_first_from_a_blocked_port(engine: str) -> None:
    world = World(engine)
    world.plane.queues.block(2, blocked=True)
    for number, priority in enumerate((0, 2, 1, 2, 3)):
        world.send(Shown(number, 2, priority).frame())
    world.send(Shown(9, 3, 0).frame())
    world.wait(3 * US)
    world.plane.queues.block(2, blocked=False)
    world.wait(None)
    assert [seen.number for _, seen in world.shown()] == [9, 1, 3, 2, 0]
    assert [seen.wait for _, seen in world.shown()] == [0, 3, 3, 3, 3]
    assert world.plane.queues.refused == 1  # priority 3


@pytest.mark.parametrize("engine", ENGINES)
def test_a_full_queue_drops_what_comes_last(engine: str) -> None:
    world = World(engine)
    world.plane.set_queue_rate(1, 2)
    world.plane.set_queue_depth(2, 2, 0)
    for number in range(5):
        world.send(Shown(number, 2, 0).frame())
    world.wait(None)
    assert [seen.number for _, seen in world.shown()] == [0, 1]
    assert world.plane.queue(2).dropped == 3


def test_packets_leave_by_the_program_that_let_them_wait() -> None:
    """Machine code, then plain Python, then machine code again, each with a packet in the queue."""
    world = World("native")
    world.plane.set_queue_rate(10, 2)
    world.send(Shown(1, 2, 0).frame())
    world.plane.commit(prepared("python", copies=False))
    world.send(Shown(2, 2, 0).frame())
    world.plane.commit(prepared("native", copies=True))
    world.wait(None)
    assert [(seen.number, seen.depth) for _, seen in world.shown()] == [(1, 0), (2, 1)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("order", "left"),
    [
        ((0, 1, 2), [(100, 2), (200, 2)]),  # an egress clone, made when its original leaves
        ((2, 0, 2), [(100, 2), (200, 2)]),  # an ingress clone, before its original
        ((1, 0, 1), [(100, 1), (100, 2), (100, 3), (200, 1)]),  # multicast copies
        ((0, 3, 0), [(250, 2)]),  # recirculated twice, with the priorities 1 and 2
    ],
)
def test_whatever_goes_to_a_port_waits_in_its_queue(
    order: tuple[int, ...], left: list[tuple[int, int]], engine: str
) -> None:
    """Times (ms) and ports: BMv2 enqueues each copy."""
    world = World(engine, copies=True)
    for port in (1, 2, 3):
        for priority, rate in enumerate((10, 5, 4)):
            world.plane.set_queue_rate(rate, port, priority)
    world.send(bytes((*order, 0, 7)))
    world.wait(None)
    assert [(time // MS, port) for time, (port, _) in world.left] == left


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_waiting_changes_nothing_but_the_time(name: str) -> None:
    """Every packet of every test program waits for 1 ns or more, and leaves as if it had not."""
    program = load_file(COMPILED / f"{name}.json")
    planes = [Dataplane(make(), clock=lambda: 0) for make in (PythonEngine, *ENGINES.values())]
    for plane in planes:
        plane.load(program)
        plane.state.random.words[0] = 1
    direct, *waiting = planes[:3]
    for plane in waiting:
        plane.set_queue_rate(SECOND)
    for port, frame in vectors(name):
        left = by_port(direct.process(port, frame))
        for plane in waiting:
            assert plane.process(port, frame) == []
            found: list[Frame] = []
            while (due := plane.next_release()) is not None:
                found += plane.release(due) or []
            assert by_port(found) == left, frame.hex()
    for plane in waiting:
        assert counted(plane.state) == counted(direct.state)


def counted(state: State) -> list[list[int]]:
    """What packets have left in counters, registers and the random generator."""
    found = [words for c in state.counters.values() for words in (c.packets, c.bytes)]
    found += [register.words for register in state.registers.values()] + [state.random.words]
    return [words.tolist() for words in found]


ORDERS = st.builds(
    lambda *parts: bytes(parts),
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(0, 3),
    st.integers(0, 3),
    st.just(7),
)
PLACES = st.sampled_from(((None, None), (1, None), (2, None), (1, 0), (2, 1), (3, 2)))
STEPS = st.one_of(
    st.tuples(st.just("frame"), ORDERS),
    st.tuples(st.just("frame"), ORDERS),
    st.tuples(st.just("wait"), st.integers(0, 3 * SECOND)),
    st.tuples(st.just("rate"), st.sampled_from((0, 1, 7, 1000)), PLACES),
    st.tuples(st.just("depth"), st.integers(0, 5), PLACES),
    st.tuples(st.just("block"), st.integers(1, 3), st.booleans()),
)


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=16), st.booleans())
def test_both_engines_let_packets_wait_alike(steps: list[tuple], copies: bool) -> None:
    """The same frames at the same times, and counts.

    Of clones, copies and packets that enter again, or of frames that show all that they meet.
    """
    worlds = [World(engine, copies=copies) for engine in ENGINES]
    for what, *args in steps:
        if what == "frame" and not copies:
            ingress, egress, argument, rounds, _ = args[0]
            args = [Shown(egress, argument, rounds, group=ingress // 3).frame()]
        for world in worlds:
            if what == "frame":
                world.send(args[0])
            elif what == "wait":
                world.wait(args[0])
            elif what == "rate":
                world.plane.set_queue_rate(args[0], *args[1])
            elif what == "depth":
                world.plane.set_queue_depth(args[0], *args[1])
            else:
                world.plane.queues.block(args[0], blocked=args[1])
        assert all(world.left == worlds[0].left for world in worlds)
    for world in worlds:
        for port in (1, 2, 3):
            world.plane.queues.block(port, blocked=False)
        world.wait(60 * SECOND)
    plain = worlds[0]
    for fast in worlds[1:]:
        assert plain.left == fast.left
        assert counted(plain.plane.state) == counted(fast.plane.state)
        for port in range(4):
            for priority in range(QUEUES):
                assert plain.plane.queue(port, priority) == fast.plane.queue(port, priority)
