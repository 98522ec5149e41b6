"""The timeline of one flow: what its receiver's machine records meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from falcon_ctl.live import recording, run_timeline
from falcon_ctl.live.run_timeline import LiveRun
from falcon_ctl.report import provenance
from falcon_ctl.steering.flow_report import FlowReport
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.timeline import trace_file
from topo.client.network import Network


@contextmanager
def recorded(network: Network, request: FlowRequest, trace: Path | None) -> Iterator[list[LiveRun]]:
    """Record the block's frames at the receiver's machine, if there is a `trace` to be written.

    Raises as `falcon_ctl.live.recording.recorded`.
    """
    if trace is None:
        yield []
        return
    containers = network.spec.containers
    machine = next(one.machine for one in containers if one.name == request.target)
    with recording.recorded(network, machine) as runs:
        yield runs


def write(
    console: Console, path: Path, report: FlowReport, runs: Sequence[LiveRun], network: Network
) -> None:
    """Write the trace; other traffic of the machine is in it, too.

    Raises:
        PartFailed: v1switch does not explain a frame.
        OSError: the file cannot be written.
    """
    request = report.request
    origin = provenance.begin([request.seed], asdict(request), network.status())
    title = f"{request.proto.upper()} from {request.source} to {request.target}"
    named = [replace(run, label=f"{report.runs}: {title}") for run in runs]
    found = run_timeline.timeline(title, named, network.spec)
    trace_file.write(console, path, found, origin)
