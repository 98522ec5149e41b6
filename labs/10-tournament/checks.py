"""The checks of lab 10: rounds that are drawn for a student, and two opponents."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from labs.checking import Draw, Student, Tournament, check, expect
from labs.tournament.standings import LOWEST, mean

FILE = "choose.py"
NOTHING, HASHING, FALCON = "overlay", "falcon-pipelining", "falcon"  # systems of the testbed
ROUNDS = 2  # of each kind
LEAST = 0.85  # of what the overlay does by itself
EVEN = 0.98  # of an opponent's mean score
SHOWN = 4  # rounds of a message
Given = dict[str, Any]


def parameters(draw: Draw) -> Given:
    """The rounds: each kind of load with numbers of its own, on a host of its own."""
    drawn = [(kind, number) for kind in KINDS for number in range(ROUNDS)]
    return {"rounds": [round_of(kind, draw.named(f"{kind} {number}")) for kind, number in drawn]}


def round_of(kind: str, draw: Draw) -> Given:
    """One round of a kind."""
    cpus = sorted(draw.sample(range(20), draw.integer(5, 8)))  # applications have CPUs 20 to 39
    others = [cpu for cpu in range(20) if cpu not in cpus]
    shared = kind in ("shared", "overload")  # the CPUs that take interrupts are FALCON_CPUS, too
    rates = KINDS[kind](draw)
    return {
        "kind": kind,
        "cpus": cpus,
        "irq_cpus": cpus if shared else sorted(draw.sample(others, 4)),
        "proto": "tcp" if kind == "tcp" else "udp",
        "rates": [round(rate) for rate in rates],
        "hashes": [draw.integer(0, 2**32 - 1) for _ in rates],
        "surge": draw.number(4, 6) if kind == "surge" else 1.0,
        "measures": "p99" if kind == "steady" else "rate",
        "ms": 8 if kind == "surge" else 4,
        "warm_ms": 14 if kind == "overload" else 6,  # loads are known after some milliseconds
    }


KINDS = {
    "heavy": lambda draw: [draw.number(1.0e6, 1.3e6)],
    "steady": lambda draw: [draw.number(2.8e5, 3.6e5)],
    "few": lambda draw: [draw.number(3.5e5, 5.5e5) for _ in range(draw.integer(4, 6))],
    "many": lambda draw: [draw.number(1.0e5, 1.8e5) for _ in range(draw.integer(10, 16))],
    "skewed": lambda draw: [1.1e6 / (flow + 1) for flow in range(draw.integer(10, 16))],
    "surge": lambda draw: [draw.number(1.5e5, 2.2e5)] * draw.integer(5, 7),
    "tcp": lambda draw: [0.0] * draw.integer(2, 4),  # as fast as their windows allow
    "shared": lambda draw: [draw.number(1.0e5, 1.8e5) for _ in range(draw.integer(10, 16))],
    "overload": lambda draw: [draw.number(3.0e5, 5.0e5) for _ in range(20)],
}


WHY = defaultdict(
    str,
    steady=": one CPU has time for all of it, and each hand-over to another takes some",
    overload=": every CPU is busy already, so moving work only adds to it",
)


def scores(student: Student, given: Given, player: str = FILE) -> list[float]:
    """A player's score in each round, over what the overlay does without a policy.

    It is that of the rate of the frames that were read in order; in a round that measures latency,
    that of the 99th percentile, the other way round.
    """
    played = zip(
        given["rounds"], play(student, given, player), play(student, given, NOTHING), strict=True
    )
    return [
        max(LOWEST, nothing["p99_us"] / ours["p99_us"])
        if load["measures"] == "p99"
        else max(LOWEST, ours["in_order"] / nothing["in_order"])
        for load, ours, nothing in played
    ]


def play(student: Student, given: Given, player: str = FILE) -> list[Given]:
    """What a player makes of each round. What was played before is not played again."""
    text = student.text(FILE) if player == FILE else ""
    key = player, text, str(given)
    if key not in _PLAYED:
        _PLAYED[key] = student.trial("play", player=player, rounds=given["rounds"])
    return _PLAYED[key]


_PLAYED: dict[tuple[str, str, str], list[Given]] = {}  # player, its text, the rounds


def worst_of(given: Given, found: list[float]) -> str:
    """The scores of the rounds that are too low, worst first."""
    low = sorted(
        (score, load["kind"]) for load, score in zip(given["rounds"], found, strict=True)
        if score < LEAST
    )  # fmt: skip
    return ", ".join(f"{kind} {score:.2f}" for score, kind in low)


def lost(given: Given, ours: list[float], theirs: list[float]) -> str:
    """The rounds in which an opponent is furthest ahead."""
    kinds = [load["kind"] for load in given["rounds"]]
    ahead = sorted(zip(ours, theirs, kinds, strict=True), key=lambda one: one[0] / one[1])
    return ", ".join(f"{kind} {own:.2f} to {other:.2f}" for own, other, kind in ahead[:SHOWN])


tournament = Tournament(
    rounds=lambda given: [load["kind"] for load in given["rounds"]],
    scores=scores,
    player=FILE,
    opponents={NOTHING: "doing nothing", HASHING: "stage hashing", FALCON: "FALCON"},
)


@check(
    "plays",
    "Your policy plays every round by the rules",
    points=2,
    hints=(
        "host.falcon_cpus lists the CPUs that you may use; their numbers are not 0, 1, 2 ...",
        "packet.here is always allowed: then the packet stays.",
    ),
)
def by_the_rules(student: Student, given: Given) -> None:
    """Softirqs run on the CPUs that take interrupts and on FALCON_CPUS only."""
    for load, result in zip(given["rounds"], play(student, given), strict=True):
        expect(
            not result["elsewhere"],
            f"round {load['kind']}: packets were steered to CPUs that are not in host.falcon_cpus",
            seen=result["elsewhere"],
            expected=load["cpus"],
        )


@check(
    "never-worse",
    "Never worse than doing nothing",
    points=3,
    after="plays",
    hints=(
        "Look at the worst round first: python play.py prints all of them.",
        "overload: every CPU is busy, so moving work only adds to it. host.knobs.average_load says "
        "so; return packet.here.",
        "steady: one CPU can do it all, and each hand-over costs time. Spread a flow when its CPU "
        "is busy (host.load[packet.here]), and not before.",
    ),
)
def never_worse(student: Student, given: Given) -> None:
    """The worst round's score."""
    found = scores(student, given)
    worst = min(found)
    load = given["rounds"][found.index(worst)]
    what = "p99 latency" if load["measures"] == "p99" else "rate"
    expect(
        worst >= LEAST,
        f"round {load['kind']}: the {what} is worse than without any policy{WHY[load['kind']]}",
        seen=f"scores {worst_of(given, found)}",
        expected=f"{LEAST} or more in every round",
    )


