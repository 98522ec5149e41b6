"""The cost profile's two fitted amounts: single-flow host : container, for UDP and for TCP.

Every other amount has a source or a derivation, and every other figure is a prediction. Repeat
the fit with `python -m falcon_ctl fit`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from falcon_ctl.systems.catalogue import HOST, OVERLAY
from falcon_ctl.systems.system import System
from falcon_ctl.virtual.measure import Closed, Stream, tcp, udp
from rxpath.config import costs

PROFILE = "xeon-2.2ghz"
_MOST = 4096  # ns; far beyond any of the profile's amounts


@dataclass(frozen=True)
class Target:
    """A ratio of single-flow rates, and the amount that is fitted to it."""

    proto: str
    amount: str  # as in `cost_overrides`
    ratio: float
    source: str
    rate: Callable[[System, dict[str, int]], float]


def _udp(system: System, overrides: dict[str, int]) -> float:
    load = Stream([2e6], ms=10, knobs={"cost_overrides": overrides})
    return udp(system, load, seed=1).pps


def _tcp(system: System, overrides: dict[str, int]) -> float:
    load = Closed(1, ms=20, window=1024, knobs={"cost_overrides": overrides})
    return tcp(system, load, seed=1).gbit_per_s  # segments of the two differ in length


TARGETS = (
    Target(
        "udp",
        "br_handle_frame.udp",
        2.39,
        "mFlow (IPDPS 2023, abstract): +139% over the vanilla overlay once no stage of the overlay "
        "limits a UDP flow, so that only what the host network does as well is left",
        _udp,
    ),
    Target(
        "tcp",
        "vxlan_gro_receive.tcp",
        1.616,
        "mFlow (IPDPS 2023, abstract): 29.8 Gbit/s are +81% over the vanilla overlay, which has "
        "16.5 Gbit/s then; the native network has 26.6 Gbit/s",
        _tcp,
    ),
)


class Fitted(NamedTuple):
    """A target, the amount (ns) that meets it best, the ratio with it, and the profile's amount."""

    target: Target
    amount: int
    ratio: float
    present: int

    @property
    def holds(self) -> bool:
        """The profile has the fitted amount."""
        return self.amount == self.present


def fit() -> list[Fitted]:
    """Fit one amount after the other; they hardly interact: one is UDP's, the other TCP's."""
    return [_fit(target) for target in TARGETS]


def _fit(target: Target) -> Fitted:
    host = target.rate(HOST, {})

    def ratio(amount: int) -> float:
        return host / target.rate(OVERLAY, {target.amount: amount})

    low, high = 0, _MOST  # the ratio grows with the amount
    while high - low > 1:
        middle = (low + high) // 2
        if ratio(middle) < target.ratio:
            low = middle
        else:
            high = middle
    best = min((low, high), key=lambda amount: abs(ratio(amount) - target.ratio))
    return Fitted(target, best, ratio(best), _present(target.amount))


def _present(key: str) -> int:
    name, _, amount = key.partition(".")
    found: int = getattr(costs.load(PROFILE)[name], amount)
    return found
