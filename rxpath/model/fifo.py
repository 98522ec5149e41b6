"""First-in-first-out lists threaded through the rows of a table.

A list is two neighbouring columns of its owner's row, first and last item (-1: empty); each item
carries the link to the next one in a column of its own row ``base + item``.  Nothing is copied or
allocated, and an item is in one list at a time.
"""

from __future__ import annotations

from rxpath.compile.jit import inner
from rxpath.model.state import layout as lay
from rxpath.model.state.host import Table


@inner
def push(
    owner: Table, row: int, column: int, links: Table, base: int, link: int, item: int
) -> None:
    """Append ``item`` to the list at ``owner[row, column]``."""
    links[base + item, link] = -1
    if owner[row, column] < 0:
        owner[row, column] = item
    else:
        links[base + owner[row, column + 1], link] = item
    owner[row, column + 1] = item


@inner
def pop(owner: Table, row: int, column: int, links: Table, base: int, link: int) -> int:
    """Take the first item off the list, or -1."""
    item: int = owner[row, column]
    if item >= 0:
        owner[row, column] = links[base + item, link]
    return item


@inner
def splice(host: Table, row: int, column: int, other: int) -> None:
    """Append the poll list at ``other`` to the one at ``column`` of a CPU's row."""
    if host[row, other] < 0:
        return
    if host[row, column] < 0:
        host[row, column] = host[row, other]
    else:
        host[lay.NAPIS + host[row, column + 1], lay.N_NEXT] = host[row, other]
    host[row, column + 1] = host[row, other + 1]
    host[row, other] = -1


@inner
def push_slot(host: Table, row: int, column: int, slots: Table, slot: int) -> None:
    """Append an skb to a queue."""
    push(host, row, column, slots, 0, lay.S_NEXT, slot)


@inner
def pop_slot(host: Table, row: int, column: int, slots: Table) -> int:
    """Take the first skb of a queue, or -1."""
    return pop(host, row, column, slots, 0, lay.S_NEXT)


@inner
def push_napi(host: Table, row: int, column: int, napi: int) -> None:
    """Append a NAPI instance to one of a CPU's poll lists."""
    push(host, row, column, host, lay.NAPIS, lay.N_NEXT, napi)


@inner
def pop_napi(host: Table, row: int, column: int) -> int:
    """Take the first NAPI instance of a poll list, or -1."""
    return pop(host, row, column, host, lay.NAPIS, lay.N_NEXT)
