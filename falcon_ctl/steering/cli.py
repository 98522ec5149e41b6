"""The commands that steer a running network by hand: use, show, flow."""

from __future__ import annotations

from typing import Annotated

import typer

from falcon_ctl import files
from falcon_ctl.options import Json, RunDir, Seed, Shared, TraceTo
from falcon_ctl.steering import flow_options as options
from falcon_ctl.steering.complete import orders, policies, systems
from falcon_ctl.systems.catalogue import LIVE
from falcon_ctl.terminal import console


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
    from falcon_ctl.live import watch
    from falcon_ctl.steering import choice, show_text
    from falcon_ctl.steering.session import Session

    chosen = choice.from_arguments(
        system, policy, threshold, choice.cpus(falcon_cpus), order, dilation
    )
    with watch.connect(run_dir) as network, Session.open(network) as session:
        applied = session.use(chosen)
    for line in show_text.applied(applied):
        typer.echo(line)


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
    from falcon_ctl.report.document import as_json
    from falcon_ctl.steering import show_text, snapshot

    files.set_sharing(shared)
    if json is not None:
        files.verify_target(f"--json {json}", json)
    seen, held = snapshot.take(run_dir)
    show_text.observation(console(json), seen, held)
    if json is not None:
        files.replace(json, as_json({**seen.to_json(), "switches": held}))


def flow(
    source: options.Source,
    target: options.Target,
    proto: options.Proto = "udp",
    tcp: options.Tcp = False,
    rate: options.Rate = None,
    size: options.Size = 64,
    duration: options.Duration = 10.0,
    poisson: options.Poisson = False,
    surge: options.Surge = False,
    peak: options.Peak = None,
    seed: Seed = 1,
    source_port: options.SourcePort = 0,
    port: options.Port = 0,
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
    from falcon_ctl.steering import flow_command
    from falcon_ctl.steering.flow_request import FlowRequest

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
    report = flow_command.flow(run_dir, request, json, trace)
    raise typer.Exit(0 if report.received else 1)
