"""After a run that used the network for itself: it runs again what `use` had chosen."""

from __future__ import annotations

from pathlib import Path

from falcon_ctl.errors import UsageError
from falcon_ctl.live.controller import Controller
from falcon_ctl.steering import memory
from rxpath.errors import ConfigError


def give_back(controller: Controller, run_dir: Path) -> int:
    """Give the switches the entries of what `use` chose last, if it chose anything.

    The hosts' knobs are restored by the run itself.

    Returns:
        Number of updates.

    Raises:
        SwitchError: a switch refuses them.
    """
    remembered = memory.recall(run_dir)
    if remembered is None:
        return 0
    try:
        system = remembered.choice.resolve()
    except (UsageError, ConfigError):
        return 0  # its file has changed: `show` says what the switches hold
    return controller.use(system)
