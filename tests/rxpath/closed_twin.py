"""The far ends of `rxpath.drivers.closed` once more, in plain Python, around the plain host.

Written from RFC 5681 (slow start, congestion avoidance, fast retransmit), RFC 6582 (NewReno), RFC
6298 (the timer) and from what `rxpath.tcp.sender` says that it leaves out.  One list of what is to
come, one object for each sender, and a timer that is a time.
"""

from __future__ import annotations

import heapq
from itertools import count

from host_twin import Twin

INITIAL, HUGE = 10, 4096  # segments: the first congestion window, and ssthresh before any loss


class Host(Twin):
    """The plain host, which tells its far end of each skb that leaves it."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.read: list = []

    def leave(self, skb, kind, place, cpu) -> None:
        super().leave(skb, kind, place, cpu)
        if kind == "deliver":
            self.read.append((self.now, skb.flow, [frame.slot for frame in skb.frames]))


class Receiver:
    def __init__(self) -> None:
        self.expected = 0
        self.early: set = set()

    def acknowledge(self, segments: list) -> tuple[str, int]:
        """What is said about segments in a row that were read at once."""
        kind = "duplicate" if segments[0] > self.expected else "ack"
        self.early |= {number for number in segments if number >= self.expected}
        while self.expected in self.early:
            self.early.remove(self.expected)
            self.expected += 1
        return kind, self.expected


class Sender:
    """Numbers are of segments; `timer` is when it goes off, None when it is not running."""

    def __init__(self, net, number, one) -> None:
        self.net, self.number, self.one, self.window = net, number, one, one.window
        self.una = self.next = self.high = 0
        self.cwnd, self.ssthresh, self.acked = INITIAL, HUGE, 0
        self.duplicates = self.backoff = self.asked = 0
        self.recover = self.timer = None
        self.sent = self.retransmits = self.timeouts = self.answered = 0
        self.setups = self.setup_ns = 0
        self.written: list = []  # messages: (time, number of the segment behind the last one)
        self.waiting = None  # since when a message waits for room
        self.read = 0
        self.lengths = self.cut()

    # -- messages
    def cut(self) -> list:
        """Payloads of the segments of a message."""
        left, found = self.one.message, []
        while left > 0:
            found.append(min(left, self.one.payload))
            left -= found[-1]
        return found

    def place(self, segment: int) -> int:
        return (segment - len(self.one.setup)) % len(self.lengths)

    def content(self, segment: int) -> tuple[int, int, bool]:
        """Payload, sequence number, and whether a write ends."""
        if not self.lengths:
            return self.one.payload, segment * self.one.payload, False
        before = (segment - len(self.one.setup)) // len(self.lengths)
        place = self.place(segment)
        seq = before * self.one.message + sum(self.lengths[:place])
        return self.lengths[place], seq, place == len(self.lengths) - 1 and not self.one.joins

    def end_of_written(self) -> int:
        return self.written[-1][1] if self.written else len(self.one.setup)

    def on_write(self) -> None:
        self.waiting = self.net.now
        self.write_what_fits()
        self.send()

    def write_what_fits(self) -> None:
        end = self.end_of_written() + len(self.lengths)
        if self.waiting is None or end - self.una > max(2 * self.window, len(self.lengths)):
            return
        self.written.append((self.waiting, end))
        self.net.enter(max(self.net.now, self.waiting + self.one.gap_ns), "write", self)
        self.waiting = None

    def on_read(self, received: int) -> None:
        """The other side's application has everything before a segment."""
        while self.lengths and self.read < len(self.written):
            begun, end = self.written[self.read]
            if end > received:
                return
            self.read += 1
            self.net.latencies.append(self.net.now - begun)

    # -- setting up
    def step(self, segment: int):
        """What of the handshake a segment is, None when it carries data."""
        steps = self.one.setup
        place = segment % (len(steps) + 1) if self.one.renews else segment
        return steps[place] if place < len(steps) else None

    # -- sending
    def send(self) -> None:
        window = 1 if self.step(self.una) else min(self.cwnd, self.window)
        end = self.una + window
        if self.one.gap_ns:
            end = min(end, self.end_of_written())
        while self.next < end:
            fresh = self.next == self.high and not self.step(self.next)
            if fresh and self.lengths and not self.one.gap_ns and self.place(self.next) == 0:
                self.written.append((self.net.now, self.next + len(self.lengths)))
            self.transmit(self.next)
            self.next += 1
            self.high = max(self.high, self.next)

    def transmit(self, segment: int) -> None:
        self.sent += 1
        self.retransmits += segment < self.high
        self.net.carry(self, segment)
        if self.timer is None:
            self.start_timer()

    def start_timer(self) -> None:
        self.timer = self.net.now + self.net.wire.rto_ns * 2**self.backoff
        self.net.enter(self.timer, "timer", self, self.timer)

    # -- what comes back
    def on_ack(self, ack: int) -> None:
        new = ack > self.una
        if new:
            self.progress(ack)
            self.write_what_fits()
        handshake = new and self.step(ack - 1)
        if handshake and not self.step(ack):
            self.ssthresh = HUGE
            self.setups += 1
            self.setup_ns += self.net.now - self.asked
        if handshake or not self.one.thinks:
            self.send()
        elif new:
            self.answered += 1
            self.net.latencies.append(self.net.now - self.asked)
            self.net.enter(self.net.now + self.net.thinking(), "ask", self)

    def progress(self, ack: int) -> None:
        newly, self.una = ack - self.una, ack
        self.next = max(self.next, ack)
        self.duplicates = self.backoff = 0
        self.timer = None
        if self.una < self.high:
            self.start_timer()
        if self.step(ack - 1):
            return
        if self.recover is None:
            self.grow(newly)
        elif ack >= self.recover:  # a full acknowledgement
            self.recover, self.cwnd = None, self.ssthresh
        else:  # a partial one: the next hole, and deflate by what has left
            self.cwnd = max(self.cwnd - newly + 1, 1)
            self.transmit(self.una)

    def grow(self, newly: int) -> None:
        if self.cwnd >= self.window:
            return
        if self.cwnd < self.ssthresh:
            self.cwnd = min(self.cwnd + newly, self.window)
            return
        self.acked += newly
        if self.acked >= self.cwnd:
            self.cwnd, self.acked = self.cwnd + 1, 0

    def on_duplicate(self, ack: int) -> None:
        if ack == self.una and self.next > ack:
            self.duplicates += 1
            if self.recover is not None:
                self.cwnd += 1
            elif self.duplicates == 3:
                self.recover = self.high
                self.ssthresh = max((self.next - self.una) // 2, 2)
                self.cwnd = self.ssthresh + 3
                self.transmit(self.una)
        self.send()

    def on_timer(self, time: int) -> None:
        if time != self.timer:
            return  # it was stopped or started again
        if self.backoff == 0:  # RFC 5681, 3.1: held when the segment is timed out once more
            self.ssthresh = max((self.next - self.una) // 2, 2)
        self.timeouts += 1
        self.backoff = min(self.backoff + 1, 15)
        self.cwnd, self.duplicates, self.recover = 1, 0, None
        self.next, self.timer = self.una, None
        self.send()

    def on_ask(self) -> None:
        self.asked = self.net.now
        self.send()


class Net:
    """Senders, a link, the host, receivers."""

    def __init__(self, knobs, sockets, connections, wire, think) -> None:
        self.host = Host(knobs, sockets, len(connections))
        self.wire, self.think = wire, think
        self.senders = [Sender(self, n, one) for n, one in enumerate(connections)]
        self.receivers = [Receiver() for _ in connections]
        self.now = self.link_free = self.thoughts = 0
        self.numbers = count()
        self.coming: list = []
        self.latencies: list = []
        for sender in self.senders:
            self.enter(sender.one.start_ns, "ask", sender)
            if sender.one.gap_ns:
                self.enter(sender.one.start_ns, "write", sender)

    def enter(self, time: int, kind: str, sender: Sender, *value: int) -> None:
        heapq.heappush(self.coming, (time, next(self.numbers), kind, sender, value))

    def thinking(self) -> int:
        self.thoughts += 1
        return self.think[(self.thoughts - 1) % len(self.think)]

    def carry(self, sender: Sender, segment: int) -> None:
        step = sender.step(segment)
        length = step.wire_len if step else self.length(sender, segment)
        took = length * (8000 // self.wire.gbit_per_s) // 1000
        self.link_free = max(self.now, self.link_free) + took
        self.enter(self.link_free + self.wire.there_ns, "arrive", sender, segment)

    def length(self, sender: Sender, segment: int) -> int:
        headers = sender.one.wire_len - sender.one.payload
        return headers + sender.content(segment)[0]

    def next_time(self) -> int:
        return min([self.host.next_deadline()] + [entry[0] for entry in self.coming[:1]])

    def step(self) -> list:
        """All that happens at the next time when anything does; the host's events."""
        self.now = self.next_time()
        events = self.host.advance(self.now)
        for _, flow, segments in self.host.read:
            kind, value = self.receivers[flow].acknowledge(segments)
            self.senders[flow].on_read(value)
            self.enter(self.now + self.wire.back_ns, kind, self.senders[flow], value)
        self.host.read = []
        while self.coming and self.coming[0][0] == self.now:
            _, _, kind, sender, value = heapq.heappop(self.coming)
            if kind == "arrive":
                self.arrive(sender, *value)
            else:
                getattr(sender, "on_" + kind)(*value)
        return [row for row, _ in events]

    def arrive(self, sender: Sender, segment: int) -> None:
        one, step = sender.one, sender.step(segment)
        payload, seq, ends = sender.content(segment)
        self.host.receive(
            segment,
            self.now,
            rss_hash=one.rss_hash,
            flow=sender.number,
            socket=one.socket,
            chain=step.chain if step else one.chain,
            protocol=6,
            wire_len=step.wire_len if step else self.length(sender, segment),
            payload=0 if step else payload,
            seq=seq % 2**32,
            tcp_flags=0x02 if step else 0x18 if ends else 0x10,
        )

    @property
    def on_the_wire(self) -> int:
        return sum(kind == "arrive" for _, _, kind, _, _ in self.coming)

    def row(self, sender: Sender) -> dict:
        """What a row of the kernel's connections must hold."""
        return {
            "cwnd": sender.cwnd,
            "cwnd_count": sender.acked,
            "ssthresh": sender.ssthresh,
            "una": sender.una,
            "next": sender.next,
            "high": sender.high,
            "dupacks": sender.duplicates,
            "recover": -1 if sender.recover is None else sender.recover,
            "backoff": sender.backoff,
            "received": self.receivers[sender.number].expected,
            "retransmits": sender.retransmits,
            "timeouts": sender.timeouts,
            "sent": sender.sent,
            "answered": sender.answered,
            "read": sender.read,
            "setups": sender.setups,
            "setup_ns": sender.setup_ns,
        }
