"""The command `timeline`; no network is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from falcon_ctl import files
from falcon_ctl.options import Chains, Policies, Shared
from falcon_ctl.systems.catalogue import OVERLAY
from falcon_ctl.terminal import console


def timeline(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Capture of a NIC (pcap, pcapng), or recording of rxpath (npz)."
        ),
    ],
    trace: Annotated[
        Path,
        typer.Option(
            "--trace",
            metavar="FILE",
            help="What to write: .perfetto-trace (for ui.perfetto.dev), .png, .svg or .json.",
        ),
    ],
    systems: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="Systems whose receiving host gets the captured frames, in turn."
        ),
    ] = OVERLAY.name,
    policy: Policies = None,
    chain: Chains = None,
    dilation: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Nanoseconds of the capture for one of the model: 1000 for captures of a live "
            "run with its usual dilation.",
        ),
    ] = 1,
    shared: Shared = False,
) -> None:
    """Show what receiving hosts make of captured frames, or made of recorded ones, as a timeline.

    Needs no network: captured frames arrive at the model's NIC at the capture's times, under the
    virtual clock, once for each system. A recording says by itself what became of its frames.

    Examples:
      falcon_ctl timeline results/TIME/rx-1-napi-2.pcapng --dilation 1000 --trace one.png
      falcon_ctl timeline my.pcap --systems overlay,falcon --trace two.perfetto-trace
    """
    from falcon_ctl.timeline import offline

    files.set_sharing(shared)
    offline.timeline(console(), source, trace, systems, (policy or (), chain or ()), dilation)
