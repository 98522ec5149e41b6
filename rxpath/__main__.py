"""``python -m rxpath --config FILE`` runs a machine; ``python -m rxpath warm`` compiles."""

from __future__ import annotations

import logging
import os
import sys
import time
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from rxpath import signals
from rxpath.errors import RxPathError
from rxpath.texts import escaped


class LogLevel(str, Enum):
    """Levels of log messages."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


UsageError: Any = typer.BadParameter.__mro__[1]  # of the click that typer carries or needs
app = typer.Typer(pretty_exceptions_enable=False)


class _Formatter(logging.Formatter):
    """Escapes control characters: messages quote what clients of the control socket send."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(escaped, super().format(record).split("\n")))


def _fail(error: RxPathError) -> NoReturn:
    """One line and exit status 2: a wrong key, a missing interface, a socket that is taken."""
    typer.echo(f"rxpath: {escaped(str(error))}", err=True)
    raise typer.Exit(2) from error


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="JSON file of the machine.")] = None,
    log_level: Annotated[LogLevel, typer.Option(help="Lowest level to log.")] = LogLevel.INFO,
) -> None:
    """Emulate the receiving host of one machine on its interfaces."""
    if context.invoked_subcommand is not None:
        return
    if config is None:
        typer.echo("rxpath: --config: missing, expected a machine's JSON file", err=True)
        raise typer.Exit(2)
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=log_level.name)
    from rxpath.live import config as files  # --help need not wait for Numba
    from rxpath.live import service

    try:
        service.serve(files.load(config))
    except RxPathError as error:
        _fail(error)


@app.command()
def warm() -> None:
    """Compile the kernels of both clocks into the cache, so that the first run starts at once."""
    started = time.monotonic()
    typer.echo("rxpath: compiling kernels (once for each version, about 20 s) ...")
    from rxpath import results
    from rxpath.live import host

    host.replay(host.example())
    results.warm()
    typer.echo(f"rxpath: kernels ready after {time.monotonic() - started:.1f} s")


def main() -> int:
    """Run a command; a wrong call gets one line on standard error and exit status 2."""
    os.umask(os.umask(0o077) | 0o022)  # nobody else may write our recordings and caches
    with signals.ending("rxpath") as ending:
        try:
            status = int(app(prog_name="rxpath", standalone_mode=False) or 0)
        except UsageError as error:
            typer.echo(f"rxpath: {escaped(' '.join(error.format_message().split()))}", err=True)
            status = 2
        except (KeyboardInterrupt, typer.Abort):
            status = 130
        ending.leave()
        return status


if __name__ == "__main__":
    sys.exit(main())
