"""The command `watch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from falcon_ctl import files
from falcon_ctl.options import RunDir

_SHORTEST_S = 0.05


def watch(
    once: Annotated[
        bool, typer.Option("--once", help="Print one picture, measured over --interval, and end.")
    ] = False,
    json: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write an observation per line to FILE (/dev/stdout: to a pipe).",
            readable=False,
        ),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=_SHORTEST_S,
            max=3600,
            help="Between two observations [default: on the screen 0.1, or more where that "
            "would take 5% of a core; else 1].",
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0, help="End by itself after this time."),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            "--replay",
            metavar="FILE",
            help="Watch what --json FILE wrote instead of a network, as fast as it was written.",
        ),
    ] = None,
    run_dir: RunDir = None,
) -> None:
    """Watch the running network: cores by stage, queues, flows, drops, events; switch its system.

    In a terminal a screen: s, p and t choose system, policy and threshold, ? is help, q ends. Where
    the output is no terminal, a line a second for each machine that receives. Any number of
    watchers may run, also beside the main job.

    Examples:
        falcon_ctl watch

        falcon_ctl watch --once

        falcon_ctl watch --duration 10 --json /dev/stdout | jq .hosts.m2.pps

        falcon_ctl watch --interval 0.1 --json session.jsonl

        falcon_ctl watch --replay session.jsonl
    """
    from falcon_ctl.watch_screen import run

    if json is not None:
        files.verify_target(f"--json {json}", json)
    source = run.source_of(replay, run_dir, interval)
    run.watching(source, once, json, interval, duration)
