"""The model's prediction for an application's load, under the virtual clock. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from falcon_ctl.apps.application import LONGEST_THINK_S, Application
from falcon_ctl.apps.outcome import Outcome
from falcon_ctl.systems.catalogue import OVERLAY
from falcon_ctl.systems.system import System
from falcon_ctl.virtual.loads import Closed, Stream
from falcon_ctl.virtual.measure import measure
from rxpath.tcp.connections import Wire

SEEDS = (1, 2)
_FLOOD = 4e6  # messages/s, more than any system takes
_MS, _WARM_MS = 20, 10


class Prediction(NamedTuple):
    """Latencies of requests, µs, and requests/s."""

    mean_us: float
    p99_us: float
    rate: float


def of_live(app: Application, system: System, outcome: Outcome, rest_us: float) -> Prediction:
    """What a live run's own load comes to: clients that ask, wait for the answer and think.

    The connections' RSS hashes are the live run's. `rest_us`: what a request takes outside of the
    receive path, the same for all systems.
    """
    half = max(1, round(500 * max(rest_us, 0.0)))
    found = []
    for seed in SEEDS:
        load = Closed(
            1,
            clients=app.connections,
            threads=1,  # one container is one thread on the live path
            ms=_MS,
            warm_ms=_WARM_MS,
            asks=True,
            think_ns=1000 * app.think_us,
            longest_think_ns=1e9 * LONGEST_THINK_S / outcome.dilation,
            hashes=tuple(outcome.there.hashes[: app.connections]),
            wire=Wire(there_ns=half, back_ns=half),
            knobs=app.knobs,
        )
        found.append(measure(system, load, seed))
    return Prediction(
        mean_us=float(np.mean([one.mean_us for one in found])),
        p99_us=float(np.mean([one.latency_us(0.99) for one in found])),
        rate=float(np.mean([one.messages_per_s for one in found])),
    )


def capacity(app: Application, system: System = OVERLAY) -> float:
    """Datagrams/s of the application's size that a system receives of more than it can take."""
    flood = Stream((_FLOOD,), ms=10, warm_ms=5, message=app.message, paced=True, knobs=app.knobs)
    most = measure(system, flood, 1).messages_per_s
    less = Stream((1.25 * most,), ms=10, warm_ms=5, message=app.message, knobs=app.knobs)
    return max(most, measure(system, less, 1).messages_per_s)
