"""The commands that steer a running network by hand: use, show, flow."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from falcon_ctl import files
from falcon_ctl.errors import Interrupted, UsageError
from falcon_ctl.live import watch
from falcon_ctl.options import Json, RunDir, Seed, Shared, TraceTo
from falcon_ctl.report.document import as_json
from falcon_ctl.steering import choice as choices
from falcon_ctl.steering import entries, flow_trace, show_text
from falcon_ctl.steering import flow as flows
from falcon_ctl.steering.complete import containers, orders, policies, systems
from falcon_ctl.steering.flow_report import FlowProgress
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.steering.session import Session
from falcon_ctl.systems.catalogue import LIVE
from falcon_ctl.timeline import trace_file

_SHOWN_OVER = 0.5  # s between the two looks whose difference `show` shows
_WIDTH = 120  # where there is no terminal


def use(
    system: Annotated[
        str,
        typer.Argument(
            metavar="SYSTEM",
            help=f"System to run: {', '.join(one.name for one in LIVE)}; or your own, "
            "FILE.toml:NAME or FILE.py:NAME.",
            autocompletion=systems,
        ),
    ],
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.py:NAME",
            help="Steering policy in place of the system's own.",
            autocompletion=policies,
        ),
    ] = None,
    threshold: Annotated[
        int | None,
        typer.Option(metavar="PERCENT", help="Load at which FALCON takes a CPU for loaded."),
    ] = None,
    falcon_cpus: Annotated[
        str | None, typer.Option(metavar="LIST", help="FALCON's CPUs, such as 0,2,4 or 0-5.")
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="What keeps flows in order whose stages move: none, rfs or handover.",
            autocompletion=orders,
        ),
    ] = None,
    dilation: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="ns of wall time for a ns of the model: 1000 makes a stage of 1 µs take 1 ms "
            "(default: as it is).",
        ),
    ] = None,
    run_dir: RunDir = None,
) -> None:
    """Make the running network run a system, at once and from now on.

    Switches get the entries that they lack, a switch without a program the program; what was
    learned stays. Knobs that are not given are the system's own. A `falcon_ctl control` that runs
    follows. Frames on their way are not lost.

    Examples:
      falcon_ctl use falcon
      falcon_ctl use falcon --threshold 60 --falcon-cpus 0,2,4 --dilation 200
      falcon_ctl use overlay --policy labs/policies/in_turn.py:in_turn
    """
    chosen = choices.given(system, policy, threshold, _cpus(falcon_cpus), order, dilation)
    with watch.connect(run_dir) as network, Session.open(network) as session:
        applied = session.use(chosen)
    for line in show_text.applied(applied):
        typer.echo(line)


def _console(json: Path | None) -> Console:
    """Where text goes: to standard error when JSON goes to standard output."""
    aside = json is not None and files.is_stdout(json)
    console = Console(highlight=False, stderr=aside)
    return console if console.is_terminal else Console(highlight=False, stderr=aside, width=_WIDTH)


def _cpus(text: str | None) -> list[int] | None:
    """CPUs from such as 0,2,4-6. Raises UsageError."""
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not (low.isdecimal() and (high.isdecimal() or not dash)):
            raise UsageError("--falcon-cpus", text, "CPUs such as 0,2,4 or 0-5")
        found += range(int(low), int(high or low) + 1)
    return found


def show(
    json: Json = None,
    shared: Shared = False,
    run_dir: RunDir = None,
) -> None:
    """Show what the running network does: system, knobs, CPUs, queues, flows, losses.

    Loads and rates are of half a second of wall time. Changes nothing.

    Examples:
      falcon_ctl show
      falcon_ctl show --json /dev/stdout
    """
    files.set_sharing(shared)
    if json is not None:
        files.verify_target(f"--json {json}", json)
    console = _console(json)
    with watch.connect(run_dir) as network, Session.open(network) as session:
        session.observe()
        time.sleep(_SHOWN_OVER)
        seen = session.observe()
        held = entries.held(network, seen.choice)
    show_text.observation(console, seen, held)
    if json is not None:
        files.replace(json, as_json({**seen.to_json(), "switches": held}))


def flow(
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="Container that sends.", autocompletion=containers),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="Container that receives.", autocompletion=containers
        ),
    ],
    proto: Annotated[str, typer.Option(metavar="udp|tcp", help="Protocol.")] = "udp",
    tcp: Annotated[bool, typer.Option("--tcp", help="As --proto tcp.")] = False,
    rate: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help="Messages a second of wall time: with a dilation of 1000, 2000 are 2,000,000 "
            "packets/s of the model (default: 1000; TCP: as many as the connection takes).",
        ),
    ] = None,
    size: Annotated[int, typer.Option(metavar="BYTES", help="Data of a message.")] = 64,
    duration: Annotated[
        float,
        typer.Option(
            "--duration", "--seconds", metavar="SECONDS", help="For how long, of wall time."
        ),
    ] = 10.0,
    poisson: Annotated[
        bool, typer.Option("--poisson", help="Exponential gaps instead of equal ones.")
    ] = False,
    surge: Annotated[
        bool, typer.Option("--surge", help="Four times the rate for the middle third of the time.")
    ] = False,
    peak: Annotated[
        float | None, typer.Option(metavar="N", help="Messages a second of the surge instead.")
    ] = None,
    seed: Seed = 1,
    source_port: Annotated[
        int, typer.Option(metavar="PORT", help="Source port (default: by the seed).")
    ] = 0,
    port: Annotated[
        int, typer.Option(metavar="PORT", help="Port to send to (default: 9100, or the next free).")
    ] = 0,
    json: Json = None,
    trace: TraceTo = None,
    shared: Shared = False,
    run_dir: RunDir = None,
) -> None:
    """Send one flow through what the network runs, and report it.

    Sent and received, rate in model and in wall time, losses by reason, latencies in model time,
    reordering, and the CPUs of each stage. The network may be steered meanwhile.

    Examples:
      falcon_ctl flow red1-1 red2-1 --rate 500 --size 64 --duration 10
      falcon_ctl flow red1-1 red2-1 --tcp --size 4096 --json flow.json
      falcon_ctl flow blue1-1 blue2-1 --rate 300 --poisson --surge
      falcon_ctl flow red1-1 red2-1 --duration 2 --trace flow.perfetto-trace
    """
    files.set_sharing(shared)
    chosen = "tcp" if tcp else proto
    request = FlowRequest(
        source,
        target,
        proto=chosen,
        rate=(0.0 if chosen == "tcp" else 1000.0) if rate is None else rate,
        size=size,
        seconds=duration,
        poisson=poisson,
        surge=surge or peak is not None,
        peak=peak or 0.0,
        seed=seed,
        source_port=source_port,
        port=port,
    )
    if json is not None:
        files.verify_target(f"--json {json}", json)
    if trace is not None:
        trace_file.verify(trace)
    console = Console(highlight=False, stderr=True)
    with (
        watch.connect(run_dir) as network,
        Session.open(network) as session,
        Live(console=console, transient=True, refresh_per_second=5) as live,
    ):
        request.verify(session.topology)

        def tell(state: FlowProgress) -> None:
            if console.is_terminal:
                live.update(Text(show_text.progress(state, request.seconds)))

        try:
            with flow_trace.recorded(network, request, trace) as runs:
                report = flows.send(session, request, tell)
        except KeyboardInterrupt as error:
            raise Interrupted("the flow has ended, the network goes on as it is") from error
        live.stop()
        for line in report.lines():
            _console(json).print(line, markup=False, soft_wrap=True)
        if json is not None:
            files.replace(json, as_json(report.to_json()))
        if trace is not None:
            flow_trace.write(_console(json), trace, report, runs, network)
    if not report.received:
        raise typer.Exit(1)
