"""The commands of ``python -m topo`` and ``falcon-topo``: up, down, list, status, exec, cli, spec.

Exit status: 0 success; 1 failure (for `status`: the network is not usable); 2 wrong usage,
or the machine lacks something; 3 no network is up. `exec` exits with the status of the program.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from topo.cli import complete
from topo.cli.runner import run_app
from topo.errors import CallError, RequestError, TopoError, escaped

if TYPE_CHECKING:
    from topo.client.network import Network

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help, and a faster start
    help="The emulated network: bring it up, inspect it, run programs in it, take it down.",
)

RunDirectory = Annotated[
    Path | None,
    typer.Option(
        "--run-dir",
        metavar="DIR",
        help="run directory of the network (default: $FALCON_RUN_DIR, else your own)",
    ),
]
Json = Annotated[
    Path | None,
    # /dev/stdout may be a pipe of another user's: it can be written to and not be opened
    typer.Option("--json", metavar="FILE", help="write JSON to FILE instead", readable=False),
]
STDOUT = "/dev/stdout"


def main() -> None:
    """Run a command; print an error as one or a few lines on standard error and exit."""
    signal.signal(signal.SIGTERM, _leave)  # so that an interrupted `up` undoes what it began
    signal.signal(signal.SIGHUP, _leave)
    name = Path(sys.argv[0]).name
    name = "topo" if name == "__main__.py" else name  # python -m topo, or falcon-topo
    try:
        sys.exit(run_app(app, name, spelled_out(sys.argv[1:])))
    except TopoError as err:
        for line in str(err).splitlines():
            shown = escaped(line)
            print(shown if line.startswith(" ") else f"{name}: {shown}", file=sys.stderr)
        sys.exit(exit_code(err))
    except BrokenPipeError:  # the reader of our output has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except OSError as err:  # the current directory is gone, no descriptor left …
        where = f"{err.filename}: " if err.filename else ""
        print(f"{name}: {escaped(where)}{err.strerror or err}", file=sys.stderr)
        sys.exit(TopoError.exit_code)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def spelled_out(argv: list[str]) -> list[str]:
    """The arguments, with a file behind a `--json` that has none: standard output, as it was once.

    What stands behind `--` or belongs to a program that is run in a node stays as it is.
    """
    if not argv or argv[0] not in ("list", "status"):
        return argv
    found = []
    for word, after in zip(argv, [*argv[1:], "-"], strict=True):
        found.append(word)
        if word == "--json" and after.startswith("-"):
            found.append(STDOUT)
    return found


def write_json(text: str, path: Path) -> None:
    """Write to a file, or to our standard output where that is meant."""
    if os.fspath(path) in (STDOUT, "-"):
        print(text)
    else:
        path.write_text(f"{text}\n")


def exit_code(error: TopoError) -> int:
    """The exit status of an error; a request that the daemon rejects is wrong usage too."""
    if isinstance(error, RequestError) and error.is_bad_request:
        return CallError.exit_code
    return error.exit_code


def _leave(number: int, _frame: Any) -> NoReturn:
    sys.exit(128 + number)


@app.command()
def up(
    topology: Annotated[
        str,
        typer.Argument(
            help="pair, leafspine[:leaves=2,spines=2,machines=1], fattree[:k=4] or FILE.yaml",
            autocompletion=complete.topologies,
        ),
    ] = "pair",
    switch: Annotated[
        str,
        typer.Option(help="switch target: auto, bmv2 or v1switch", autocompletion=complete.targets),
    ] = "auto",
    ipv6: Annotated[bool, typer.Option("--ipv6", help="leave the kernel's IPv6 on")] = False,
    writable: Annotated[
        list[Path] | None,
        typer.Option(help="let containers write in this directory; can be given more than once"),
    ] = None,
    run_dir: RunDirectory = None,
) -> None:
    r"""Bring the network up; return when it is ready.

    \b
    Examples:
      topo up leafspine:leaves=4
      topo up my.yaml --switch v1switch
    """
    from topo.client.launch import up as bring_up
    from topo.client.writable import for_containers
    from topo.rundir import RunDir
    from topo.spec.sources import load

    spec = load(topology)
    folders = for_containers([*map(Path, spec.writable), *(writable or ())])
    spec = spec.model_copy(update={"ipv6": ipv6 or spec.ipv6, "writable": folders})
    result = bring_up(spec, switch, RunDir(run_dir))
    for note in (*(f"containers may write in {path}" for path in folders), *result.notes):
        print(note)
    what = f"{spec.name} ({result.target})"
    state = f"is up, {result.seconds:.1f} s"
    if result.was_up:
        state = f"is up again, {result.seconds:.1f} s" if result.notes else "is up already"
    print(f"{what} {state}")


@app.command()
def down(
    every: Annotated[
        bool, typer.Option("--all", help="every network of yours, in whatever run directory")
    ] = False,
    run_dir: RunDirectory = None,
) -> None:
    """Take the network down, whatever state it is in; succeeds when none is up, too."""
    from topo.client.shutdown import take_all_down, take_down
    from topo.rundir import RunDir

    if not every:
        print("the network is down" if take_down(RunDir(run_dir)) else "no network was up")
        return
    ended = take_all_down()
    for network in ended:
        print(f"{network.run_dir}: {network.topology} is down")
    if not ended:
        print("no network was up")


@app.command("list")
def list_networks(
    every: Annotated[
        bool, typer.Option("--all", help="every network of yours, in whatever run directory")
    ] = False,
    json_file: Json = None,
    run_dir: RunDirectory = None,
) -> None:
    """List the network of this run directory, or all of yours, also those that lost their files."""
    from topo.cli.view import networks_table
    from topo.client import running
    from topo.client.overview import describe
    from topo.rundir import RunDir

    found = running.networks() if every else running.of(RunDir(run_dir))
    rows = [describe(network) for network in found]
    if json_file is not None:
        write_json(json.dumps([row._asdict() for row in rows], indent=2), json_file)
    else:
        networks_table(rows)


@app.command()
def status(
    json_file: Json = None,
    run_dir: RunDirectory = None,
) -> None:
    """Show every program; exit 0 when the network is usable, 1 when it is not, 3 when none is up.

    Usable means: every interface exists and is up, and every program answers within a second.
    """
    from topo.cli.view import status_table

    with connected(run_dir) as network:
        state = network.status(probe=True)
    if json_file is not None:
        write_json(state.model_dump_json(indent=2), json_file)
    else:
        status_table(state)
    if state.troubles:
        raise typer.Exit(1)


@app.command("exec", context_settings={"ignore_unknown_options": True})
def execute(
    node: Annotated[
        str,
        typer.Argument(help="switch, machine or container", autocompletion=complete.nodes),
    ],
    command: Annotated[list[str], typer.Argument(help="program and arguments, after --")],
    privileged: Annotated[
        bool, typer.Option("--privileged", help="share the container's network only")
    ] = False,
    run_dir: RunDirectory = None,
) -> None:
    r"""Run a program in a node, with this terminal, directory and environment.

    \b
    Examples:
      topo exec red1-1 -- ping -c 3 10.0.0.21
      topo exec red2-1 -- iperf3 -s
    """
    from topo.cli.foreground import run_in

    with connected(run_dir) as network:
        raise typer.Exit(run_in(network, node, command, privileged))


@app.command()
def cli(run_dir: RunDirectory = None) -> None:
    """Open an interactive prompt; `help` lists its commands."""
    from topo.cli.prompt import Prompt

    with connected(run_dir) as network:
        Prompt(network).cmdloop()


@app.command()
def spec(
    topology: Annotated[
        str | None,
        typer.Argument(
            help="as for up; default: the network that is up", autocompletion=complete.topologies
        ),
    ] = None,
    run_dir: RunDirectory = None,
) -> None:
    """Print a topology as YAML, as a start for a file of your own."""
    from topo.spec.sources import load
    from topo.spec.yaml_file import to_yaml

    if topology is not None:
        print(to_yaml(load(topology)), end="")
        return
    with connected(run_dir) as network:
        print(to_yaml(network.spec), end="")


@contextmanager
def connected(run_dir: Path | None) -> "Iterator[Network]":
    """Connect to the network that is up."""
    from topo.client.network import Network

    with Network.connect(run_dir) as network:
        yield network
