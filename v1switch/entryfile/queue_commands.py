"""Commands on egress queues, those of sswitch_CLI."""

from __future__ import annotations

from v1switch.entryfile import arguments
from v1switch.entryfile.context import Commands, Context
from v1switch.state.queues import MAX_DEPTH, MAX_PORT, MAX_RATE


class Queues:
    """Commands on egress queues: without a priority of all the port's, without a port of all."""

    def __init__(self, context: Context) -> None:
        """Work on a context's data plane."""
        self.context = context
        self.commands: Commands = {
            "set_queue_depth": ("PACKETS [PORT [PRIORITY]]", self._set_depth),
            "set_queue_rate": ("PACKETS_PER_SECOND [PORT [PRIORITY]]", self._set_rate),
        }

    def _set_depth(self, args: list[str]) -> None:
        depth = arguments.integer("depth", args[0], 0, MAX_DEPTH)
        self.context.plane.set_queue_depth(depth, *self._queue(args[1:]))

    def _set_rate(self, args: list[str]) -> None:
        rate = arguments.integer("rate", args[0], 0, MAX_RATE)
        self.context.plane.set_queue_rate(rate, *self._queue(args[1:]))

    def _queue(self, args: list[str]) -> list[int]:
        """Port and priority, as far as they are given."""
        last = self.context.plane.priority_queues - 1
        limits = (("port", MAX_PORT), ("priority", last))
        return [
            arguments.integer(what, text, 0, most)
            for text, (what, most) in zip(args, limits, strict=False)
        ]
