"""The commands `control` and `shell`."""

from __future__ import annotations

from typing import Annotated

import typer

from falcon_ctl.options import RunDir
from falcon_ctl.steering.complete import switches as switches_up
from falcon_ctl.steering.complete import systems as systems_that_run
from falcon_ctl.systems.catalogue import LIVE, OVERLAY
from falcon_ctl.terminal import console

_LIVE = ", ".join(system.name for system in LIVE)


def control(
    system: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"System whose entries they get: {_LIVE} (default: what `use` chose last, "
            f"else {OVERLAY.name}).",
            autocompletion=systems_that_run,
        ),
    ] = None,
    run_dir: RunDir = None,
) -> None:
    """Keep the switches running one system: route around links and switches that are down.

    Takes over what the switches hold and writes only the difference; the receiving hosts keep their
    knobs. Follows `falcon_ctl use`. Ends with Ctrl-C: the switches then go on as they are, without
    reaction to failures.

    Examples:
      falcon_ctl control
      falcon_ctl control --system offload
    """
    from falcon_ctl.control.run import run

    run(console(), run_dir, system)


def shell(
    switch: Annotated[
        str,
        typer.Argument(
            metavar="SWITCH", help="Name of a running switch.", autocompletion=switches_up
        ),
    ],
    run_dir: RunDir = None,
) -> None:
    """Open p4runtime-shell on a running switch.

    While a run is using the network the shell may only read, otherwise also write.

    Examples:
      falcon_ctl shell s1
    """
    from falcon_ctl.control.p4runtime_shell import become

    become(switch, run_dir)
