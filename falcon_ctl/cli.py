"""The command line: one application, its errors as lines, its exit status."""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

import typer

from falcon_ctl import files
from falcon_ctl.commands import Commands
from falcon_ctl.errors import CtlError, Interrupted, PartFailed, UsageError
from falcon_ctl.report import command
from rxpath import signals
from rxpath.errors import ConfigError
from rxpath.texts import escaped
from topo.cli.runner import run_app
from topo.errors import TopoError

app = typer.Typer(
    name="falcon_ctl",
    cls=Commands,
    help="Drive and check the container overlay network that [bold]make topo[/] brought up.",
    epilog="Without a command: run. Exit status: 0 all checks hold, 1 a check failed or a part "
    "died, 2 wrong usage or no network.",
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_OF_NO_COMMAND = ("--help", "--install-completion", "--show-completion")


@app.callback()
def _group() -> None:
    pass


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
