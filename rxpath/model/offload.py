"""Hardware offload: the NIC removes the tunnel header of flows that are in its table.

A flow gets its entry with its first frame, while the table has room and the NIC a virtual function
for the container.  An entry is made only for what the policy allows; it stays for as long as the
flow has its number (`rxpath.model.forget`).  Frames of all other flows come up as they are, in
VXLAN, and take the slow path, the chain that the profile names.  As ASAP2 and AccelNet do it:
software decides about a flow once, hardware follows.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model.state import codes
from rxpath.model.state.host import State


@inner
def has_entry(state: State, flow: int, socket: int) -> bool:
    """Whether the flow has an entry; its first frame makes one if there is room."""
    row = state.flows[flow]
    if row.rule == codes.RULE_NONE:
        row.rule = _enter(state, socket)
    found = row.rule == codes.RULE_ENTRY
    if not found:
        state.counters.slow_path += 1
    return found


@inner
def _enter(state: State, socket: int) -> int:
    """Make an entry for a flow to ``socket``: RULE_ENTRY, or RULE_FULL.

    A thread belongs to one container, so a thread with a function means a container with one.
    """
    usage = state.usage
    if usage.offload_entries >= state.knobs.offload_entries:
        return codes.RULE_FULL
    task = state.tasks[state.sockets[socket].task]
    if not task.function:
        if usage.offload_functions >= state.knobs.offload_functions:
            return codes.RULE_FULL
        task.function = 1
        usage.offload_functions += 1
    usage.offload_entries += 1
    return codes.RULE_ENTRY
