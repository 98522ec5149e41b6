"""Runs a page's commands as a reader would: servers, terminals, installs, interfaces.

Nearly all that a page asks for is there, or made here; `titles` says what that is.
"""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from labs.pages import runner
from labs.pages.blocks import Block, Command, lacking
from labs.pages.parsing import ROOT, check
from tests.docs import given, installing, interactive, namespace, titles
from tests.docs.titles import Title

SECONDS = 240
USES = "python -m falcon_ctl use"
PROGRAMMED = (USES, "python -m falcon_ctl shell")  # what needs a switch with a program
STARTS, ENDS = ("make topo",), ("make down", "python -m topo down")
SERVES = 90  # s until a server serves
MODULES = {
    "dask": "dask",
    "falcon_ctl": "falcon_ctl",
    "falcon-topo": "topo",
    "pytest": "pytest",
    "rxpath": "rxpath",
    "v1switch": "v1switch",
}


class Folder(runner.Folder):
    """As of labs.pages, with a copy of p4, the installed programs, and what blocks may ask for."""

    def __init__(
        self, path: Path, run_dir: Path, installs: installing.Installing | None = None
    ) -> None:
        super().__init__(path, run_dir)
        self._installs = installs
        (path / "p4").unlink()
        shutil.copytree(ROOT / "p4", path / "p4")  # `make p4` writes there
        stamps = " ".join(f"-o {name}" for name in ("install", *_stamps()))
        programs = {"make": f"{shutil.which('make')} {stamps} PY={sys.executable}", "sudo": "env"}
        programs |= {name: f"{sys.executable} -m {module}" for name, module in MODULES.items()}
        for name, program in programs.items():
            (path / ".bin" / name).write_text(f'#!/bin/sh\nexec {program} "$@"\n')
            (path / ".bin" / name).chmod(0o755)

    def run(self, block: Block, command: Command, prefix: Sequence[str] = ()) -> None:
        """Run a command, and look for the lines that the page shows.

        `prefix`: words that enter a namespace.
        """
        title = titles.understood(block.title)
        inside = command.text.startswith("python -m falcon_ctl") and not set("|&;>#") & set(
            command.text
        )
        if inside and not prefix:
            status, output = self._inside(command.text)
        else:
            status, output = self._run(
                command.text, self.argv(command.text, prefix), title.installs
            )
        assert status == 0, f"{block.where}: $ {command.text}\nstatus {status}\n{output}"
        missing = lacking(command.shown, output)
        assert not missing, f"{block.where}: $ {command.text}\nno line like: {missing}\n{output}"

    def argv(self, text: str, prefix: Sequence[str] = ()) -> list[str]:
        """A command line, as a shell runs it, with the files that it takes."""
        given.give(self.path, self.path / "home", text)
        return [*prefix, "bash", "-c", text]

    def variables(self, text: str, installs: bool = False) -> dict[str, str]:
        """The environment of a command."""
        home = {}
        if "~/" in text:  # with the compiled code of this user: to compile it takes a while
            cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
            home = {"HOME": str(self.path / "home"), "XDG_CACHE_HOME": cache}
        if installs and self._installs is not None:
            there = self._installs.variables
            path = f"{there['PATH']}:{self.env['PATH']}"
            return {**self.env, **home, **there, "PATH": path}
        return {**self.env, **home}

    def place(self, text: str) -> Path:
        """A container sees nothing of /tmp, and mkdocs looks where links lead."""
        return ROOT if " topo exec " in text or text == "make docs" else self.standing

    def _run(self, text: str, argv: Sequence[str], installs: bool) -> tuple[int, str]:
        done = subprocess.run(
            argv, cwd=self.place(text), env=self.variables(text, installs),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=SECONDS,
        )  # fmt: skip
        return done.returncode, done.stdout


def run_page(folder: Folder, page: list[Block]) -> None:
    """Run a page's blocks in their order, but for what starts and ends the shared network.

    Each begins with a network as it was at first, whatever another page has left.
    """
    if any(command.text.startswith(PROGRAMMED) for block in page for command in block.commands):
        folder.run(page[0], Command(f"{USES} host --dilation 1000", ()))
    for block in page:
        if block.is_file:
            path = folder.path / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body)
        elif block.language == "python":
            folder.python(block)
        elif block.language == "console":
            _console(folder, block)


def _console(folder: Folder, block: Block) -> None:
    assert block.commands, f"{block.where}: no line begins with $"
    title = titles.understood(block.title)
    if why_not(block):
        for command in block.commands:
            check(command.text)
    elif title.typed:
        for command in block.commands:
            where, env = folder.place(command.text), folder.variables(command.text)
            interactive.in_terminal(command, title.typed, where, env, SECONDS)
    elif title.serves:
        _served(folder, block, title)
    else:
        for command in block.commands:
            if command.text not in (*STARTS, *ENDS):
                folder.run(block, command)


def _served(folder: Folder, block: Block, title: Title) -> None:
    """Servers, each started when the one before it serves, and what uses them."""
    *servers, last = block.commands
    servers += [] if title.last_ends else [last]
    with contextlib.ExitStack() as stack:
        prefix: Sequence[str] = ()
        if not any(" topo exec " in command.text for command in block.commands):  # has one
            prefix = stack.enter_context(namespace.entered())
        for command in servers:
            argv = folder.argv(command.text, prefix)
            where, env = folder.place(command.text), folder.variables(command.text)
            out = folder.path / f".said-{len(command.text)}-{block.line}"
            stack.enter_context(interactive.serving(command, argv, where, env, SERVES, out))
        if title.last_ends:
            folder.run(block, last, prefix)


def why_not(block: Block) -> str:
    """Why a block is not run here; "" when it is."""
    title = titles.understood(block.title)
    if title.reason or title.elsewhere:
        return title.reason or f"{' and '.join(title.elsewhere)} runs it"
    if title.installs:
        reasons = (installing.why_not(command.text) for command in block.commands)
        return next((reason for reason in reasons if reason), "")
    return ", ".join(need for need in title.needs if not _is_here(need))


def _is_here(need: str) -> bool:
    if need in MODULES:
        return importlib.util.find_spec(MODULES[need]) is not None
    if need == titles.ROOT:
        return os.geteuid() == 0
    if need in (titles.INTERFACES, titles.CLUSTER):
        return shutil.which("unshare") is not None
    return shutil.which(need) is not None


def ran_by(block: Block) -> list[str]:
    """Commands of a block that is run elsewhere which the files that it names have not."""
    files = [
        path
        for name in titles.understood(block.title).elsewhere
        for path in (sorted((ROOT / name).glob("*.py")) or [ROOT / name])
    ]
    parts = [part.strip() for command in block.commands for part in command.text.split("&&")]
    texts = [path.read_text() for path in files]
    return [
        part for part in parts if part not in STARTS and not any(part in text for text in texts)
    ]


def _stamps() -> list[str]:
    """Files of the environment by which make knows that packages are installed."""
    names = (
        ".falcon-testbed",
        ".falcon-testbed-dev",
        ".falcon-testbed-docs",
        ".falcon-testbed-labs",
    )
    env = os.environ.get("VIRTUAL_ENV", ".venv")
    return [f"{env}/{name}" for name in names]
