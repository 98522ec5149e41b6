"""What is on its way between the machines: a binary heap by (time, order of entry)."""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model.state.host import Table
from rxpath.tcp import layout as lay

NEVER = 2**63 - 1


@inner
def first_time(wire: Table, agenda: Table) -> int:
    """When the next entry is due; `NEVER` when there is none."""
    if wire[lay.W_AGENDA] == 0:
        return NEVER
    time: int = agenda[0, lay.A_TIME]
    return time


@inner
def push(wire: Table, agenda: Table, time: int, kind: int, conn: int, value: int) -> None:
    """Enter something; raises IndexError when the agenda is full."""
    place = wire[lay.W_AGENDA]
    if place >= len(agenda) - 1:  # the last row is the driver's
        raise IndexError("the agenda is full")
    wire[lay.W_AGENDA] = place + 1
    wire[lay.W_NUMBER] += 1
    number = wire[lay.W_NUMBER]
    while place > 0:
        parent = (place - 1) >> 1
        if agenda[parent, lay.A_TIME] <= time:  # an older entry has the lower number
            break
        move(agenda, place, parent)
        place = parent
    agenda[place, lay.A_TIME] = time
    agenda[place, lay.A_NUMBER] = number
    agenda[place, lay.A_KIND] = kind
    agenda[place, lay.A_CONN] = conn
    agenda[place, lay.A_VALUE] = value


@inner
def drop_first(wire: Table, agenda: Table) -> None:
    """Take out the entry that is due next."""
    size = wire[lay.W_AGENDA] - 1
    wire[lay.W_AGENDA] = size
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and _before(agenda, child + 1, child):
            child += 1
        if not _before(agenda, child, size):
            break
        move(agenda, place, child)
        place = child
    move(agenda, place, size)


@inner
def move(agenda: Table, place: int, source: int) -> None:
    """Copy one entry over another, column by column: a kernel allocates nothing."""
    for column in range(lay.AGENDA_COLUMNS):
        agenda[place, column] = agenda[source, column]


@inner
def _before(agenda: Table, a: int, b: int) -> bool:
    if agenda[a, lay.A_TIME] != agenda[b, lay.A_TIME]:
        earlier: bool = agenda[a, lay.A_TIME] < agenda[b, lay.A_TIME]
        return earlier
    tied: bool = agenda[a, lay.A_NUMBER] < agenda[b, lay.A_NUMBER]
    return tied
