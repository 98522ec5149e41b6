"""Runs the controller of the switches in the foreground until it is interrupted."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rich.console import Console

from falcon_ctl import lock
from falcon_ctl.errors import Interrupted
from falcon_ctl.live import watch
from falcon_ctl.live.failover import Change, Failover
from falcon_ctl.steering import last_choice
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.control_socket import control_socket
from falcon_ctl.systems.catalogue import OVERLAY, select_live
from falcon_ctl.systems.system import System


def run(console: Console, run_dir: Path | None, name: str | None) -> None:
    """Run system `name`, or what `use` chose last, and print each change of the network.

    Raises:
        UsageError: the system is unknown, there is no network, or another run has it.
        PartFailed: a part of the network failed.
        Interrupted: by the user, always in the end.
    """

    def tell(change: Change) -> None:
        now = datetime.now().astimezone()
        console.print(f"{now:%H:%M:%S}.{now.microsecond // 1000:03} {change}", soft_wrap=True)

    def follow(choice: Choice) -> None:
        console.print(f"following: {choice}")

    with watch.connect(run_dir) as network, lock.exclusive(network.run_dir):
        chosen = _chosen_last(network.run_dir) if name is None else select_live([name])[0]
        console.print(f"keeping {chosen.title} ({chosen.name})")
        try:
            with (
                Failover(network, chosen, tell) as failover,
                control_socket(network.run_dir, failover, follow),
            ):
                failover.run()
        except KeyboardInterrupt as error:
            raise Interrupted("the switches keep their entries") from error


def _chosen_last(run_dir: Path) -> System:
    """What `use` chose last."""
    remembered = last_choice.recall(run_dir)
    return remembered.choice.resolve() if remembered else OVERLAY
