"""A model of a few cores with a queue each, to try guards of order on. You need not change it.

A packet arrives, a guard says at which core it is queued, or held; each core works on one packet at
a time.  Times are whole nanoseconds.
"""

import heapq
from collections import deque


class Wrong(Exception):
    """A guard's answer that makes no sense."""


class Packet:
    """A packet: its `flow`, its `number` in it, when it comes (`time`), and where it should run."""

    def __init__(self, flow, number, time, wanted):
        self.flow, self.number, self.time, self.wanted = flow, number, time, wanted
        self.core = self.done = -1  # where it ran, when it was finished
        self.held = 0  # for how long


class Outcome:
    """What became of packets.

    packets: as they came; arrived: those that were finished, in that order; stuck: how many are
    still held at the end; decisions and releases: all answers of the guard.
    """

    def __init__(self, packets):
        self.packets, self.arrived, self.stuck = packets, [], 0
        self.decisions, self.releases = [], []

    def numbers(self, flow):
        """Numbers of a flow's packets in the order in which they were finished."""
        return [packet.number for packet in self.arrived if packet.flow == flow]


def run(packets, costs, arrive, release):
    """Run the packets through cores that take `costs[core]` ns for one; returns an `Outcome`.

    arrive(flow, wanted, heads, tails) -> (core, held); release(core, heads, tails) -> flow or None.
    Raises `Wrong`.
    """
    outcome, count = Outcome(packets), len(costs)
    queues = [deque() for _ in costs]
    heads, tails = [0] * count, [0] * count
    busy, aside, events = [False] * count, {}, []

    def queue(packet, now):
        tails[packet.core] += 1
        queues[packet.core].append(packet)
        if not busy[packet.core]:
            busy[packet.core] = True
            heapq.heappush(events, (now + costs[packet.core], packet.core))

    def finish(now, core):
        packet = queues[core].popleft()
        packet.done = now
        heads[core] += 1
        outcome.arrived.append(packet)
        busy[core] = bool(queues[core])
        if busy[core]:
            heapq.heappush(events, (now + costs[core], core))
        while True:
            flow = release(core, list(heads), list(tails))
            outcome.releases.append(flow)
            if flow is None:
                return
            if not aside.get(flow):
                raise Wrong(f"release() returned flow {flow!r}, of which no packet is held")
            for held in aside.pop(flow):
                held.held = now - held.time
                queue(held, now)

    for packet in packets:
        while events and events[0][0] <= packet.time:
            finish(*heapq.heappop(events))
        core, held = arrive(packet.flow, packet.wanted, list(heads), list(tails))
        if type(core) is not int or not 0 <= core < count:
            raise Wrong(f"core {core!r} for a packet, expected 0 to {count - 1}")
        outcome.decisions.append((core, bool(held)))
        packet.core = core
        if held:
            aside.setdefault(packet.flow, []).append(packet)
        else:
            queue(packet, packet.time)
    while events:
        finish(*heapq.heappop(events))
    outcome.stuck = sum(map(len, aside.values()))
    return outcome


def load(seed, share, moves):
    """Packets of five flows, and the costs of three cores.

    Flow 0 moves to the next core every `moves` packets, flow 1 (smaller) to the one before; flows
    2, 3 and 4 stay on core 0, 1 and 2.  `share`: percent of a core that flow 0 needs.
    """
    state, packets = seed, []
    for flow in range(5):
        gap = (100_000 // share, 5000, 1800, 1800, 1800)[flow]
        time, number = 0, 0
        while time < 500_000:
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            time += gap // 2 + (state >> 33) % gap
            turn = number // moves
            wanted = (turn % 3, (2 - turn) % 3, 0, 1, 2)[flow]
            packets.append(Packet(flow, number, time, wanted))
            number += 1
    packets.sort(key=lambda packet: (packet.time, packet.flow))
    return packets, (1000, 1000, 1000)
