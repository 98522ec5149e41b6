"""Statements of the queue between ingress and egress."""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.lower.ir.expressions import Expr
from v1switch.lower.ir.variables import Var


@dataclass(frozen=True, slots=True)
class Offer:
    """Offer the packet to the queue between ingress and egress, and set a variable to its `Turn`.

    A packet that waits is kept with the frame, where the frame came in, and variables.

    Attributes:
        target: becomes LEAVES, WAITS, FULL or NO_QUEUE.
        port: whose queue.
        priority: which of the port's queues.
        kept: the variables.
    """

    target: Var
    port: Expr
    priority: Expr
    kept: tuple[Var, ...]


@dataclass(frozen=True, slots=True)
class Resume:
    """Set variables as they were kept; at the start of the body, for packets of kind DEQUEUED.

    Attributes:
        targets: those of `Offer.kept`.
        enqueued: set to when the packet was offered (ns).
        depth: set to how many packets it found waiting then.
        left: set to how many packets wait in its queue now.
    """

    targets: tuple[Var, ...]
    enqueued: Var
    depth: Var
    left: Var
