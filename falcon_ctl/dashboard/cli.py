"""The command `falcon_ctl dashboard`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from falcon_ctl import files
from falcon_ctl.errors import Interrupted, NoNetwork, UsageError
from falcon_ctl.options import RESULTS, Results, RunDir, Shared

PORT = 8321
FOLDER = "recordings"
_NEEDED = ("starlette", "uvicorn", "websockets")


def dashboard(
    port: Annotated[
        int,
        typer.Option(metavar="PORT", min=0, max=65535, help="Port on 127.0.0.1; 0: any free one."),
    ] = PORT,
    replay: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Begin with this recording; needs no network."),
    ] = None,
    results_dir: Results = RESULTS,
    shared: Shared = False,
    run_dir: RunDir = None,
) -> None:
    """Show the running network as a web page, and steer it there; ends with Ctrl-C.

    Prints an address with a token: whoever has it may look and steer, nobody else. Without a
    network the page offers recordings, and shows the network as soon as one is up. Recordings are
    in the folder recordings/ of the results.

    Examples:
      falcon_ctl dashboard
      falcon_ctl dashboard --port 0 --results lecture
      falcon_ctl dashboard --replay results/recordings/2026-01-31T09-00-00.jsonl
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        expected = "the extra: pip install 'falcon-testbed[dashboard]'"
        raise UsageError("dashboard", f"{', '.join(missing)} not installed", expected)
    from falcon_ctl.dashboard.network_source import NetworkSource
    from falcon_ctl.dashboard.recordings import Folder, read
    from falcon_ctl.dashboard.server import serving

    files.set_sharing(shared)
    folder = Folder(results_dir / FOLDER, f"falcon-testbed {_version()}", extra=replay)
    opened = read(replay) if replay else None
    opener = partial(NetworkSource, run_dir)
    try:
        with serving(opener, folder, port, replay=opened) as served:
            typer.echo(f"dashboard: {served.access.address}")
            if opened is None:
                _say_without_network(run_dir)
            served.wait()
    except KeyboardInterrupt as error:
        raise Interrupted("the network goes on as it is") from error


def _say_without_network(run_dir: Path | None) -> None:
    from falcon_ctl.live import watch

    try:
        watch.connect(run_dir).close()
    except NoNetwork as error:
        typer.echo(f"{error}; until then the page offers recordings")


def _version() -> str:
    try:
        return importlib.metadata.version("falcon-testbed")
    except importlib.metadata.PackageNotFoundError:
        return "of a checkout"
