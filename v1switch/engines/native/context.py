"""Where a program's machine code finds the state that it works on."""

from __future__ import annotations

from v1switch.control.engine import SwitchContext
from v1switch.state.lookup import Cell
from v1switch.state.program_state import State
from v1switch.state.words import address

DIGESTS = "digests"
"""Name of the word that is not 0 while there is a listener for digests."""


def values(switch: SwitchContext, state: State, nothing: Cell) -> dict[str, int]:
    """What the words of the context hold, by the names that `printer` gives them.

    Args:
        switch: that the program runs in.
        state: of the program.
        nothing: an entry that runs no action.
    """
    program, replication = state.program, switch.replication
    found = {
        "drop_port": switch.drop_port,
        "started": switch.started,
        DIGESTS: 0,
        "groups": address(replication.groups.words),
        "sessions": address(replication.sessions.words),
        "nothing": address(nothing.words),
        "random": address(state.random.words),
    }
    for number, name in enumerate(program.tables):
        mirror = state.tables[name].mirror
        assert mirror is not None, "the state was made for machine code"
        found[f"table {number}"] = address(mirror.words)
    for number, name in enumerate(program.counters):
        if name in state.counters:
            found[f"packets {number}"] = address(state.counters[name].packets)
            found[f"bytes {number}"] = address(state.counters[name].bytes)
    for number, name in enumerate(program.meters):
        if name in state.meters:
            found[f"meter {number}"] = address(state.meters[name].addresses)
    for number, name in enumerate(program.registers):
        found[f"register {number}"] = address(state.registers[name].words)
    for number, name in enumerate(program.calculations):
        if name in state.hashes:
            found[f"hash {number}"] = address(state.hashes[name].words)
    for number, name in enumerate(program.value_sets):
        found[f"value_set {number}"] = address(state.value_sets[name].words)
    return found
