"""What was recorded or captured, as a timeline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from falcon_ctl.capture import trace as recordings
from falcon_ctl.errors import PartFailed, UsageError
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
    console: Console,
    source: Path,
    trace: Path,
    systems: str = OVERLAY.name,
    custom_ones: tuple[Sequence[str], Sequence[str]] = ((), ()),
    dilation: int = 1,
) -> None:
    """Write what receiving hosts make of a capture's frames, or made of a recording's.

    `systems`: of a capture, with `custom_ones`: policies and chains. `dilation`: ns of the capture
    for one of the model.

    Raises:
        UsageError: a file that cannot be read or written, or options that exclude each other.
        ConfigError: a custom policy or chain is wrong.
    """
    policies, chains = custom_ones
    trace_file.verify(trace)
    runs: list[Recorded] = []
    if source.suffix == _RECORDING:
        if policies or chains or systems != OVERLAY.name:
            what = "a recording has its system"
            raise UsageError("--systems, --policy and --chain", what, "a capture with them")
        runs.append(_recording(source))
    else:
        names = [name.strip() for name in systems.split(",") if name.strip()]
        chosen: list[System] = [*select(names), *custom.load(policies, chains)]
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
