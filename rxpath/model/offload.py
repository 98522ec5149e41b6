"""Hardware offload: the NIC takes the tunnel off for flows that stand in its table.

A flow gets its entry with its first frame, while the table has room and the NIC a virtual function
for the container.  An entry is made only for what the policy allows; it is never aged out.  Frames
of all other flows come up as they are, in VXLAN, and take the slow path, the chain that the
profile names.  As ASAP2 and AccelNet do it: software decides about a flow once, hardware follows.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State


@inner
def has_entry(state: State, flow: int, socket: int) -> bool:
    """Whether the flow stands in the table; its first frame enters it if that can be."""
    if state.flow[flow, lay.F_RULE] == lay.RULE_NONE:
        state.flow[flow, lay.F_RULE] = _enter(state, socket)
    found: bool = state.flow[flow, lay.F_RULE] == lay.RULE_ENTRY
    if not found:
        state.host[lay.CLOCK, lay.CK_SLOW_PATH] += 1
    return found


@inner
def _enter(state: State, socket: int) -> int:
    """Make an entry for a flow to ``socket``: RULE_ENTRY, or RULE_FULL.

    A thread lives in one container, so it stands for the container that has the function.
    """
    host = state.host
    clock, knobs = host[lay.CLOCK], host[lay.KNOB]
    if clock[lay.CK_ENTRIES] >= knobs[lay.K_OFFLOAD_ENTRIES]:
        return lay.RULE_FULL
    task = lay.TASK + host[clock[lay.CK_SOCKET] + socket, lay.SO_TASK]
    if not host[task, lay.T_FUNCTION]:
        if clock[lay.CK_FUNCTIONS] >= knobs[lay.K_OFFLOAD_FUNCTIONS]:
            return lay.RULE_FULL
        host[task, lay.T_FUNCTION] = 1
        clock[lay.CK_FUNCTIONS] += 1
    clock[lay.CK_ENTRIES] += 1
    return lay.RULE_ENTRY
