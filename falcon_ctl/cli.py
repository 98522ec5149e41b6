"""The command line: run (the default), control, shell, figures, sweep, fit and others."""

from __future__ import annotations

import json as json_module
import logging
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from falcon_ctl import files, help_text, lock
from falcon_ctl.apps import cli as apps_cli
from falcon_ctl.checks import outcome
from falcon_ctl.dashboard import cli as dashboard_cli
from falcon_ctl.errors import CtlError, Interrupted, PartFailed, UsageError
from falcon_ctl.html_report import cli as report_cli
from falcon_ctl.live import run_excerpts, run_timeline, watch
from falcon_ctl.live.controller import election_id
from falcon_ctl.live.failover import Change, Failover
from falcon_ctl.live.job import Job
from falcon_ctl.live.plan import Plan
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.options import RESULTS, Chains, Policies, Results, RunDir, Shared, TraceTo
from falcon_ctl.report import command, provenance, results, table
from falcon_ctl.report.document import Report, as_json
from falcon_ctl.report.progress import Steps
from falcon_ctl.steering import cli as steering_cli
from falcon_ctl.steering import handback, memory
from falcon_ctl.steering.complete import switches as switches_up
from falcon_ctl.steering.complete import systems as systems_that_run
from falcon_ctl.steering.following import followed
from falcon_ctl.systems import custom
from falcon_ctl.systems.catalogue import LIVE, MAIN_JOB, OVERLAY, PIPELINING, select_live
from falcon_ctl.systems.system import System
from falcon_ctl.timeline import cli as timeline_cli
from falcon_ctl.timeline import trace_file
from falcon_ctl.watch_screen import cli as watch_cli
from rxpath import signals
from rxpath.errors import ConfigError
from rxpath.texts import escaped
from topo.cli.runner import run_app
from topo.client.network import Network
from topo.errors import TopoError
from topo.spec import yaml_file

