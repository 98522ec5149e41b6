"""The command `run`, which is the default: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from falcon_ctl import files
from falcon_ctl.options import RESULTS, Chains, Policies, Results, RunDir, Shared, TraceTo
from falcon_ctl.systems.catalogue import LIVE, MAIN_JOB, select_live
from falcon_ctl.terminal import console

_MAIN_JOB = ",".join(system.name for system in MAIN_JOB)
_LIVE = ", ".join(system.name for system in LIVE)


def run(
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the report to FILE.", readable=False),
    ] = None,
    systems: Annotated[
        str,
        typer.Option(metavar="LIST", help=f"Systems to measure: all, or some of {_LIVE}."),
    ] = _MAIN_JOB,
    policy: Policies = None,
    chain: Chains = None,
    duration: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="Length of a load, 0.2 to 60; loads that a check rests on last 1 at least.",
        ),
    ] = 1.0,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Decides ports, arrivals and contents.")
    ] = 1,
    trace: TraceTo = None,
    results_dir: Results = RESULTS,
    shared: Shared = False,
    run_dir: RunDir = None,
) -> None:
    """Provision the switches, drive flows through every system, check every claim, report.

    Takes about a minute. Prints a table and the checks, and writes results/<time>/ with the
    report as JSON, a capture of each stage point (pcapng) and a picture (PNG).

    Examples:
      falcon_ctl
      falcon_ctl run --systems overlay,falcon --duration 2 --json report.json
      falcon_ctl run --systems overlay --policy labs/policies/in_turn.py:in_turn
    """
    from falcon_ctl.main_job import measure
    from falcon_ctl.systems import custom
    from falcon_ctl.timeline import trace_file

    names = [one.name for one in LIVE] if systems == "all" else systems.split(",")
    chosen = select_live(name.strip() for name in names if name.strip())
    chosen += custom.load(policy or (), chain or ())
    files.set_sharing(shared)
    if json is not None:
        files.verify_target(f"--json {json}", json)
    if trace is not None:
        trace_file.verify(trace)
    files.verify_folder(f"--results {results_dir}", results_dir)
    request = measure.Request(chosen, duration, seed, json, trace, results_dir)
    report = measure.main_job(console(), run_dir, request)
    raise typer.Exit(0 if report.ok else 1)
