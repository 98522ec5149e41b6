"""First-in-first-out lists threaded through the rows of a table.

A list is a `Fifo`, first and last item (-1: empty); each item's row carries the link to the next
one in its field ``next``.  Nothing is copied or allocated, and an item is in one list at a time.
"""

from __future__ import annotations

from typing import Any

from rxpath.compile.jit import inner
from rxpath.compile.tables import Rows
from rxpath.model.state.machine import Fifo


@inner
def push(fifo: Fifo, items: Rows[Any], item: int) -> None:
    """Append a row of ``items`` to the list."""
    items[item].next = -1
    if fifo.head < 0:
        fifo.head = item
    else:
        items[fifo.tail].next = item
    fifo.tail = item


@inner
def push_front(fifo: Fifo, items: Rows[Any], item: int) -> None:
    """Put a row of ``items`` in front of the list."""
    if fifo.head < 0:
        fifo.tail = item
    items[item].next = fifo.head
    fifo.head = item


@inner
def remove(fifo: Fifo, items: Rows[Any], item: int) -> bool:
    """Take an item out of the list, wherever it is; False when it is not there."""
    before, here = -1, fifo.head
    while here >= 0 and here != item:
        before, here = here, items[here].next
    if here < 0:
        return False
    if before < 0:
        fifo.head = items[item].next
    else:
        items[before].next = items[item].next
    if items[item].next < 0:
        fifo.tail = before
    return True


@inner
def pop(fifo: Fifo, items: Rows[Any]) -> int:
    """Take the first item off the list, or -1."""
    item = fifo.head
    if item >= 0:
        fifo.head = items[item].next
    return item


@inner
def splice(fifo: Fifo, other: Fifo, items: Rows[Any]) -> None:
    """Append the list ``other`` of rows of ``items``, which is empty then."""
    if other.head < 0:
        return
    if fifo.head < 0:
        fifo.head = other.head
    else:
        items[fifo.tail].next = other.head
    fifo.tail = other.tail
    other.head = -1
