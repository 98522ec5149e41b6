"""Segments to try GRO on: single cases, scenes of a poll, and random polls."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FULL, FRAME = 1398, 1514  # bytes of a full segment's payload, of its frame in VXLAN
MAX_SIZE = 65_536


class Segment(NamedTuple):
    """As in the student's segments.py."""

    number: int
    flow: str
    seq: int
    payload: int
    length: int
    flags: str


Poll = list[Segment]
Skbs = list[list[int]]


def random_polls(seed: int) -> list[Poll]:
    """Polls of up to 60 segments of five flows, with holes, overtaking, PSH, FIN, ACKs, short ones."""
    rng = np.random.default_rng(seed)
    number, seqs = 0, {f"flow {i}": int(rng.integers(0, 2**32)) for i in range(5)}
    polls = []
    for _ in range(6):
        poll = []
        while len(poll) < 60:
            flow = f"flow {rng.integers(0, 5)}"
            for _ in range(min(int(rng.integers(1, 12)), 60 - len(poll))):
                kind = rng.random()
                payload = FULL if kind > 0.15 else int(rng.integers(0, 2) * rng.integers(1, FULL))
                flags = "P." if rng.random() < 0.1 else "F." if rng.random() < 0.03 else "."
                poll.append(
                    Segment(number, flow, seqs[flow], payload, FRAME - FULL + payload, flags)
                )
                number += 1
                lost = FULL if rng.random() < 0.07 else 0
                seqs[flow] = (seqs[flow] + payload + lost) % 2**32
            if len(poll) > 2 and rng.random() < 0.3:
                poll[-1], poll[-2] = poll[-2], poll[-1]
        polls.append(poll)
    return polls


def run_of(count: int, flow: str = "a", start: int = 1000, number: int = 0) -> Poll:
    """Full segments that follow each other."""
    return [
        Segment(number + i, flow, (start + i * FULL) % 2**32, FULL, FRAME, ".")
        for i in range(count)
    ]


def cases() -> list[tuple[str, bool, Poll, Segment]]:
    """(what it tries, whether it joins, skb, segment)."""
    skb = run_of(3)
    following = Segment(3, "a", 1000 + 3 * FULL, FULL, FRAME, ".")
    wrapped = run_of(2, start=2**32 - FULL)
    room = (MAX_SIZE - 1 - FRAME) // FULL  # full segments behind the first one
    full = run_of(room + 1)
    rest = MAX_SIZE - FRAME - room * FULL  # bytes that make it too long
    after = Segment(room + 1, "a", 1000 + (room + 1) * FULL, rest, FRAME - FULL + rest, ".")
    across = run_of(1, start=2**32 - 100)
    return [
        ("the next segment of the flow", True, skb, following),
        ("the next number, but of another flow", False, skb, following._replace(flow="b")),
        ("a hole of one segment", False, skb, following._replace(seq=1000 + 4 * FULL)),
        ("the last segment once more", False, skb, following._replace(seq=1000 + 2 * FULL)),
        ("no payload (a pure ACK)", False, skb, following._replace(payload=0, length=116)),
        ("a shorter segment", True, skb, following._replace(payload=100, length=216)),
        (
            "a longer segment than the first one",
            False,
            [s._replace(payload=500, length=616, seq=1000 + 500 * i) for i, s in enumerate(skb)],
            following._replace(seq=2500),
        ),
        ("a segment with PSH", True, skb, following._replace(flags="P.")),
        ("a segment with FIN", True, skb, following._replace(flags="F.")),
        ("a segment with URG", False, skb, following._replace(flags="U.")),
        (
            "sequence numbers that begin again at 0",
            True,
            wrapped,
            Segment(2, "a", FULL, FULL, FRAME, "."),
        ),
        (
            "a segment behind one that ends at the last sequence number",
            True,
            wrapped[:1],
            wrapped[1],
        ),
        (
            "a segment behind one that lies across the end of the sequence numbers",
            True,
            across,
            Segment(1, "a", FULL - 100, FULL, FRAME, "."),
        ),
        ("the last full segment below 64 KB", True, full[:-1], full[-1]),
        (
            "a segment that makes the skb 64 KB or longer",
            False,
            full,
            after._replace(payload=FULL, length=FRAME),
        ),
        ("a segment that makes the skb 65,535 bytes", True, full, after._replace(payload=rest - 1)),
        ("a segment that makes the skb 65,536 bytes", False, full, after._replace(payload=rest)),
    ]


def scenarios() -> list[tuple[str, list[Poll]]]:
    """(the mistake that it shows, polls)."""
    a, b = run_of(4), run_of(4, "b", 9_000_000, 10)
    mixed = [one for pair in zip(a, b, strict=True) for one in pair]
    hole = [*a[:2], a[3]]
    apart = [b[0], *a[:2], a[3], b[1]]
    swapped = [a[0], a[2], a[1], a[3]]
    pushed = [a[0], a[1]._replace(flags="P."), a[2], a[3]]
    short = [a[0], a[1]._replace(payload=600, length=716), a[2]._replace(seq=1000 + FULL + 600)]
    ack = [a[0], a[1]._replace(payload=0, length=116), a[2]._replace(seq=1000 + FULL)]
    lone = [a[0]._replace(flags="P."), a[1], a[2]]
    return [
        ("segments that follow each other become one skb at the end of the poll", [a]),
        ("two flows that alternate: each has an skb of its own", [mixed]),
        (
            "a hole: what is held goes up first, and the segment behind the hole begins an skb",
            [hole],
        ),
        ("a segment that was overtaken: nothing is put in order here", [swapped]),
        ("a hole in one flow: what is held of another flow stays held", [apart]),
        ("PSH: the segment is the last one of its skb, which goes up at once", [pushed]),
        ("a short segment is the last one of its skb", [short]),
        ("a pure ACK goes up at once, but behind what is held of its flow", [ack]),
        ("a pure ACK at the end of a poll: there is nothing to hold it for", [ack[:2]]),
        ("a segment with PSH that joins nothing is not held", [lone]),
        ("the poll ends: nothing may be held until the next one", [a[:2], a[2:]]),
        ("a long run: an skb stays below 64 KB, the rest is another one", [run_of(60)]),
    ]
