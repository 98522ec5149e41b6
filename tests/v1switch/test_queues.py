"""Egress queues against BMv2's rules, written a second time as BMv2 has them: one heap a worker."""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v1switch.errors import BadValue
from v1switch.state.queues import FULL, NO_QUEUE, EgressQueues, QueueInfo

PRIORITIES = 3
SECOND = 1_000_000_000


@dataclass
class Info:
    """QueueInfoPri of include/bm/bm_sim/queueing.h."""

    capacity: int
    delay: int
    last_sent: int
    size: int = 0


@dataclass
class Bmv2:
    """QueueingLogicPriRL with one worker, which the clock is told to."""

    capacity: int = 64
    delay: int = 0
    infos: dict[tuple[int, int], Info] = field(default_factory=dict)
    heaps: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    pushed: int = 0

    def get(self, port: int, priority: int, now: int) -> Info:
        for each in range(PRIORITIES):
            self.infos.setdefault((port, each), Info(self.capacity, self.delay, now))
        return self.infos[port, priority]

    def push(self, port: int, priority: int, now: int) -> int | None:
        """The packet's number, and the depth that it finds; None when it is dropped."""
        info = self.get(port, priority, now)
        if info.size >= info.capacity:
            return None
        info.last_sent = max(now, info.last_sent + info.delay)
        entry = (info.last_sent, self.pushed, port)
        heapq.heappush(self.heaps.setdefault(priority, []), entry)
        self.pushed += 1
        info.size += 1
        return self.pushed - 1

    def pop(self, now: int) -> tuple[int, int] | None:
        """Number of the packet that leaves, and the depth that it leaves behind."""
        for priority in reversed(range(PRIORITIES)):
            heap = self.heaps.get(priority)
            if heap and heap[0][0] <= now:
                _, number, port = heapq.heappop(heap)
                self.infos[port, priority].size -= 1
                return number, self.infos[port, priority].size
        return None

    def set(self, what: str, value: int, port: int | None, priority: int | None, now: int) -> None:
        if port is None:
            setattr(self, what, value)
            chosen = list(self.infos.values())
        else:
            self.get(port, 0, now)
            chosen = [i for (p, q), i in self.infos.items() if p == port and priority in (None, q)]
        for info in chosen:
            setattr(info, what, value)


def places() -> st.SearchStrategy[tuple[int | None, int | None]]:
    port = st.integers(0, 2)
    priority = st.integers(0, PRIORITIES - 1)
    return st.one_of(
        st.just((None, None)),
        st.tuples(port, st.none()),
        st.tuples(port, priority),
    )


STEPS = st.one_of(
    st.tuples(st.just("packet"), st.integers(0, 2), st.integers(0, PRIORITIES - 1)),
    st.tuples(st.just("packet"), st.just(1), st.just(1)),
    st.tuples(st.just("wait"), st.integers(0, 3 * SECOND)),
    st.tuples(st.just("depth"), st.integers(0, 4), places()),
    st.tuples(st.just("rate"), st.sampled_from((0, 1, 3, 1000)), places()),
)


def depths(bmv2: Bmv2, port: int, priority: int, now: int) -> int:
    return bmv2.get(port, priority, now).size


@given(st.lists(STEPS, max_size=40))
def test_queues_follow_bmv2(steps: list[tuple]) -> None:
    """Random packets, waits and settings: the same drops, order, times and depths."""
    queues, bmv2, now = EgressQueues(PRIORITIES), Bmv2(), 7

    def leave(until: int) -> None:
        while (due := queues.next_due()) is not None and due <= until:
            leaving = queues.pop(due)
            assert leaving is not None
            number, enqueued, depth = leaving.packet
            assert (number, leaving.left) == bmv2.pop(due)
            assert (leaving.enqueued, leaving.depth) == (enqueued, depth)

    for what, *args in steps:
        if what == "packet":
            port, priority = args
            depth = depths(bmv2, port, priority, now)
            number = bmv2.push(port, priority, now)
            place = queues.offer(port, priority, now)
            assert (place is FULL) == (number is None)
            if place is None:
                assert bmv2.pop(now) == (number, 0)
            elif place is not FULL:
                queues.hold(place, (number, now, depth))
        elif what == "wait":
            leave(now + args[0])
            now += args[0]
        elif what == "depth":
            queues.set_depth(args[0], *args[1], now)
            bmv2.set("capacity", args[0], *args[1], now)
        else:
            delay = int(1.0 / args[0] * SECOND) if args[0] else 0
            queues.set_rate(args[0], *args[1], now)
            bmv2.set("delay", delay, *args[1], now)
    leave(1 << 62)
    assert queues.next_due() is None
    assert bmv2.pop(1 << 62) is None


def test_late_service_takes_the_highest_priority_first() -> None:
    """What could leave before now leaves by priority, as when BMv2's thread comes late."""
    queues = EgressQueues(2)
    queues.set_rate(10, 1, None, 0)
    for priority in (0, 0, 1, 1):
        place = queues.offer(1, priority, SECOND)
        if place is not None:
            queues.hold(place, priority)
    left = [each.packet for each in iter(lambda: queues.pop(2 * SECOND), None)]
    assert left == [1, 0]  # the first of each passed at once


def test_a_blocked_port_holds_its_own_packets_only() -> None:
    """Its queue fills up, drops and counts; other ports go on; unblocked, it leaves in order."""
    queues = EgressQueues()
    queues.set_depth(2, 1, None, 0)
    queues.block(1, blocked=True)
    places = [queues.offer(1, 0, 5) for _ in range(3)]
    for number, place in enumerate(places[:2]):
        assert place is not None
        queues.hold(place, number)
    assert places[2] is FULL
    assert queues.offer(2, 0, 5) is None
    assert queues.pop(9) is None
    assert queues.next_due() is None
    assert queues.info(1, 0) == QueueInfo(1, 0, depth=2, rate=0, waiting=2, dropped=1)
    queues.block(1, blocked=False)
    assert [queues.pop(9).packet for _ in range(2)] == [0, 1]  # type: ignore[union-attr]
    assert queues.dropped(1) == 1


@pytest.mark.parametrize(
    ("port", "priority", "why"),
    [
        (None, 1, "queue: priority 1 without a port"),
        (70_000, None, "queue: port 70000 outside 0..65535"),
        (1, 2, "queue: priority 2 outside 0..1 (--priority-queues)"),
    ],
)
def test_settings_name_what_is_wrong(port: int | None, priority: int | None, why: str) -> None:
    """Nothing is set where the queue does not exist."""
    queues = EgressQueues(2)
    with pytest.raises(BadValue, match=re.escape(why)):
        queues.set_rate(5, port, priority, 0)
    with pytest.raises(BadValue, match=r"^queue depth: -1 outside"):
        queues.set_depth(-1, 1, 0, 0)
    assert queues.offer(1, 2, 0) is NO_QUEUE
    assert queues.refused == 1
