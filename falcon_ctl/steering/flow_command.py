"""Sends a flow for a user who waits for it: progress, report, files."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from falcon_ctl import files, terminal
from falcon_ctl.errors import Interrupted
from falcon_ctl.live import watch
from falcon_ctl.report.document import as_json
from falcon_ctl.steering import flow as flows
from falcon_ctl.steering import flow_trace, show_text
from falcon_ctl.steering.flow_report import FlowProgress, FlowReport
from falcon_ctl.steering.flow_request import FlowRequest
from falcon_ctl.steering.session import Session
from falcon_ctl.timeline import trace_file


def flow(
    run_dir: Path | None, request: FlowRequest, json: Path | None, trace: Path | None
) -> FlowReport:
    """Send it through the network of `run_dir`, print its report and write what is asked for.

    Raises:
        UsageError: the request does not fit the network, or a file cannot be written.
        PartFailed: a part of the network failed.
        Interrupted: by the user.
    """
    if json is not None:
        files.verify_target(f"--json {json}", json)
    if trace is not None:
        trace_file.verify(trace)
    aside, out = Console(highlight=False, stderr=True), terminal.console(json)
    with (
        watch.connect(run_dir) as network,
        Session.open(network) as session,
        Live(console=aside, transient=True, refresh_per_second=5) as live,
    ):
        request.verify(session.topology)

        def tell(state: FlowProgress) -> None:
            if aside.is_terminal:
                live.update(Text(show_text.progress(state, request.seconds)))

        try:
            with flow_trace.recorded(network, request, trace) as runs:
                report = flows.send(session, request, tell)
        except KeyboardInterrupt as error:
            raise Interrupted("the flow has ended, the network goes on as it is") from error
        live.stop()
        for line in report.lines():
            out.print(line, markup=False, soft_wrap=True)
        if json is not None:
            files.replace(json, as_json(report.to_json()))
        if trace is not None:
            flow_trace.write(out, trace, report, runs, network)
    return report
