"""The egress queues: depths, rates, and what waits."""

from __future__ import annotations

from v1switch.control.core import Core
from v1switch.state.queues import QueueInfo


class QueueControl(Core):
    """Egress queues, one for each port and priority; they need no program and outlive programs.

    Arguments that all methods share: `port` is an egress port (0..65535), whether or not it has an
    interface, `priority` one of its queues, counted from 0, the lowest. Without a priority all
    queues of the port are meant, without a port all queues of all ports.
    """

    @property
    def priority_queues(self) -> int:
        """How many queues each port has (BMv2: --priority-queues)."""
        return self.queues.priorities

    def set_queue_depth(
        self, packets: int, port: int | None = None, priority: int | None = None
    ) -> None:
        """Let so many packets wait in each queue meant; 0: none passes. Those that wait stay.

        Raises:
            BadValue: a depth below 0 or from 2**31 on, no such port or priority, a priority without
                a port.
        """
        with self._lock.writer():
            self.queues.set_depth(packets, port, priority, self.clock())

    def set_queue_rate(
        self, packets_per_s: int, port: int | None = None, priority: int | None = None
    ) -> None:
        """Set the rate at which packets leave each queue meant; 0 for no limit.

        It holds for packets that come from now on (as in BMv2).

        Raises:
            BadValue: a rate below 0 or from 2**63 on, no such port or priority, a priority without
                a port.
        """
        with self._lock.writer():
            self.queues.set_rate(packets_per_s, port, priority, self.clock())

    def queue(self, port: int, priority: int = 0) -> QueueInfo:
        """Settings and counts of one queue. Raises BadValue: no such port or priority."""
        with self._lock.writer():
            return self.queues.info(port, priority)
