"""Restores what `falcon_ctl use` had chosen after a run that used the network exclusively."""

from __future__ import annotations

from pathlib import Path

from falcon_ctl.errors import UsageError
from falcon_ctl.live.controller import Controller
from falcon_ctl.steering import last_choice
from rxpath.errors import ConfigError


def restore_choice(controller: Controller, run_dir: Path) -> int:
    """Write the entries of the last choice to the switches, if there is one.

    The hosts' knobs are restored by the run itself.

    Returns:
        How many updates were written.

    Raises:
        SwitchError: a switch refuses them.
    """
    remembered = last_choice.recall(run_dir)
    if remembered is None:
        return 0
    try:
        system = remembered.choice.resolve()
    except (UsageError, ConfigError):
        return 0  # its file has changed: `show` says what the switches hold
    return controller.use(system)
