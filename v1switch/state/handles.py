"""Handles as BMv2 gives them: the lowest number that is free (handle_mgr.h).

A table entry's handle has in its high bits how often its place has been freed, so that the handle
of an entry that is gone is known as such (match_units.cpp).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Generic, TypeVar

from v1switch.errors import UnknownHandle

PLACE_BITS = 24  # of an entry's handle; the version is above
PLACE_MASK = (1 << PLACE_BITS) - 1
VERSION_MASK = 0xFF
T = TypeVar("T")


class Places:
    """Numbers from 0 on, each free or taken."""

    __slots__ = ("_free", "_is_free", "_next")

    def __init__(self) -> None:
        """Start with all free."""
        self._next = 0  # no number from here on has been taken
        self._free: list[int] = []  # a heap; claimed numbers stay in it until they come up
        self._is_free: set[int] = set()

    def copy(self) -> Places:
        """An independent copy."""
        made = Places()
        made._next, made._free, made._is_free = self._next, list(self._free), set(self._is_free)
        return made

    def take(self) -> int:
        """Take the lowest free number."""
        while self._free:
            place = heapq.heappop(self._free)
            if place in self._is_free:
                self._is_free.remove(place)
                return place
        self._next += 1
        return self._next - 1

    @property
    def next(self) -> int:
        """The number that will be taken next."""
        while self._free and self._free[0] not in self._is_free:
            heapq.heappop(self._free)
        return self._free[0] if self._free else self._next

    def claim(self, place: int) -> None:
        """Take a number again that has been taken before."""
        self._is_free.discard(place)

    def release(self, place: int) -> None:
        """Free a number."""
        self._is_free.add(place)
        heapq.heappush(self._free, place)


class HandleTable(Generic[T]):
    """Things by handle: members and groups of action profiles, nodes of multicast groups."""

    __slots__ = ("_items", "_kind", "_owner", "_places")

    def __init__(self, owner: str, kind: str) -> None:
        """Start empty; `owner` and `kind` ("member") are for errors."""
        self._owner, self._kind = owner, kind
        self._places = Places()
        self._items: dict[int, T] = {}

    def copy(self) -> HandleTable[T]:
        """An independent copy."""
        made: HandleTable[T] = HandleTable(self._owner, self._kind)
        made._places, made._items = self._places.copy(), dict(self._items)
        return made

    def add(self, item: T) -> int:
        """Hold something under a new handle."""
        handle = self._places.take()
        self._items[handle] = item
        return handle

    @property
    def next(self) -> int:
        """The handle that will be given next."""
        return self._places.next

    def put(self, handle: int, item: T) -> None:
        """Hold something under a handle that was given before."""
        self._places.claim(handle)
        self._items[handle] = item

    def remove(self, handle: int) -> T:
        """Free a handle and return what it stood for."""
        self._places.release(handle)
        return self._items.pop(handle)

    def find(self, handle: int) -> T:
        """What a handle stands for; raises UnknownHandle."""
        if handle not in self._items:
            raise UnknownHandle(self._owner, self._kind, handle, self)
        return self._items[handle]

    def items(self) -> list[tuple[int, T]]:
        """All handles, in their order, with what they stand for."""
        return sorted(self._items.items(), key=lambda pair: pair[0])

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._items))

    def __len__(self) -> int:
        return len(self._items)


class EntryHandles(Generic[T]):
    """The entries of one table by handle."""

    __slots__ = ("_held", "_owner", "_places", "_versions")

    def __init__(self, owner: str) -> None:
        """Start empty; `owner` is the table's name, for errors."""
        self._owner = owner
        self._places = Places()
        self._held: dict[int, T] = {}  # by place
        self._versions: dict[int, int] = {}  # of the next entry at a place, if it is not 0

    def new(self) -> int:
        """The handle of the next entry."""
        return self._handle(self._places.take())

    def _handle(self, place: int) -> int:
        return self._versions.get(place, 0) << PLACE_BITS | place

    def hold(self, handle: int, item: T) -> None:
        """Let a handle stand for an entry: a new handle, or one that was freed and comes back."""
        place = handle & PLACE_MASK
        self._places.claim(place)
        if handle >> PLACE_BITS:
            self._versions[place] = handle >> PLACE_BITS
        else:
            self._versions.pop(place, None)  # most have none: a table may have millions of entries
        self._held[place] = item

    def free(self, handle: int) -> None:
        """Free a handle; the next entry at its place gets the same one."""
        place = handle & PLACE_MASK
        self._places.release(place)
        del self._held[place]

    def expire(self, handle: int) -> None:
        """Give the next entry at a freed place another handle."""
        self._versions[handle & PLACE_MASK] = (handle >> PLACE_BITS) + 1 & VERSION_MASK

    def find(self, handle: int, *, any_version: bool = False) -> T:
        """The entry that a handle stands for.

        Args:
            handle: to find.
            any_version: only look at the place, as BMv2 does for counters, meters and timeouts.

        Raises:
            UnknownHandle: there is none, or a later one at its place (`expired`).
        """
        place = handle & PLACE_MASK
        if handle >= 0 and place in self._held:
            if any_version or self._handle(place) == handle:
                return self._held[place]
            raise UnknownHandle(self._owner, "entry", handle, self, expired=True)
        raise UnknownHandle(self._owner, "entry", handle, self)

    def __iter__(self) -> Iterator[int]:
        return map(self._handle, sorted(self._held))

    def items(self) -> list[tuple[int, T]]:
        """All handles, in the order of their places, with their entries."""
        return [(handle, self._held[handle & PLACE_MASK]) for handle in self]

    def __len__(self) -> int:
        return len(self._held)
