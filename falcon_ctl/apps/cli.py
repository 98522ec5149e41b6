"""The command `apps` of falcon_ctl."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from falcon_ctl import files, lock
from falcon_ctl.apps import programs, registry, report
from falcon_ctl.apps.application import Application
from falcon_ctl.apps.campaign import Campaign
from falcon_ctl.apps.report import Report
from falcon_ctl.checks import outcome
from falcon_ctl.errors import Interrupted, PartFailed, UsageError
from falcon_ctl.html_report import write
from falcon_ctl.live import watch
from falcon_ctl.live.plan import Plan
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.options import RESULTS, Json, Results, RunDir, Seed, Shared
from falcon_ctl.report import provenance, table
from falcon_ctl.report.document import as_json
from falcon_ctl.report.progress import Steps
from falcon_ctl.systems.catalogue import BY_NAME, select_live
from falcon_ctl.systems.system import System
from topo.client.network import Network

SYSTEMS = "host,overlay,flannel,calico,weave,falcon"
_NAMES = ", ".join(registry.BY_NAME)
_WIDTH = 120  # of tables where there is no terminal
_DILATIONS = 1, 100_000


def complete(incomplete: str) -> list[tuple[str, str]]:
    """Applications, with what each does."""
    return [(one.name, one.load) for one in registry.ALL if one.name.startswith(incomplete)]


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
            max=_DILATIONS[1],
            help="Wall time over model time; 0: what each application is found to need.",
        ),
    ] = 0,
    repeats: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="How often a late or disturbed run is repeated."),
    ] = 2,
    seed: Seed = 1,
    json: Json = None,
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
    """
    chosen = registry.select(names or ())
    wanted = select_live(name.strip() for name in systems.split(",") if name.strip())
    if not 1 <= duration <= 60:
        raise UsageError("--duration", f"{duration:g} s", "1 to 60 s")
    files.set_sharing(shared)
    if json is not None:
        files.verify_target(f"--json {json}", json)
    files.verify_folder(f"--results {results_dir}", results_dir)
    programs.verify(chosen)
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=_WIDTH)
    with watch.connect(run_dir) as network, lock.exclusive(network.run_dir):
        plan = Plan(network.spec, seed, duration)
        try:
            found = _run(console, network, plan, (chosen, wanted), (dilation, repeats))
        except KeyboardInterrupt as error:  # typer would end without a message
            raise Interrupted from error
        _write(console, network, found, json, results_dir)
    raise typer.Exit(0 if found.ok else 1)


def _run(
    console: Console,
    network: Network,
    plan: Plan,
    what: tuple[Sequence[Application], Sequence[System]],
    how: tuple[int, int],
) -> Report:
    """All runs, with their checks, shown."""
    applications, systems = what
    dilation, repeats = how
    status = network.status(probe=True)
    if status.troubles:
        raise PartFailed("network", f"{'; '.join(status.troubles)} (make topo repairs it)")
    asked = {
        "topology": network.spec.model_dump(mode="json"),
        "applications": [one.name for one in applications],
        "systems": [one.name for one in systems],
        "duration": plan.duration,
        "dilation": dilation,
    }
    begun = provenance.begin([plan.seed], asked, status)
    found = Report(status, begun, {one.name: one.load for one in applications})
    console.print(f"[bold]{status.topology}[/] on {status.target} {status.version}")
    total = Campaign.count(applications, systems)
    with Testbed.open(network) as lab, Steps(console, total) as steps:
        Campaign(lab, plan, applications, systems, dilation, repeats, steps).run(found)
        with lab.watch.blaming():
            found.provenance = begun.ended(network.status())
    found.checks = [*found.checks, outcome.one_version(found.provenance.invalid)]
    provenance.show(console, found.provenance)
    report.show(console, found, {name: one.title for name, one in BY_NAME.items()})
    table.print_checks(console, found.checks)
    return found


def _write(
    console: Console, network: Network, found: Report, json: Path | None, results_dir: Path
) -> None:
    """Write the report where it belongs, and say where."""
    text = as_json(found.document())
    with files.Rescue(text, network.run_dir) as rescue:
        if json is not None:
            rescue.attempt(f"--json {json}", lambda: files.replace(json, text))
        folder = rescue.attempt(
            f"--results {results_dir}", lambda: write.made(results_dir, found.fill)
        )
    failed = sum(not check.ok for check in found.checks)
    verdict = (
        f"[red]{failed} of {len(found.checks)} checks failed"
        if failed
        else (f"[green]all {len(found.checks)} checks hold")
    )
    console.print(f"{verdict}[/]; results in {folder}/")
