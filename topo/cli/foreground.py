"""Run a program in a node in the foreground, with this process's terminal and signals."""

import signal
from typing import Any

from topo.client.network import Network

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)


def run_in(network: Network, node: str, command: list[str], privileged: bool = False) -> int:
    """Run `command` in `node` with our standard streams; return its exit status as a shell does.

    Signals that this process receives meanwhile are forwarded to the program.
    """
    execution = network.start(node, command, privileged=privileged)

    def forward(number: int, _frame: Any) -> None:
        execution.send_signal(number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        returncode = execution.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        execution.close()
    return returncode if returncode >= 0 else 128 - returncode
