"""The Makefile's files belong to who owns the checkout, also under sudo."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.environments import ROOT
from tests.topo.unprivileged import NOBODY, give_away

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="sudo is for root")

# Makes an environment whose Python writes down who called it, and makes a file as pip would.
FAKE_PYTHON = """#!/bin/sh
mkdir -p "$3/bin"
cat >"$3/bin/python" <<'END'
#!/bin/sh
echo "$(id -u) $HOME $*" >>calls
touch ".venv/$(id -u)"
END
chmod +x "$3/bin/python"
"""


@pytest.fixture
def checkout() -> Iterator[Path]:
    """What `make install` reads, with a Python that only notes its calls, an ordinary user's."""
    folder = Path(tempfile.mkdtemp(prefix="falcon-make-", dir="/tmp"))
    for name in ("Makefile", "pyproject.toml", "v1switch/pyproject.toml"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "tools").mkdir()
    (folder / "tools" / "system.sh").touch()
    (folder / "python").write_text(FAKE_PYTHON)
    (folder / "python").chmod(0o755)
    (folder / "calls").touch()
    (folder / "calls").chmod(0o666)
    folder.chmod(0o755)
    give_away(folder)
    yield folder
    shutil.rmtree(folder)


def make(folder: Path, *prefix: str, **env: str) -> subprocess.CompletedProcess[str]:
    left_out = ("VIRTUAL_ENV", "SUDO_UID", "SUDO_GID", "MAKEFLAGS", "MAKELEVEL")
    clean = {name: value for name, value in os.environ.items() if name not in left_out}
    command = [*prefix, "make", "PYTHON=./python", "install"]
    return subprocess.run(
        command, cwd=folder, env=clean | env, capture_output=True, text=True, check=False
    )


AS_USER = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@needs_root
def test_sudo_leaves_nothing_of_roots_in_the_checkout(checkout: Path) -> None:
    done = make(checkout, SUDO_UID=str(NOBODY), SUDO_GID=str(NOBODY))
    assert (done.returncode, done.stderr) == (0, "")
    calls = (checkout / "calls").read_text().splitlines()
    pip = [line.split() for line in calls if "-m pip install" in line]
    assert [line[0] for line in pip] == [str(NOBODY)]
    assert pip[0][1] != os.environ.get("HOME")
    assert any(line.startswith("0 ") and "rxpath warm" in line for line in calls)
    theirs = {path.name for path in checkout.rglob("*") if path.stat().st_uid == 0}
    assert theirs == {"0"}  # what a Python that runs as root wrote by itself
    again = make(checkout, *AS_USER)
    assert (again.returncode, again.stderr) == (0, "")


@needs_root
def test_an_environment_of_roots_is_named_with_what_mends_it(checkout: Path) -> None:
    env = checkout / ".venv"
    shutil.copytree(checkout / "tools", env / "bin")
    (env / "bin" / "python").touch()  # an environment that was made, but not completed
    env.chmod(0o755)
    done = make(checkout, *AS_USER)
    assert done.returncode == 2
    assert f"sudo chown -R {NOBODY}:{NOBODY} .venv" in done.stderr
    assert done.stdout == ""
