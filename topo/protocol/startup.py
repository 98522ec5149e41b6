"""The start-up protocol between `up` and the daemon, over the daemon's standard streams.

`up` writes one JSON object, the order, to standard input. The daemon answers on standard output
with one JSON object a line: ``{"init": pid}``, then ``{"ready": seconds}`` or ``{"failed":
{"part", "reason", "log"}}``. End of file before either of these means that the daemon died.
"""

from typing import Any, TypedDict

from topo.errors import StartFailed
from topo.protocol.status import Target


class Order(TypedDict):
    """The network to bring up: a `Topology` as JSON data, the switch target, the run directory."""

    topology: dict[str, Any]
    target: Target
    run_dir: str


def failed(error: StartFailed) -> dict[str, Any]:
    """The report that the network did not come up."""
    return {"failed": {"part": error.part, "reason": error.reason, "log": error.log}}
