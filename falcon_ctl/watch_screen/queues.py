"""Queues of the shown machine that hold something: the NIC's rings and sockets. Pure.

Backlogs and gro_cells stand beside their CPUs (`cores`).
"""

from __future__ import annotations

from falcon_ctl.steering.observation import Host, Queue, Socket
from falcon_ctl.watch_screen.spans import Row, Span, packed, row
from falcon_ctl.watch_screen.state import MachineState

FULL = 0.9  # of a limit: what is fuller is marked


def queues(host: Host, memory: MachineState, width: int) -> list[Row]:
    """Rows of rings and sockets in which something waits or did lately."""
    rings = [_ring(one) for one in host.queues if one.number in memory.queues.by_key]
    waiting = [_socket(one) for one in host.sockets if one.container in memory.sockets.by_key]
    head = row(Span("Queues", "head"))
    parts = [head, *(rings or _empty("NIC rings")), *(waiting or _empty("sockets"))]
    return packed(parts, width)


def _empty(what: str) -> list[Row]:
    return [row(Span(f"{what} empty", "dim"))]


def _ring(one: Queue) -> Row:
    return row(f"rx-{one.number} → CPU {one.cpu} ", _depth(one.depth, one.depth / max(1, one.size)))


def _socket(one: Socket) -> Row:
    return row(f"{one.container} ", _depth(one.depth, one.memory / max(1, one.limit)))


def _depth(packets: int, share: float) -> Span:
    style = "bad" if share >= FULL else ("warn" if packets else "dim")
    return Span(f"{packets} ({100 * share:.0f}%)" if packets else "0", style)
