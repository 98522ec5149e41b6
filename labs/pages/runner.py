"""Runs the commands of pages as a reader would: one work folder a page, one network for all."""

import contextlib
import io
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from labs.pages.blocks import Block, Command, lacking
from labs.pages.parsing import ROOT

SECONDS = 120
LINKED = ("Makefile", "docs", "falcon_ctl", "labs", "mkdocs.yml", "p4", "pyproject.toml", "rxpath",
          "tests", "tools", "topo", "v1switch")  # fmt: skip
MARKS = ("needs", "takes", "changes", "interactive")


class Folder:
    """A folder that looks like a checkout to commands; what they write stays in it.

    Attributes:
        standing: where commands are run; this folder, until something else is set.
    """

    inside = True  # whether falcon_ctl is run in this process

    def __init__(self, path: Path, run_dir: Path) -> None:
        self.path = self.standing = path
        path.mkdir()
        for name in LINKED:
            (path / name).symlink_to(ROOT / name)
        shims = path / ".bin"
        shims.mkdir()
        programs = dict.fromkeys(("python", "python3"), sys.executable)
        if not shutil.which("sudo") and os.geteuid() == 0:
            programs["sudo"] = ""  # root needs none
        programs["make"] = f"{shutil.which('make')} -o install PY={sys.executable}"
        for name, program in programs.items():
            (shims / name).write_text(f'#!/bin/sh\nexec {program} "$@"\n')
            (shims / name).chmod(0o755)
        self.env = {
            **os.environ,
            "FALCON_RUN_DIR": str(run_dir),
            "LABS_WORK": str(path / "my-labs"),
            "SWITCH": "v1switch",  # of make topo, where nothing else is said
            "PATH": f"{shims}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
            "NO_COLOR": "1",
        }

    def run(self, block: Block, command: Command) -> None:
        """Run a command, and look for the lines that the page shows."""
        plain = not set("|&;>#") & set(command.text)
        inside = self.inside and plain and command.text.startswith("python -m falcon_ctl")
        status, output = self._inside(command.text) if inside else self._shell(command.text)
        assert status == 0, f"{block.where}: $ {command.text}\nstatus {status}\n{output}"
        missing = lacking(command.shown, output)
        assert not missing, f"{block.where}: $ {command.text}\nno line like: {missing}\n{output}"

    def _shell(self, text: str) -> tuple[int, str]:
        # A container sees nothing of /tmp, and a reader stands in the checkout.
        folder = ROOT if " topo exec " in text else self.standing
        done = subprocess.run(
            ["bash", "-c", text], cwd=folder, env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS,
        )  # fmt: skip
        return done.returncode, done.stdout

    def _inside(self, text: str) -> tuple[int, str]:
        """In this process, which has imported everything: a new one takes two seconds for that."""
        from falcon_ctl import cli

        output = io.StringIO()
        with self.entered(), contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                cli.main(self._words(text)[3:])
            except SystemExit as ended:
                status = ended.code
        return int(status or 0), output.getvalue()

    def _words(self, text: str) -> list[str]:
        """As a shell makes them, patterns of files expanded."""
        found = []
        for word in shlex.split(text):
            names = self.path.glob(word) if "*" in word else ()
            found += [str(path.relative_to(self.path)) for path in sorted(names)] or [word]
        return found

    def python(self, block: Block) -> None:
        """Run a block of Python in this process."""
        with self.entered(), contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block.body, block.where, "exec"), {"__name__": "page"})

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Stand in the folder, with its environment, while the block runs."""
        before, environment = Path.cwd(), dict(os.environ)
        os.chdir(self.path)
        os.environ.update(self.env)
        try:
            yield
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(environment)