app = typer.Typer(
    name="falcon_ctl",
    help="Drive and check the container overlay network that [bold]make topo[/] brought up.",
    epilog="Without a command: run. Exit status: 0 all checks hold, 1 a check failed or a part "
    "died, 2 wrong usage or no network.",
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
PLAIN_WIDTH = 120
_OF_NO_COMMAND = ("--help", "--install-completion", "--show-completion")
_MAIN_JOB = ",".join(system.name for system in MAIN_JOB)
_LIVE = ", ".join(system.name for system in LIVE)


@app.command()
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
    names = [one.name for one in LIVE] if systems == "all" else systems.split(",")
    chosen = select_live(name.strip() for name in names if name.strip())
    chosen += custom.load(policy or (), chain or ())
    files.set_sharing(shared)
    if json is not None:
        files.verify_target(f"--json {json}", json)
    if trace is not None:
        trace_file.verify(trace)
    files.verify_folder(f"--results {results_dir}", results_dir)
    console = _console()
    with watch.connect(run_dir) as network, lock.exclusive(network.run_dir):
        plan = Plan(network.spec, seed, duration)
        try:
            report = _measure(network, plan, chosen, console, results_dir, json, trace)
        except KeyboardInterrupt as error:  # typer would end without a message
            raise Interrupted from error
    raise typer.Exit(0 if report.ok else 1)


def _console() -> Console:
    """A console as wide as the terminal, or wide enough for every table where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def _measure(
    network: Network,
    plan: Plan,
    chosen: list[System],
    console: Console,
    results_dir: Path,
    json: Path | None,
    trace: Path | None,
) -> Report:
    """Run the main job and write all of its output."""
    from falcon_ctl.html_report import write as html

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
    with Testbed.open(network) as lab, Steps(console, Job.count(chosen)) as steps:
        job = Job(lab, plan, chosen, steps)
        findings = job.run()
        with lab.watch.blaming():
            report.provenance = begun.ended(network.status())
            handback.give_back(lab.controller, network.run_dir)
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
    if trace is not None:
        title = f"{status.topology} on {status.target} {status.version}"
        found = run_timeline.timeline(title, job.runs, network.spec)
        trace_file.write(console, trace, found, report.provenance)
    return report


def _beside(network: Network, job: Job) -> dict[str, str]:
    """The files of a results folder that its page is made of, beside the report."""
    known = {id(run.trace): run for run in job.runs}  # the discovery's entries are not kept
    runs = [
        (label, known.get(id(trace)) or run_timeline.LiveRun(label, trace))
        for label, trace in job.findings.traces
    ]
    frames = run_excerpts.document(runs, network.spec)
    return {
        "topology.yaml": yaml_file.to_yaml(network.spec),
        "frames.json": json_module.dumps(frames, separators=(",", ":")) + "\n",
    }


@app.command()
def control(
    system: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"System whose entries they get: {_LIVE} (default: what `use` chose last, "
            f"else {OVERLAY.name}).",
            autocompletion=systems_that_run,
        ),
    ] = None,
    run_dir: RunDir = None,
) -> None:
    """Keep the switches running one system: route around links and switches that are down.

    Takes over what the switches hold and writes only the difference; the receiving hosts keep their
    knobs. Follows `falcon_ctl use`. Ends with Ctrl-C: the switches then go on as they are, without
    reaction to failures.

    Examples:
      falcon_ctl control
      falcon_ctl control --system offload
    """
    console = _console()

    def tell(change: Change) -> None:
        now = datetime.now().astimezone()
        console.print(f"{now:%H:%M:%S}.{now.microsecond // 1000:03} {change}", soft_wrap=True)

    with watch.connect(run_dir) as network, lock.exclusive(network.run_dir):
        chosen = _kept(network.run_dir) if system is None else select_live([system])[0]
        console.print(f"keeping {chosen.title} ({chosen.name})")
        try:
            with (
                Failover(network, chosen, tell) as failover,
                followed(network.run_dir, failover, lambda one: console.print(f"following: {one}")),
            ):
                failover.run()
        except KeyboardInterrupt as error:
            raise Interrupted("the switches keep their entries") from error


def _kept(run_dir: Path) -> System:
    """What `use` chose last."""
    remembered = memory.recall(run_dir)
    return remembered.choice.resolve() if remembered else OVERLAY


@app.command()
def shell(
    switch: Annotated[
        str,
        typer.Argument(
            metavar="SWITCH", help="Name of a running switch.", autocompletion=switches_up
        ),
    ],
    run_dir: RunDir = None,
) -> None:
    """Open p4runtime-shell on a running switch.

    While a run is using the network the shell may only read, otherwise also write.

    Examples:
      falcon_ctl shell s1
    """
    with watch.connect(run_dir) as network:
        switches = network.switches
        busy = lock.holder(network.run_dir)
    if switch not in switches:
        raise UsageError("shell", f"no switch {switch!r}", f"one of {', '.join(switches)}")
    info = switches[switch]
    election = 1 if busy else election_id()
    argv = [sys.executable, "-m", "p4runtime_sh", "--grpc-addr", info.grpc_address]
    argv += ["--device-id", str(info.device_id), "--election-id", f"0,{election}"]
    os.execv(sys.executable, argv)


@app.command()
def figures(
    json: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="Write claims and values to FILE.", readable=False
        ),
    ] = None,
    which: Annotated[
        str,
        typer.Option(
            "--figures",
            metavar="LIST",
            help="Figures, comma-separated: of 1 to 7, or with --paper such as eurosys21:10c.",
        ),
    ] = "all",
    systems: Annotated[
        str, typer.Option(metavar="LIST", help="Systems to run in addition to the figure's own.")
    ] = "",
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=1000, help="Runs of everything (default: 20, with --paper 3)."
        ),
    ] = None,
    policy: Policies = None,
    chain: Chains = None,
    costs: Annotated[
        str | None,
        typer.Option(metavar="FILE.toml", help="Your own cost profile, for all systems."),
    ] = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="Both papers' panels instead of the talk's figures.")
    ] = False,
    layout: Annotated[
        str,
        typer.Option(
            metavar="NAME=N,...",
            help="With --paper: cores that are receiving, falcon, split, applications.",
        ),
    ] = "",
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE.md", help="With --paper: write the page to FILE.md, too."),
    ] = None,
    trace: TraceTo = None,
    results_dir: Results = RESULTS,
    shared: Shared = False,
) -> None:
    """Run the talk's figures, or all panels of its papers, under the virtual clock.

    Needs no network. The talk's claims stand beside the model's values; with --paper every bar
    of both papers beside the model's. Writes results/<time>/ with JSON, CSV and pictures; with
    --trace each run of the talk's figures is recorded once more, with the first seed.

    Examples:
      falcon_ctl figures --figures 2,3
      falcon_ctl figures --policy labs/policies/in_turn.py:in_turn --seeds 5
      falcon_ctl figures --paper --figures eurosys21:10c
    """
    files.set_sharing(shared)
    if trace is not None:
        trace_file.verify(trace)
    if paper and (systems or policy or chain or trace):
        what = "--systems, --policy, --chain and --trace are for the talk's figures"
        raise UsageError("--paper", what, "--figures, --seeds, --costs, --layout, --page")
    if not paper and (layout or page):
        raise UsageError("--layout and --page", "without --paper", "--paper with them")
    given: dict[str, Any] = {"figures": which, "json": json, "results": results_dir}
    given |= {"seeds": seeds} if seeds else {}
    given |= {"costs": costs} if costs else {}
    if paper:
        from falcon_ctl.papers import cli as papers_cli

        request = papers_cli.Request(**given, layout=layout, page=page)
        papers_cli.paper_figures(_console(), request)
    else:
        from falcon_ctl.figures import cli as figures_cli

        talk = figures_cli.Request(
            **given, systems=systems, policies=policy or (), chains=chain or (), trace=trace
        )
        figures_cli.figures(_console(), talk)


@app.command()
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
    from falcon_ctl.sweeps import cli as sweeps_cli

    files.set_sharing(shared)
    if trace is not None:
        trace_file.verify(trace)
    request = sweeps_cli.Request(
        spec, results_dir or out, policy or (), scheduler, workers, plot, trace, point or ()
    )
    sweeps_cli.sweep(_console(), request)


@app.command()
def sensitivity(
    which: Annotated[
        str, typer.Option("--figures", metavar="LIST", help="Figures, comma-separated, of 1 to 7.")
    ] = "all",
    percent: Annotated[
        int, typer.Option(metavar="P", min=1, max=99, help="How much each cost is changed.")
    ] = 30,
    seeds: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="Runs of everything.")
    ] = 5,
    results_dir: Results = RESULTS,
    shared: Shared = False,
) -> None:
    """Change each cost of the profile in turn: which costs decide each figure.

    Takes minutes. Writes results/<time>/ with CSV and a tornado plot for each figure.

    Examples:
      falcon_ctl sensitivity --figures 2 --percent 10
    """
    from falcon_ctl.figures import cli as figures_cli

    files.set_sharing(shared)
    figures_cli.sensitivity(_console(), which, percent, seeds, results_dir)


@app.command()
def order(
    seeds: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="Runs of everything.")
    ] = 5,
    results_dir: Results = RESULTS,
    shared: Shared = False,
) -> None:
    """Compare the ways to keep flows in order whose stages change cores: the price of order.

    Needs no network. Writes results/<time>/ with CSV and a picture. Exit status 1 when hand-over
    reorders anything; loads with which it costs more than 5 % of the rate are named.

    Examples:
      falcon_ctl order --seeds 10
    """
    from falcon_ctl.figures import price_report

    files.set_sharing(shared)
    raise typer.Exit(0 if price_report.order(_console(), seeds, results_dir) else 1)


@app.command()
def fit(
    amounts: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="Amounts to fit, such as ip_rcv.ns (default: all that matter)."
        ),
    ] = "",
    costs: Annotated[
        str | None, typer.Option(metavar="FILE.toml", help="The cost profile to begin with.")
    ] = None,
    rounds: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="Steps of the solver at most.")
    ] = 6,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Write a profile with them to FILE.")
    ] = None,
    shared: Shared = False,
) -> None:
    """Fit the cost profile's amounts to the panels that may set them, by least squares.

    Takes minutes. Says how well each amount is determined. Exit status 1 when the profile's amounts
    are not those within their errors.

    Examples:
      falcon_ctl fit
      falcon_ctl fit --amounts ip_rcv.ns --write mine.toml
    """
    from falcon_ctl.fit import cli as fit_cli

    files.set_sharing(shared)
    profile = costs or fit_cli.PROFILE
    holds = fit_cli.fit(_console(), amounts, profile, rounds, write)
    raise typer.Exit(0 if holds else 1)


@app.command()
def systems(
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the table to FILE.", readable=False),
    ] = None,
    shared: Shared = False,
) -> None:
    """Check every tick and cross of the talk's systems under the virtual clock.

    Needs no network and takes some seconds. Exit status 1 when one does not hold.

    Examples:
      falcon_ctl systems --json systems.json
    """
    from falcon_ctl.claims import cli as claims_cli

    files.set_sharing(shared)
    raise typer.Exit(0 if claims_cli.check_all(_console(), json) else 1)


app.command()(apps_cli.apps)
app.command()(report_cli.report)
app.command()(steering_cli.use)
app.command()(steering_cli.show)
app.command()(steering_cli.flow)
app.command()(watch_cli.watch)
app.command()(timeline_cli.timeline)
app.command()(dashboard_cli.dashboard)
help_text.flow(app)  # the last: of all commands


def main(argv: list[str]) -> NoReturn:
    """Run the command line; every reported error is one line on standard error."""
    # p4runtime-shell logs to the root logger what is reported as an error here.
    logging.basicConfig(handlers=[logging.NullHandler()])
    files.set_sharing(False)
    if not argv or (argv[0].startswith("-") and argv[0] not in _OF_NO_COMMAND):
        argv = ["run", *argv]
    command.remember(argv)
    with signals.ending("falcon_ctl") as ending:
        status = _status(argv, ending)
        ending.leave()
    sys.exit(status)


def _status(argv: list[str], ending: signals.Ending) -> int:
    """The exit status of a call; what went wrong is printed."""
    try:
        status = run_app(app, "falcon_ctl", argv)
    except CtlError as error:
        return _report(str(error), error.exit_status)
    except ConfigError as error:
        return _report(str(error), UsageError.exit_status)
    except TopoError as error:  # the daemon ended or does not answer
        return _report(str(error), PartFailed.exit_status)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _report(f"{where}{error.strerror or error}", PartFailed.exit_status)
    except Exception:
        if not ending.number:
            raise
    except KeyboardInterrupt:
        pass
    else:
        if not ending.number:
            return status
    # typer takes KeyboardInterrupt for itself, and in a callback of LLVM's it is lost
    return _report("interrupted; nothing was written", Interrupted.exit_status)


def _report(what: str, status: int) -> int:
    print(f"falcon_ctl: {escaped(what)}", file=sys.stderr)
    return status
