"""The host's flow cache: packets of a flow that it knows skip the devices between NIC and socket.

A chain that has a `first_path` is for flows in the cache.  The driver looks a frame's flow up when
it polls it [ECON: net/core/dev.c of munikarmanish/linux-fastpath, napi_gro_receive]; without an
entry the frame takes the first path, and when that brings a packet of an established flow to its
socket the flow gets its entry [net/ipv4/udp.c and tcp_ipv4.c there: TCP_ESTABLISHED; ONCache:
github nothepeople/ONCache, tc_prog_kern.c: conntrack's state].  So the first packets go all the
way, and those that are still on it may be overtaken.  A SYN begins a new connection, which is not
known.
"""

from __future__ import annotations

from rxpath.compile.jit import inlined, inner
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.state.packets import Slot

SYN = 0x02


@inner
def knows(state: State, skb: Slot) -> bool:
    """Whether the frame's flow has an entry; what it has not is to be learned."""
    flow = state.flows[skb.flow]
    if flow.cached == codes.CACHE_ENTRY and _begins(skb):
        flow.cached = codes.CACHE_MISSED
        state.usage.cache_entries -= 1
    if flow.cached == codes.CACHE_ENTRY:
        return True
    flow.cached = codes.CACHE_MISSED
    state.usage.cache_asked = 1
    state.counters.cache_misses += 1
    return False


@inlined
def learn(state: State, skb: Slot) -> None:
    """A packet came to its socket: a flow that was missed gets its entry, while there is room."""
    flow = state.flows[skb.flow]
    if flow.cached != codes.CACHE_MISSED or _begins(skb):
        return
    if state.usage.cache_entries < state.knobs.cache_entries:
        state.usage.cache_entries += 1
        flow.cached = codes.CACHE_ENTRY


def empty(state: State) -> None:
    """Forget all flows."""
    state.flows.array["cached"] = codes.CACHE_UNKNOWN
    state.usage.cache_entries = state.usage.cache_asked = 0


@inner
def _begins(skb: Slot) -> bool:
    """Whether the segment begins a connection."""
    return skb.protocol == codes.TCP and skb.flags & SYN != 0
