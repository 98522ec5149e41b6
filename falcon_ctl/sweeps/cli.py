"""The command `sweep`; no network is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from falcon_ctl import files
from falcon_ctl.options import Policies, Shared, TraceTo
from falcon_ctl.terminal import console


def sweep(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.yaml", help="Which points to measure.")],
    results_dir: Annotated[
        Path | None,
        typer.Option(
            "--results", metavar="DIR", help="Where results go (default: results/sweeps/SPEC)."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", hidden=True)] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on the Dask cluster of a scheduler.")
    ] = None,
    policy: Policies = None,
    plot: Annotated[
        str | None, typer.Option(metavar="X[,Y]", help="Draw Y (default: pps) over the axis X.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Points at a time (default: all cores).")
    ] = None,
    trace: TraceTo = None,
    point: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N", min=1, help="With --trace: a row of the table to be shown (repeatable)."
        ),
    ] = None,
    shared: Shared = False,
) -> None:
    """Measure the cross product of axes under the virtual clock: a row for each point.

    Needs no network. After an interruption the same command continues where it stopped.

    Examples:
      falcon_ctl sweep labs/sweeps/thresholds.yaml --plot threshold
      falcon_ctl sweep labs/sweeps/cores.yaml --results cores --workers 2
    """
    from falcon_ctl.sweeps import sweep as measured
    from falcon_ctl.timeline import trace_file

    files.set_sharing(shared)
    if trace is not None:
        trace_file.verify(trace)
    request = measured.Request(
        spec, results_dir or out, policy or (), scheduler, workers, plot, trace, point or ()
    )
    measured.sweep(console(), request)
