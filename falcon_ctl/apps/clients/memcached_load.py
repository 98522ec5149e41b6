"""A memcached load and its result, as plain values. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

QUANTILES = (0.5, 0.99, 0.999)


@dataclass(frozen=True)
class Load:
    """Clients that ask for random keys.

    Attributes:
        connections: each asks, waits and thinks by itself.
        seconds: for how long.
        think_s: mean of exponentially distributed thinking.
        longest_s: which is cut there.
        keys: how many there are.
        size: bytes of a value.
        every: each so-manieth request of a connection is a set, the others are gets.
        seed: of keys, values and thinking.
    """

    connections: int
    seconds: float
    think_s: float
    longest_s: float
    keys: int
    size: int
    every: int
    seed: int


@dataclass(frozen=True)
class Result:
    """What came of it; times in s.

    `altered`: gets whose value was not what had been set; `bytes`: of values that were compared.
    """

    operations: int
    seconds: float
    mean: float
    quantiles: Mapping[str, float]
    sets: int
    altered: int
    errors: Sequence[str]


def key_of(number: int) -> str:
    """The name of a key."""
    return f"key-{number:06}"


def value_of(load: Load, number: int) -> bytes:
    """The value of a key."""
    return hashlib.shake_128(f"{load.seed} {number}".encode()).digest(load.size)


def result(
    latencies: Sequence[float], seconds: float, sets: int, altered: int, errors: Sequence[str]
) -> Result:
    """The result of requests that took so long."""
    ordered = sorted(latencies)
    count = len(ordered)
    return Result(
        operations=count,
        seconds=seconds,
        mean=math.fsum(ordered) / count if count else 0.0,
        quantiles={str(q): ordered[math.ceil(q * count) - 1] for q in QUANTILES if count},
        sets=sets,
        altered=altered,
        errors=sorted(set(errors)),
    )
