"""Build the wheels of this repository and install them into virtual environments of their own.

Nothing is downloaded: dependencies come from the environment that runs the tests.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


def build_wheel(source: Path, into: Path) -> Path:
    """Build the wheel of the project in `source`; return its path in the new folder `into`."""
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(into)]
    subprocess.run([*PIP, "wheel", *options, str(source)], check=True, cwd=into.parent)
    (wheel,) = into.glob("*.whl")
    return wheel


class Environment:
    """A new virtual environment without any package, not even pip."""

    def __init__(self, path: Path) -> None:
        venv.create(path, symlinks=True)
        self.bin = path / "bin"
        (self.site_packages,) = path.glob("lib/python*/site-packages")

    def install(self, wheel: Path) -> None:
        """Install a wheel, without its dependencies."""
        options = ["--python", str(self.bin / "python"), "install", "--no-deps", "--no-index"]
        subprocess.run([*PIP, *options, str(wheel)], check=True, cwd=self.bin)

    def declared(self, name: str) -> Iterator[Requirement]:
        """Yield the requirements of an installed distribution that apply here, extras left out."""
        (distribution,) = metadata.distributions(name=name, path=[str(self.site_packages)])
        yield from applicable(distribution.requires or ())

    def link(self, requirements: Iterable[Requirement]) -> None:
        """Make distributions of the current environment, and all that they require, available.

        Files are linked one by one, as distributions may share a folder (``google``).
        """
        pending, linked = list(requirements), set[str]()
        while pending:
            requirement = pending.pop()
            distribution = metadata.distribution(requirement.name)
            assert requirement.specifier.contains(distribution.version, prereleases=True)
            if requirement.name not in linked:
                linked.add(requirement.name)
                self._link_files(distribution)
                pending.extend(applicable(distribution.requires or ()))

    def _link_files(self, distribution: metadata.Distribution) -> None:
        for file in distribution.files or ():
            if file.parts[0] in ("..", "__pycache__") or file.suffix == ".pyc":
                continue  # scripts lie outside of site-packages
            link = self.site_packages / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(Path(str(distribution.locate_file(file))).resolve())

    def link_everything(self) -> None:
        """Make every distribution of the current environment available, but no checkout."""
        folders = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        (self.site_packages / "dependencies.pth").write_text("\n".join(folders) + "\n")


def run(environment: Environment, program: str, *arguments: str | Path) -> str:
    """Run a program of an environment as if no other existed; return its standard output."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [environment.bin / program, *arguments],
        env=clean,
        cwd=environment.bin,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def applicable(requirements: Iterable[str]) -> Iterator[Requirement]:
    """Parse requirements; leave out those for extras or for another Python."""
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement
