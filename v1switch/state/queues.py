"""The queues between ingress and egress: one for each port and priority, as BMv2 has them.

The rules are those of QueueingLogicPriRL (BMv2: include/bm/bm_sim/queueing.h). A packet that finds
as many packets waiting as the queue's depth allows is dropped. Any other may leave at

    send = max(now, send of the packet before it in this queue + 1 / rate)

which is fixed when it comes: a rate that is set later is one for later packets. Of the packets that
may leave, those of the highest priority leave first, then those whose time came first. Priorities
count up from 0, the lowest. Two things differ from BMv2: a port whose interface takes no more
frames holds its own queues only (BMv2's one transmitting thread then holds all), and drops are
counted.

Settings and what is under way lie in words that machine code reads and writes as well. A queue
whose words are all 0 is as new, with the default settings. Waiting packets are a chain of nodes;
what a node holds besides the words below is its owner's business: a packet of plain Python is an
object here, machine code keeps its packets behind the node's words.
"""

from __future__ import annotations

import ctypes
import mmap
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from v1switch.errors import BadValue
from v1switch.state.words import WORD_BYTES, address, zeros

MAX_PORT = 0xFFFF  # of multicast replicas; a packet for a higher port does not wait
MAX_PRIORITIES = 32  # BMv2's limit (WorkerInfo)
MAX_DEPTH = (1 << 31) - 1  # Thrift's i32
MAX_RATE = (1 << 63) - 1  # Thrift's i64
DEFAULT_DEPTH = 64  # packets: SimpleSwitch's constructor
NS_PER_S = 1_000_000_000

# Words in front of the queues. Settings are kept + 1, so that 0 means "not set".
DEFAULT_DELAY, DEFAULT_CAPACITY = 0, 1  # as DELAY and CAPACITY
ACTIVE, ACTIVE_AT = 2, 3  # queues with packets: how many, and where their indexes are listed
HELD = 4  # packets that had to wait so far; numbers them
NEWS = 5  # not 0 once a queue has dropped its first packet, until Python has looked
REFUSED = 6  # packets of a priority that no queue has
PRIORITIES = 7  # queues of each port
HEAD_WORDS = 16

# Words of a queue
SIZE = 0  # packets that wait
BLOCKED = 1  # 1 while the port's interface takes no frames
LAST = 2  # when the last packet could leave (ns) + 1; 0: the queue is new
DELAY = 3  # ns between packets + 1; 0: the default
CAPACITY = 4  # packets + 1; 0: the default
DROPPED = 5  # packets that found it full
FIRST, FINAL = 6, 7  # addresses of the first and the last node
DUE, ORDER = 8, 9  # SEND and NUMBER of the first node
QUEUE_WORDS = 16

# Words of a node
NEXT, SEND, NUMBER = 0, 1, 2  # the node behind it, when it may leave, how many came before
ENQUEUED, DEPTH = 3, 4  # when it came (ns), and how many packets it found waiting
OWNER = 5  # whose packet it is: 0 for plain Python's
NODE_WORDS = 6


Place = tuple[int, ...]
"""WAITS and where: the queue, when the packet may leave, when it came, how many waited then."""

LEAVES, WAITS = 0, 1
FULL: Place = (2,)
"""Instead of a place: the packet is dropped, as the queue is full."""
NO_QUEUE: Place = (3,)
"""Instead of a place: the packet is dropped, as no queue has its priority."""


@dataclass(frozen=True)
class QueueInfo:
    """Settings and counts of one queue.

    Attributes:
        port, priority: which queue; priorities count from 0, the lowest.
        depth: packets that may wait.
        rate: packets/s; 0 for no limit.
        waiting: packets that wait now.
        dropped: packets that found the queue full, since the switch started.
    """

    port: int
    priority: int
    depth: int
    rate: int
    waiting: int
    dropped: int


