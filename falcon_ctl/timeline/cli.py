"""The command `timeline`: what was recorded or captured, as a timeline. No network is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from falcon_ctl import files
from falcon_ctl.capture import trace as recordings
from falcon_ctl.errors import PartFailed, UsageError
from falcon_ctl.options import Chains, Policies, Shared
from falcon_ctl.report import provenance
from falcon_ctl.systems import custom
from falcon_ctl.systems.catalogue import OVERLAY, select
from falcon_ctl.systems.system import System
from falcon_ctl.timeline import from_capture, from_recording, trace_file
from falcon_ctl.timeline.build import build
from falcon_ctl.timeline.packets import Recorded
from falcon_ctl.virtual import kernels

_RECORDING = ".npz"


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
    files.set_sharing(shared)
    trace_file.verify(trace)
    console = Console(highlight=False)
    runs: list[Recorded] = []
    if source.suffix == _RECORDING:
        if policy or chain or systems != OVERLAY.name:
            what = "a recording has its system"
            raise UsageError("--systems, --policy and --chain", what, "a capture with them")
        runs.append(_recording(source))
    else:
        names = [name.strip() for name in systems.split(",") if name.strip()]
        chosen: list[System] = [*select(names), *custom.load(policy or (), chain or ())]
        frames = from_capture.read(source)
        kernels.load(console)
        for system in chosen:
            label = f"{source.name}, {len(frames):,} frames"
            runs.append(from_capture.replayed(system, frames, dilation, label))
    asked = {"source": source.name, "systems": systems, "dilation": dilation}
    origin = provenance.begin([], asked)
    trace_file.write(console, trace, build(source.name, runs), origin)


def _recording(source: Path) -> Recorded:
    if not source.is_file():
        raise UsageError(str(source), "no such file", "a recording of rxpath")
    try:
        return from_recording.recorded(recordings.load(source), source.name)
    except PartFailed as error:
        raise UsageError(str(source), error.message, "a recording of rxpath") from error
