"""Runs the main job on the network that is up, prints its report and writes the results."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from falcon_ctl import files, lock
from falcon_ctl.checks import outcome
from falcon_ctl.errors import Interrupted, PartFailed
from falcon_ctl.html_report import write as html
from falcon_ctl.live import run_excerpts, run_timeline, watch
from falcon_ctl.live.job import Job
from falcon_ctl.live.plan import Plan
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.report import provenance, results, table
from falcon_ctl.report.document import Report, as_json
from falcon_ctl.report.progress import Steps
from falcon_ctl.steering import restore
from falcon_ctl.systems.catalogue import LIVE, PIPELINING
from falcon_ctl.systems.system import System
from falcon_ctl.timeline import trace_file
from topo.client.network import Network
from topo.spec import yaml_file


@dataclass(frozen=True)
class Request:
    """What a call of the main job asks for.

    Attributes:
        systems: what is measured, one after the other.
        duration: length of a load, in seconds of wall time.
        seed: decides ports, arrivals and contents.
        json: where the report is written besides, if anywhere.
        trace: where the timeline is written, if anywhere.
        results: where the run's folder is made.
    """

    systems: Sequence[System]
    duration: float
    seed: int
    json: Path | None
    trace: Path | None
    results: Path


def main_job(console: Console, run_dir: Path | None, request: Request) -> Report:
    """Run the main job on the network of `run_dir` and write all of its output.

    Raises:
        UsageError: there is no network, another run has it, or the duration is out of range.
        PartFailed: a part of the network failed.
        NotWritten: a result could not be written where it belongs.
        Interrupted: by the user.
    """
    with watch.connect(run_dir) as network, lock.exclusive(network.run_dir):
        plan = Plan(network.spec, request.seed, request.duration)
        try:
            return _measure(console, network, plan, request)
        except KeyboardInterrupt as error:  # typer would end without a message
            raise Interrupted from error


def _measure(console: Console, network: Network, plan: Plan, request: Request) -> Report:
    chosen, json, results_dir = list(request.systems), request.json, request.results
    status = network.status(probe=True)
    if status.troubles:
        raise PartFailed("network", f"{'; '.join(status.troubles)} (make topo repairs it)")
    asked = {
        "topology": network.spec.model_dump(mode="json"),
        "systems": [one.name for one in chosen],
        "policies": [one.custom.source for one in chosen if one.custom],
        "duration": plan.duration,
    }
    begun = provenance.begin([plan.seed], asked, status)
    report = Report(status.topology, status.target, status.version, begun)
    console.print(f"[bold]{status.topology}[/] on {status.target} {status.version}")
    with Testbed.open(network) as testbed, Steps(console, Job.count(chosen)) as steps:
        job = Job(testbed, plan, chosen, steps)
        findings = job.run()
        with testbed.watch.blaming():
            report.provenance = begun.ended(network.status())
            restore.restore_choice(testbed.controller, network.run_dir)
    titles = {one.name: one.title if one in LIVE else one.name for one in chosen}
    titles.setdefault(PIPELINING.name, PIPELINING.title)  # of the discovery
    order = list(titles)
    report.live = sorted(findings.measurements, key=lambda m: order.index(m.system))
    report.checks = [*findings.judge(), outcome.one_version(report.provenance.invalid)]
    provenance.show(console, report.provenance)
    table.print_measurements(console, report.live, titles)
    table.print_checks(console, report.checks)
    with files.Rescue(as_json(report.document(full=True)), network.run_dir) as rescue:
        if json is not None:
            text = as_json(report.document())
            rescue.attempt(f"--json {json}", lambda: files.replace(json, text))
        folder = rescue.attempt(
            f"--results {results_dir}",
            lambda: html.of(
                results.write(results_dir, report, job.captures, _beside(network, job))
            ),
        )
    failed = sum(not check.ok for check in report.checks)
    verdict = (
        f"[red]{failed} of {len(report.checks)} checks failed"
        if failed
        else (f"[green]all {len(report.checks)} checks hold")
    )
    console.print(f"{verdict}[/]; results in {folder}/")
    if request.trace is not None:
        title = f"{status.topology} on {status.target} {status.version}"
        found = run_timeline.timeline(title, job.runs, network.spec)
        trace_file.write(console, request.trace, found, report.provenance)
    return report


def _beside(network: Network, job: Job) -> dict[str, str]:
    """The files of a results folder that its page is made of, beside the report."""
    ran = [*job.runs, job.discovered] if job.discovered else job.runs
    known = {id(run.trace): run for run in ran}
    runs = [
        (label, known.get(id(trace)) or run_timeline.LiveRun(label, trace))
        for label, trace in job.findings.traces
    ]
    frames = run_excerpts.document(runs, network.spec)
    return {
        "topology.yaml": yaml_file.to_yaml(network.spec),
        "frames.json": json_module.dumps(frames, separators=(",", ":")) + "\n",
    }