@check(
    "hashing",
    "As good as stage hashing",
    points=3,
    after="plays",
    hints=(
        "Stage hashing is lab 5: hash_32(packet.hash + packet.ifindex, 16) % len(host.falcon_cpus) is "
        "the place in host.falcon_cpus. Start there.",
        "Two heavy stages may hash to one CPU while others are idle: look at host.load.",
        "A flow that is new to a device can take the CPU with the least load, and keep it in "
        "host.memory.",
    ),
)
def as_good_as_hashing(student: Student, given: Given) -> None:
    """The mean score against the system falcon-pipelining."""
    beat(student, given, HASHING, "stage hashing")


@check(
    "falcon",
    "As good as FALCON",
    points=4,
    after="plays",
    hints=(
        "FALCON looks at loads, tries twice, and steps back. It does not see that a flow needs no help.",
        "FALCON wins rounds by splitting TCP: at the stage SPLIT a TCP packet may go to another CPU.",
        "Three ideas that work: leave a flow alone until its CPU is nearly full; give each of its "
        "stages the CPU with the fewest; keep that until it is nearly full, too.",
    ),
)
def as_good_as_falcon(student: Student, given: Given) -> None:
    """The mean score against FALCON."""
    beat(student, given, FALCON, "FALCON")


def beat(student: Student, given: Given, opponent: str, name: str) -> None:
    """The student's mean score is the opponent's, or higher."""
    ours, theirs = scores(student, given), scores(student, given, opponent)
    expect(
        mean(ours) >= EVEN * mean(theirs),
        f"{name} has the better mean score over all rounds",
        seen=f"mean {mean(ours):.3f}; furthest behind in {lost(given, ours, theirs)}",
        expected=f"{EVEN * mean(theirs):.3f} or more, which is {EVEN} of {name}'s mean",
    )
