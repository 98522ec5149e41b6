"""How packets come to be, and what becomes of them at a queue."""

from __future__ import annotations

from enum import IntEnum


class _Number(IntEnum):
    """A number that is printed as one, as Python 3.11 does; engines print it in their code."""

    def __str__(self) -> str:
        return str(int(self))

    def __format__(self, format_spec: str) -> str:
        return format(int(self), format_spec)


class Kind(_Number):
    """How a packet came to be (`instance_type` of the standard metadata).

    DEQUEUED is no instance type: such a packet goes on where it was when it began to wait.
    """

    NORMAL = 0
    INGRESS_CLONE = 1
    EGRESS_CLONE = 2
    RECIRCULATED = 4
    REPLICATED = 5
    RESUBMITTED = 6
    DEQUEUED = 7


class Turn(_Number):
    """What becomes of a packet that is offered to a queue.

    It leaves at once; or it waits; or it is dropped, as the queue is full or does not exist; or it
    has not been offered yet.
    """

    LEAVES = 0
    WAITS = 1
    FULL = 2
    NO_QUEUE = 3
    OPEN = 4