@dataclass(frozen=True)
class Leaving:
    """A packet that has been taken out of its queue.

    Attributes:
        owner: 0 where `packet` is an object of plain Python, else the number of its owner, to whom
            `packet` is the address of a node.
        packet: see `owner`.
        enqueued: when it came (ns).
        depth: how many packets it found waiting then.
        left: how many wait behind it now.
    """

    owner: int
    packet: Any
    enqueued: int
    depth: int
    left: int


class EgressQueues:
    """All queues of a switch; they outlive the programs.

    Attributes:
        priorities: queues of each port.
        words: the words at the top of this file, the queues behind them.
        address: of the first word.
        bypass_ports: ports that a packet of priority 0 leaves by at once; Python does not call
            `offer` for it, and only notes the time in `lasts`.
        lasts: when the last packet left each of them (ns).
        owners: by number what carries on with a packet of a node's OWNER: it takes what left the
            queue and the time (ns), and gives the frames that leave the switch.
    """

    def __init__(self, priorities: int = 1) -> None:
        """Make queues for every port that there may be; memory is taken when one is used.

        Raises:
            BadValue: no such number of priorities.
        """
        if not 1 <= priorities <= MAX_PRIORITIES:
            raise BadValue("priority queues", f"{priorities} outside 1..{MAX_PRIORITIES}")
        self.priorities = priorities
        count = (MAX_PORT + 1) * priorities
        self.words, self.address = _memory(HEAD_WORDS + QUEUE_WORDS * count)
        self._active, active_at = _memory(count)
        words = self.words
        words[ACTIVE_AT], words[PRIORITIES] = active_at, priorities
        words[DEFAULT_DELAY], words[DEFAULT_CAPACITY] = 1, DEFAULT_DEPTH + 1
        self.bypass_ports: set[int] = set()
        self.lasts: dict[int, int] = {}
        self._has_machine_code = False
        self._default_rate = 0
        self._rates: dict[int, int] = {}  # packets/s, of queues that have a setting of their own
        self.owners: dict[int, Callable[[Leaving, int], list[tuple[int, bytes]]]] = {}
        self._registered = 0
        self._told: set[tuple[int, int]] = set()
        self._nodes: dict[int, tuple[array[int], Any]] = {}  # plain Python's, by address

    # -- settings ---------------------------------------------------------------------------------

    def set_depth(self, packets: int, port: int | None, priority: int | None, now: int) -> None:
        """Let so many packets wait; those that wait already stay. Raises BadValue."""
        _check("queue depth", packets, MAX_DEPTH)
        chosen = self._chosen(port, priority, now)
        if port is None:
            self.words[DEFAULT_CAPACITY] = packets + 1
        for queue in chosen:
            self.words[queue + CAPACITY] = packets + 1

    def set_rate(self, rate: int, port: int | None, priority: int | None, now: int) -> None:
        """Let packets that come from now on leave at `rate` packets/s, 0: at any. Raises BadValue.

        Packets that wait already leave when they were to.
        """
        _check("queue rate", rate, MAX_RATE)
        delay = int(1.0 / rate * NS_PER_S) if rate else 0
        chosen = self._chosen(port, priority, now)
        if port is None:
            self.words[DEFAULT_DELAY], self._default_rate = delay + 1, rate
        for queue in chosen:
            self.words[queue + DELAY], self._rates[queue] = delay + 1, rate

    def _chosen(self, port: int | None, priority: int | None, now: int) -> list[int]:
        """The queues that a setting is for; those of a named port exist from now on."""
        self._alarm()
        if port is None:
            if priority is not None:
                raise BadValue("queue", f"priority {priority} without a port")
            return list(self._rates)  # what was set for them is no more
        priorities = range(self.priorities) if priority is None else (priority,)
        chosen = [self._place(port, each) for each in priorities]
        for queue in chosen:
            self._rates.setdefault(queue, self._default_rate)
        if not self.words[chosen[0] + LAST]:
            self._begin(port, now)
        return chosen

    def _alarm(self) -> None:
        """Have each port's next packet ask for its turn."""
        for port, last in list(self.lasts.items()):
            self.words[self._place(port, 0) + LAST] = last + 1
        self.lasts.clear()
        self.bypass_ports.clear()

    def _begin(self, port: int, now: int) -> None:
        """Let the queues of a port exist: their first packets are timed as if one had left now."""
        for priority in range(self.priorities):
            self.words[self._place(port, priority) + LAST] = now + 1

    def _place(self, port: int, priority: int) -> int:
        """Where a queue's words begin; raises BadValue."""
        if not 0 <= port <= MAX_PORT:
            raise BadValue("queue", f"port {port} outside 0..{MAX_PORT}")
        if not 0 <= priority < self.priorities:
            last = self.priorities - 1
            raise BadValue("queue", f"priority {priority} outside 0..{last} (--priority-queues)")
        return HEAD_WORDS + QUEUE_WORDS * (port * self.priorities + priority)

    def info(self, port: int, priority: int) -> QueueInfo:
        """Settings and counts of a queue; raises BadValue."""
        words, queue = self.words, self._place(port, priority)
        return QueueInfo(
            port,
            priority,
            depth=(words[queue + CAPACITY] or words[DEFAULT_CAPACITY]) - 1,
            rate=self._rates.get(queue, self._default_rate),
            waiting=words[queue + SIZE],
            dropped=words[queue + DROPPED],
        )

    def has_news(self) -> bool:
        """Whether a queue has dropped its first packet since the last time."""
        news = bool(self.words[NEWS])
        if news:
            self.words[NEWS] = 0
        return news

    def lossy(self, port: int) -> list[QueueInfo]:
        """A port's queues that have dropped packets, each given once."""
        infos = [self.info(port, each) for each in range(self.priorities)]
        new = [i for i in infos if i.dropped and (port, i.priority) not in self._told]
        self._told.update((port, i.priority) for i in new)
        return new

    def dropped(self, port: int) -> int:
        """How many packets found a queue of this port full."""
        return sum(self.info(port, each).dropped for each in range(self.priorities))

    @property
    def refused(self) -> int:
        """How many packets had a priority that no queue has."""
        return self.words[REFUSED]

    def block(self, port: int, *, blocked: bool) -> None:
        """Hold the packets of a port, whose interface takes none, or let them leave again."""
        self.bypass_ports.discard(port)
        for priority in range(self.priorities):
            self.words[self._place(port, priority) + BLOCKED] = blocked

    def register(self, resume: Callable[[Leaving, int], list[tuple[int, bytes]]]) -> int:
        """Number one more owner of packets, whose machine code goes on with them by `resume`.

        To be called by the thread that runs packets: owners without any are forgotten.
        """
        self._has_machine_code = True  # from now on queues change without us
        self._alarm()
        if not self.words[ACTIVE]:
            self.owners.clear()  # those before have nothing left
        self._registered += 1
        self.owners[self._registered] = resume
        return self._registered

    # -- packets ----------------------------------------------------------------------------------

    def offer(self, port: int, priority: int, now: int) -> Place | None:
        """Give a packet its turn.

        Returns:
            None where it leaves at once, FULL or NO_QUEUE where it is dropped, else its place, for
            `hold`.
        """
        if port > MAX_PORT:
            return None
        words = self.words
        if priority >= self.priorities:
            self._lost(REFUSED)
            return NO_QUEUE
        at = HEAD_WORDS + QUEUE_WORDS * (port * self.priorities + priority)
        size = words[at]
        if size >= (words[at + CAPACITY] or words[DEFAULT_CAPACITY]) - 1:
            self._lost(at + DROPPED)
            return FULL
        if not words[at + LAST]:
            self._begin(port, now)
        delay = (words[at + DELAY] or words[DEFAULT_DELAY]) - 1
        # times of captures may go back: whom nothing holds up goes
        send = max(now, words[at + LAST] - 1 + delay) if size or delay else now
        words[at + LAST] = send + 1
        if not size and send <= now and not words[at + BLOCKED]:
            if not (delay or priority or at in self._rates or self._has_machine_code):
                self.bypass_ports.add(port)
            return None
        words[at] = size + 1
        return WAITS, at, send, now, size

    def _lost(self, counter: int) -> None:
        """Count a packet that is dropped; the first sets NEWS."""
        if not self.words[counter]:
            self.words[NEWS] = 1
        self.words[counter] += 1

    def hold(self, place: Place, packet: Any) -> None:
        """Put a packet of plain Python at the place that it was given."""
        _, queue, send, now, depth = place
        node = zeros(NODE_WORDS)
        node[SEND], node[NUMBER], node[ENQUEUED], node[DEPTH] = send, self.words[HELD], now, depth
        self.words[HELD] += 1
        at = address(node)
        self._nodes[at] = node, packet
        self._append(queue, at, node)

    def _append(self, queue: int, at: int, node: array[int]) -> None:
        words = self.words
        if words[queue + FIRST]:
            _word_at(words[queue + FINAL], NEXT).value = at
        else:
            words[queue + FIRST] = at
            words[queue + DUE], words[queue + ORDER] = node[SEND], node[NUMBER]
            self._active[words[ACTIVE]] = queue
            words[ACTIVE] += 1
        words[queue + FINAL] = at

    def _open(self) -> Iterator[tuple[int, int]]:
        """The queues with packets whose port is not blocked, with their places in the list."""
        for place in range(self.words[ACTIVE]):
            queue = self._active[place]
            if not self.words[queue + BLOCKED]:
                yield place, queue

    @property
    def has_packets(self) -> bool:
        """Whether any packet waits."""
        return bool(self.words[ACTIVE])

    def next_due(self) -> int | None:
        """When the next packet may leave (ns); None when all wait for something else."""
        return min((self.words[queue + DUE] for _, queue in self._open()), default=None)

    def pop(self, now: int) -> Leaving | None:
        """Take out the packet whose turn it is; None when none may leave yet."""
        words = self.words
        due = [each for each in self._open() if words[each[1] + DUE] <= now]
        if not due:
            return None
        place, queue = min(due, key=lambda each: self._turn(each[1]))
        at = words[queue + FIRST]
        node = (ctypes.c_int64 * NODE_WORDS).from_address(at)
        follower = words[queue + FIRST] = node[NEXT]
        words[queue + SIZE] -= 1
        if follower:
            words[queue + DUE] = _word_at(follower, SEND).value
            words[queue + ORDER] = _word_at(follower, NUMBER).value
        else:
            words[ACTIVE] -= 1
            self._active[place] = self._active[words[ACTIVE]]
        left = words[queue + SIZE]
        leaving = Leaving(node[OWNER], at, node[ENQUEUED], node[DEPTH], left)
        if leaving.owner:
            return leaving
        _, packet = self._nodes.pop(at)
        return Leaving(0, packet, leaving.enqueued, leaving.depth, left)

    def resume(self, leaving: Leaving, now: int) -> list[tuple[int, bytes]]:
        """Carry on with a packet that left its queue; gives the frames that leave the switch."""
        if leaving.owner:
            return self.owners[leaving.owner](leaving, now)
        frames: list[tuple[int, bytes]] = leaving.packet(leaving, now)
        return frames

    def _turn(self, queue: int) -> tuple[int, int, int]:
        """What orders queues whose packets may leave: priority, time, number."""
        priority = (queue - HEAD_WORDS) // QUEUE_WORDS % self.priorities
        return -priority, self.words[queue + DUE], self.words[queue + ORDER]


def _check(what: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise BadValue(what, f"{value} outside 0..{most}")


def _memory(words: int) -> tuple[memoryview, int]:
    """Zero words that take no memory before they are used, and their address."""
    memory = mmap.mmap(-1, WORD_BYTES * words, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return memoryview(memory).cast("q"), ctypes.addressof(ctypes.c_char.from_buffer(memory))


def _word_at(at: int, index: int) -> ctypes.c_int64:
    """A word of a node."""
    return ctypes.c_int64.from_address(at + WORD_BYTES * index)
