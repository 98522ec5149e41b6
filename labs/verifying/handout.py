"""The commands of a handout run as they stand there, with the reference in the work folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from labs import judging
from labs.judging import Checks
from labs.needs import available
from labs.pages import blocks, parsing, runner
from labs.pages.blocks import Block, Command
from labs.verifying.part import Part
from labs.work import opened
from labs.work.toml_file import dumps

PAGE = "handout.md"
RUN_DIR = "FALCON_RUN_DIR"
IDENTITY = "verify"
PLACEHOLDER = "YOUR-NAME"  # which handouts may write; a student puts the own one there
START = "python -m labs start"
LINES = 12  # of the output of a command that failed


class StudentCheckout(runner.Folder):
    """A checkout with a work folder of a student who has the reference."""

    inside = False

    def __init__(self, path: Path, checks: Checks) -> None:
        super().__init__(path, Path(os.environ.get(RUN_DIR) or path.parent / "run"))
        self.checks, self.lab = checks, checks.lab
        self.work = path / "my-labs"
        self.slowest = (0.0, "")  # s, of the commands that were run
        self.env |= {"LABS_ID": IDENTITY, "LABS_WORK": str(self.work),
                     "LABS_DIR": str(self.lab.folder.parent)}  # fmt: skip

    def run(self, block: Block, command: Command) -> None:
        """Run a command; after ``start`` the student solves the lab, in the work folder."""
        started = time.monotonic()
        text = command.text.replace(f"--id {PLACEHOLDER}", f"--id {IDENTITY}")
        super().run(block, command._replace(text=text))
        self.slowest = max(self.slowest, (time.monotonic() - started, command.text))
        if command.text.startswith(START):
            self._solve()

    def _solve(self) -> None:
        mine = self.work / self.lab.name
        for path in (self.lab.folder / "reference").iterdir():
            if path.is_file():
                shutil.copyfile(path, mine / path.name)
        if self.checks.answers is not None:
            given = judging.parameters(self.checks, opened(self.lab, self.work).id)
            text = dumps(self.checks.answers(given))
            (mine / "answers.toml").write_text(text, encoding="utf-8")
        self.standing = mine


def verified(checks: Checks) -> Part:
    """Run each command once, or parse it where its block says why it cannot be run here."""
    path = checks.lab.folder / PAGE
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    ran, parsed = 0, 0
    part = Part("")
    done: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="labs-") as folder:
        checkout = StudentCheckout(Path(folder) / "checkout", checks)
        for block in blocks.blocks(PAGE, text):
            if block.language != "console":
                continue
            for command in block.commands:
                if command.text in done:
                    continue
                done.add(command.text)
                runs = _runs(block)
                ran, parsed = ran + runs, parsed + (not runs)
                part.problems += _problems(checkout, block, command, runs)
        seconds, slowest = checkout.slowest
        part.notes.append(f"slowest command: {slowest}, {seconds:.1f} s")
    for command_text in blocks.spans(text):
        what = parsing.wrong(command_text, loose=True)
        part.problems += [f"{PAGE}: `{command_text}`: {what}"] if what else []
    part.what = f"handout: {ran} commands run" + (f", {parsed} parsed only" if parsed else "")
    if not any(one.startswith(START) for one in done):
        part.problems.append(f"{PAGE}: no `{START} {checks.lab.number} --id …`")
    return part


def _problems(
    checkout: StudentCheckout, block: Block, command: Command, runs: bool
) -> Iterator[str]:
    try:
        if runs:
            checkout.run(block, command)
        else:
            parsing.check(command.text)
    except AssertionError as error:
        first, *rest = str(error).splitlines()
        yield first
        yield from (f"    {line}" for line in rest[:LINES])
    except subprocess.TimeoutExpired:
        yield f"{block.where}: $ {command.text}: not done after {runner.SECONDS} s"
    except parsing.NotACommand as error:
        yield f"{block.where}: {error}"


def _runs(block: Block) -> bool:
    """Whether a block is run: it needs nothing, or what is here."""
    first, _, rest = block.title.partition(" ")
    first = first.rstrip(":")
    if first == "needs":
        names = rest.replace(" and ", " ").replace(",", " ").split()
        return all(_is_here(name) for name in names)
    return first not in runner.MARKS


def _is_here(name: str) -> bool:
    if name == "network":
        return _network_is_up()
    return available("root") if name == "root" else shutil.which(name) is not None


def _network_is_up() -> bool:
    """Whether there is a network for these commands: one that was named, never just anyone's."""
    return RUN_DIR in os.environ and (Path(os.environ[RUN_DIR]) / "topo.sock").exists()
