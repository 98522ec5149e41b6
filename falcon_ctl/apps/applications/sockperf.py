"""sockperf: UDP messages at a fixed rate, each of which is answered."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from falcon_ctl.apps.application import (
    ASKED_HOST,
    QUANTILES,
    Application,
    Command,
    Place,
    Program,
    Proof,
    Reading,
    Unreadable,
)
from falcon_ctl.apps.loads import LOADS

_PROVED = 1400  # bytes of the messages whose contents are compared
_VALID = re.compile(
    r"\[Valid Duration\] RunTime=([\d.]+) sec; SentMessages=(\d+); "
    r"ReceivedMessages=(\d+)"
)
_COUNTS = re.compile(
    r"# dropped messages = (\d+); # duplicated messages = (\d+); # out-of-order messages = (\d+)"
)
_LONGEST = re.compile(r"<MAX> observation =\s*([\d.]+)")
_TOTAL = re.compile(r"Total (\d+) observations")
_MEAN = re.compile(r"Summary: Round trip is ([\d.]+) usec")
_PERCENTILE = re.compile(r"percentile ([\d.]+) =\s*([\d.]+)")


class Sockperf(Application):
    """One flow, near the overlay's capacity."""

    name = "sockperf"
    load = LOADS["sockperf"]
    unit = "messages"
    server = Program("sockperf", "sockperf")
    client = Program("sockperf", "sockperf")
    port = 11111
    transport = "udp"
    paced = True
    knobs = ASKED_HOST
    message = 64

    def serve(self, place: Place) -> Command:
        """Answers every message that asks for it."""
        return Command(("sockperf", "server", "-i", place.address, "-p", str(self.port)))

    def drive(self, place: Place) -> Command:
        """At the rate of the place; every message is answered."""
        options = ("-t", str(round(place.seconds)), "-m", str(self.message), "--full-rtt")
        rate = ("--mps", str(round(place.rate)), "--reply-every", "1")
        target = ("-i", place.address, "-p", str(self.port))
        return Command(("sockperf", "under-load", *target, *options, *rate))

    def read(self, output: str, place: Place) -> Reading:
        """Its valid duration leaves warming up and the last messages out."""
        valid, counts = _VALID.search(output), _COUNTS.search(output)
        mean, longest = _MEAN.search(output), _LONGEST.search(output)
        found = {float(p): float(us) / 1e6 for p, us in _PERCENTILE.findall(output)}
        if not (valid and counts and mean and longest and found):
            raise Unreadable("summary of messages, round trips and percentiles")
        unanswered, duplicated, disordered = (int(count) for count in counts.groups())
        # It ends 50 ms behind its last message, by the wall clock: answers may be on their way.
        late = unanswered - math.ceil(place.rate * float(longest[1]) / 1e6)
        wrong = {"duplicated": duplicated, "out-of-order": disordered}
        return Reading(
            operations=int(valid[3]),
            seconds=float(valid[1]),
            mean=float(mean[1]) / 1e6,
            quantiles={q: found[round(100 * q, 3)] for q in QUANTILES},
            lost=max(late, 0),
            errors=[f"sockperf counts {n} {what} messages" for what, n in wrong.items() if n],
        )

    def proofs(self, place: Place) -> Sequence[Proof]:
        """Messages whose contents the client compares."""
        target = ("-i", place.address, "-p", str(self.port), "-t", "1", "-m", str(_PROVED))
        command = Command(("sockperf", "ping-pong", *target, "--data-integrity"))
        return (Proof(False, command, _PROVED, judge),)


def judge(said: str) -> tuple[int, bool]:
    """How many bytes were compared: those of each observation, there and back."""
    total = _TOTAL.search(said)
    size = 2 * _PROVED * int(total[1]) if total else 0
    return size, size > 0
