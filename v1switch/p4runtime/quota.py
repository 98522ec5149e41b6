"""Quotas: how many calls of a kind each client, and all together, may have open at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from v1switch.p4runtime.errors import Code, Refused
from v1switch.p4runtime.peers import Peer


class Quota:
    """The quota of calls of one kind; thread-safe."""

    def __init__(self, what: str, each: int, total: int) -> None:
        """Allow `each` calls of a client and `total` of all; `what` names them in refusals."""
        self._what, self._each, self._total = what, each, total
        self._taken: Counter[str] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def take(self, peer: Peer, patience_s: float = 0.0) -> Iterator[None]:
        """Count one call of a client while the block runs.

        Args:
            peer: the client.
            patience_s: how many seconds to wait when the quota is used up.

        Raises:
            Refused: RESOURCE_EXHAUSTED: it is used up after that time, too.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(peer), patience_s):
                raise self._refusal(peer)
            self._taken[peer.owner] += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken[peer.owner] -= 1
                self._taken += Counter()  # forgets clients without calls
                self._changed.notify_all()

    def _has_room(self, peer: Peer) -> bool:
        return self._taken[peer.owner] < self._each and self._taken.total() < self._total

    def _refusal(self, peer: Peer) -> Refused:
        if self._taken[peer.owner] >= self._each:
            limit = f"{peer.owner} has {self._each} {self._what} open, the limit for one client"
        else:
            limit = f"all clients together have {self._total} {self._what} open, the limit"
        return Refused(Code.RESOURCE_EXHAUSTED, f"{limit}: end one and try again")
