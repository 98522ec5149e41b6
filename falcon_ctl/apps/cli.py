"""The command `apps`."""

from __future__ import annotations

from typing import Annotated

import typer

from falcon_ctl import files
from falcon_ctl.apps.loads import LOADS
from falcon_ctl.errors import UsageError
from falcon_ctl.options import RESULTS, Json, Results, RunDir, Seed, Shared, TraceTo
from falcon_ctl.systems.catalogue import select_live
from falcon_ctl.terminal import console

SYSTEMS = "host,overlay,flannel,calico,weave,falcon"
_NAMES = ", ".join(LOADS)
_MOST_DILATION = 100_000


def complete(incomplete: str) -> list[tuple[str, str]]:
    """Applications, with what each does."""
    return [(name, load) for name, load in LOADS.items() if name.startswith(incomplete)]


def apps(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help=f"Applications: all, or some of {_NAMES}; FILE.py:NAME is one of your own.",
            autocompletion=complete,
        ),
    ] = None,
    systems: Annotated[
        str, typer.Option(metavar="LIST", help="Systems, comma-separated, run one after the other.")
    ] = SYSTEMS,
    duration: Annotated[
        float, typer.Option(metavar="SECONDS", help="Length of each load, 1 to 60.")
    ] = 8.0,
    dilation: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=_MOST_DILATION,
            help="Wall time over model time; 0: what each application is found to need.",
        ),
    ] = 0,
    repeats: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="How often a late or disturbed run is repeated."),
    ] = 2,
    seed: Seed = 1,
    json: Json = None,
    trace: TraceTo = None,
    results_dir: Results = RESULTS,
    shared: Shared = False,
    run_dir: RunDir = None,
) -> None:
    """Run real servers and clients in the containers, under each system in turn.

    Throughput and latency are in model time. Exit status 0 only if no application fails, all
    transfers are byte-exact, and frames stay in order where a system promises it. Writes
    results/<time>/ with the report as a page and as JSON, and what each program printed.

    Examples:
      falcon_ctl apps memcached
      falcon_ctl apps nginx redis --systems overlay,falcon --duration 5
      falcon_ctl apps memcached --systems overlay,falcon --trace apps.perfetto-trace
    """
    from falcon_ctl.apps import measure, registry
    from falcon_ctl.timeline import trace_file

    chosen = registry.select(names or ())
    wanted = select_live(name.strip() for name in systems.split(",") if name.strip())
    if not 1 <= duration <= 60:
        raise UsageError("--duration", f"{duration:g} s", "1 to 60 s")
    files.set_sharing(shared)
    if json is not None:
        files.verify_target(f"--json {json}", json)
    if trace is not None:
        trace_file.verify(trace)
    files.verify_folder(f"--results {results_dir}", results_dir)
    request = measure.Request(
        chosen, wanted, duration, dilation, repeats, seed, json, trace, results_dir
    )
    found = measure.applications(console(), run_dir, request)
    raise typer.Exit(0 if found.ok else 1)
