"""A flow's number becomes another flow's: what is known of the flow goes with it.

None of its frames may be in the host.  What was set for the number stays: that it is denied, or
has priority.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model.state import codes
from rxpath.model.state.host import State


@inner
def flow(state: State, number: int) -> None:
    """Forget the flow's order and counts, its places, and its entries in NIC and flow cache."""
    row = state.flows[number]
    row.sent = row.expected = row.reordered = row.delivered = 0
    if row.rule == codes.RULE_ENTRY:
        state.usage.offload_entries -= 1
    if row.rule != codes.RULE_DENIED:
        row.rule = codes.RULE_NONE
    if row.cached == codes.CACHE_ENTRY:
        state.usage.cache_entries -= 1
    row.cached = codes.CACHE_UNKNOWN
    if state.knobs.observed:
        places = state.places[number]
        places.moves = 0
        for position in range(codes.MAX_STAGES):
            places.cpus[position] = 0
