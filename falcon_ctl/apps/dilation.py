"""Chooses the dilation of an application's runs: wall time over model time. Pure.

Programs, switches and receive paths are real and share the computer's cores; the model's time is
the wall's over the dilation. It must be so large that they keep up with the model's rates, and that
what they take by the wall clock is little of a latency in model time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

SHARE = 0.5  # of the computer's cores that programs may need at the model's highest rate
REST = 0.2  # of the model's own latency: what sending, wire and programs may add to it
STEP, LEAST = 50, 200
MOST = 1000  # TCP sends again after 200 ms of wall time (TCP_RTO_MIN): 200 µs of the model by then
TRIED = 1000  # the dilation of the run that is measured


class Need(NamedTuple):
    """What a short run of an application on the host network took, at dilation `TRIED`.

    `cpu_s`: CPU time of all of its parts, the network's included, for a received frame;
    `frames_per_s`: that the receiving host got, in model time; `rest_s`: of a request's time by the
    wall clock, what it was not in a receive path; 0 where that is not measured; `path_s`: of its
    time in model time, what it was there; `cores`: of this computer.
    """

    cpu_s: float
    frames_per_s: float
    rest_s: float
    path_s: float
    cores: int


class Dilation(NamedTuple):
    """The dilation, and why it is that."""

    value: int
    why: str


def choose(need: Need) -> Dilation:
    """The least dilation that is large enough for both, in steps of `STEP`."""
    by_cpu = need.cpu_s * need.frames_per_s / (SHARE * need.cores)
    by_rest = need.rest_s / (REST * need.path_s) if need.path_s > 0 else 0.0
    wanted = max(by_cpu, by_rest)
    value = min(max(math.ceil(wanted / STEP) * STEP, LEAST), MOST)
    why = (
        f"a frame takes {1e6 * need.cpu_s:.0f} µs of CPU time, so that {SHARE:.0%} of "
        f"{need.cores} cores do {need.frames_per_s / 1000:,.0f} kpps of the model at {by_cpu:.0f}"
    )
    if by_rest:
        why += (
            f"; {1e6 * need.rest_s:,.0f} µs of a request are sender, wire and programs, which are "
            f"{REST:.0%} of the receive path's {1e6 * need.path_s:.1f} µs at {by_rest:.0f}"
        )
    return Dilation(value, why)
