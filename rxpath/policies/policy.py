"""A steering policy as the rest of the receive path knows it: compiled, with what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from rxpath.compile.jit import compile_for, inner, pointed
from rxpath.model.policy import Choose, trampoline
from rxpath.model.state.steering import STEER_SIGNATURE

T = TypeVar("T")


@dataclass(frozen=True)
class Policy:
    """A policy, resolved once and handed to everything that steers.

    Attributes:
        name: of the knob that selects it.
        choose: its function, compiled for the kernels: what `State.steer` is set to.
        at_nic: it also acts in netif_receive_skb behind the NIC's GRO, as get_rps_cpu does.
        rebalances: buckets of the RSS indirection table move (rxpath/model/rebalance.py).
        before_alloc: a TCP frame that it splits off has no skb yet: its new CPU allocates that.
        resequenced: it spreads one flow's frames; the resequencer restores their order.
        guarded: it moves flows by RFS's rule, whatever the knob of the order guard says.
    """

    name: str
    choose: Any
    at_nic: bool = False
    rebalances: bool = False
    before_alloc: bool = False
    resequenced: bool = False
    guarded: bool = False

    def run(self, work: Callable[[Policy], T]) -> T:
        """``work(policy)``, which runs a model from its start."""
        return work(self)

    def explain(self, error: Exception) -> Exception:
        """What to report when compiled code raised ``error`` while this policy was in use."""
        return error


def compiled(choose: Choose) -> Any:
    """A policy's function compiled for the kernels, cached on disk."""
    pointer = pointed(trampoline(inner(choose), choose))
    compile_for(pointer, STEER_SIGNATURE)
    return pointer


def of_function(choose: Choose) -> Policy:
    """A policy that needs nothing else of the host, such as a test's or a benchmark's."""
    return Policy(choose.__name__, compiled(choose))
