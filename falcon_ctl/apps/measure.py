"""Runs applications on the network that is up, prints the report and writes the results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from falcon_ctl import files, lock
from falcon_ctl.apps import programs, report
from falcon_ctl.apps.application import Application
from falcon_ctl.apps.campaign import Campaign
from falcon_ctl.apps.report import Report
from falcon_ctl.checks import outcome
from falcon_ctl.errors import Interrupted, PartFailed
from falcon_ctl.html_report import write
from falcon_ctl.live import run_timeline, watch
from falcon_ctl.live.plan import Plan
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.report import provenance, table
from falcon_ctl.report.document import as_json
from falcon_ctl.report.progress import Steps
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.systems.system import System
from falcon_ctl.timeline import trace_file
from topo.client.network import Network


@dataclass(frozen=True)
class Request:
    """What a call of `apps` asks for.

    Attributes:
        applications, systems: what runs, under each system in turn.
        duration: length of each load, in seconds of wall time.
        dilation: wall time over model time; 0: what each application is found to need.
        repeats: how often a late or disturbed run is repeated.
        seed: decides ports and contents.
        json: where the report is written besides, if anywhere.
        trace: where the timeline is written, if anywhere.
        results: where the run's folder is made.
    """

    applications: Sequence[Application]
    systems: Sequence[System]
    duration: float
    dilation: int
    repeats: int
    seed: int
    json: Path | None
    trace: Path | None
    results: Path


def applications(console: Console, run_dir: Path | None, request: Request) -> Report:
    """Run the applications on the network of `run_dir` and write all output.

    Raises:
        UsageError: a program is missing, there is no network, or another run has it.
        PartFailed: a part of the network failed.
        NotWritten: a result could not be written where it belongs.
        Interrupted: by the user.
    """
    programs.verify(request.applications)
    with watch.connect(run_dir) as network, lock.exclusive(network.run_dir):
        plan = Plan(network.spec, request.seed, request.duration)
        try:
            found, campaign = _run(console, network, plan, request)
        except KeyboardInterrupt as error:  # typer would end without a message
            raise Interrupted from error
        _write(console, network, found, request.json, request.results)
        if request.trace is not None:
            names = ", ".join(one.name for one in request.applications)
            title = f"{names} on {found.status.topology}"
            drawn = run_timeline.timeline(title, campaign.runs, network.spec)
            trace_file.write(console, request.trace, drawn, found.provenance)
    return found


def _run(
    console: Console, network: Network, plan: Plan, request: Request
) -> tuple[Report, Campaign]:
    """All runs, with their checks, shown."""
    status = network.status(probe=True)
    if status.troubles:
        raise PartFailed("network", f"{'; '.join(status.troubles)} (make topo repairs it)")
    asked = {
        "topology": network.spec.model_dump(mode="json"),
        "applications": [one.name for one in request.applications],
        "systems": [one.name for one in request.systems],
        "duration": plan.duration,
        "dilation": request.dilation,
    }
    begun = provenance.begin([plan.seed], asked, status)
    found = Report(status, begun, {one.name: one.load for one in request.applications})
    console.print(f"[bold]{status.topology}[/] on {status.target} {status.version}")
    asks = request.applications, request.systems, request.dilation, request.repeats
    with (
        Testbed.open(network) as testbed,
        Steps(console, Campaign.count(*asks[:2])) as steps,
    ):
        campaign = Campaign(testbed, plan, *asks, steps, traced=request.trace is not None)
        campaign.run(found)
        with testbed.watch.blaming():
            found.provenance = begun.ended(network.status())
    found.checks = [*found.checks, outcome.one_version(found.provenance.invalid)]
    provenance.show(console, found.provenance)
    report.show(console, found, {name: one.title for name, one in BY_NAME.items()})
    table.print_checks(console, found.checks)
    return found, campaign


def _write(
    console: Console, network: Network, found: Report, json: Path | None, results_dir: Path
) -> None:
    """Write the report where it belongs, and say where."""
    text = as_json(found.document())
    with files.Rescue(text, network.run_dir) as rescue:
        if json is not None:
            rescue.attempt(f"--json {json}", lambda: files.replace(json, text))
        folder = rescue.attempt(
            f"--results {results_dir}", lambda: write.make(results_dir, found.fill)
        )
    failed = sum(not check.ok for check in found.checks)
    verdict = (
        f"[red]{failed} of {len(found.checks)} checks failed"
        if failed
        else (f"[green]all {len(found.checks)} checks hold")
    )
    console.print(f"{verdict}[/]; results in {folder}/")
