"""An environment for blocks that install: the wheels of this checkout, and no network.

pip installs into a virtual environment that sees the packages of the tests, and finds
falcon-testbed and v1switch in a folder of wheels: an extra that is misspelled, or whose packages
are missing or of another version, fails. apt-get finds everything installed, downloads nothing,
and notes what it does in a copy of its state.
"""

import os
import shutil
import subprocess
from pathlib import Path

from labs.pages.parsing import ROOT
from tests.packaging.environments import Environment, build_wheel

_APT = """
APT::Get::Assume-Yes "true";
APT::Get::Download "false";
APT::Get::Upgrade "false";
Dir::State::extended_states "{folder}/extended_states";
"""


class Installing:
    """One for all pages; built when the first block needs it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._environment: Environment | None = None

    @property
    def variables(self) -> dict[str, str]:
        """Of the commands' environment."""
        if self._environment is None:
            self.path.mkdir()
            (self.path / "apt.conf").write_text(_APT.format(folder=self.path))
            wheels = self.path / "wheels"
            wheels.mkdir()
            for name, source in (("v1switch", ROOT / "v1switch"), ("testbed", ROOT)):
                shutil.copy(build_wheel(source, self.path / name), wheels)
            self._environment = Environment(self.path / "venv")
            self._environment.link_everything()
            pip = self._environment.bin / "pip"
            pip.write_text(f'#!/bin/sh\nexec {self._environment.bin}/python -m pip "$@"\n')
            pip.chmod(0o755)
        return {
            "APT_CONFIG": str(self.path / "apt.conf"),
            "PATH": str(self._environment.bin),  # in front of the others
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_FIND_LINKS": str(self.path / "wheels"),
            "PIP_NO_BUILD_ISOLATION": "0",  # pip's word for: no isolation
            "PIP_NO_INDEX": "1",
            "PYTHONPATH": "",
        }


def why_not(text: str) -> str:
    """Why an installing command cannot be run here; "" when it can."""
    words = [word for word in text.split() if word != "sudo"]
    if words[0] != "apt-get":
        return ""
    if os.geteuid() or not shutil.which("apt-get"):
        return "needs root, and apt-get"
    asked = ["dpkg-query", "--show", "--showformat", "${Status}\n", *words[2:]]
    done = subprocess.run(asked, capture_output=True, text=True)
    absent = [line for line in done.stdout.splitlines() if line != "install ok installed"]
    return "it would install something" if done.returncode or absent else ""
