"""The same networks for an ordinary user: no root, no sudo, no capability."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.topo import unprivileged

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(os.geteuid() != 0, reason="all tests run as an ordinary user already"),
]
HERE = Path(__file__).parent


@pytest.fixture
def home() -> Iterator[Path]:
    path = unprivileged.make_home()
    yield path
    shutil.rmtree(path)


def run(home: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        unprivileged.command(argv, home), capture_output=True, text=True, cwd=unprivileged.ROOT
    )


def test_the_user_has_no_privileges(home: Path) -> None:
    done = run(home, "sh", "-c", "id -u; id -g; grep Cap /proc/self/status; cd; touch x; pwd")
    assert done.returncode == 0, done.stderr
    uid, gid, *capabilities, directory = done.stdout.splitlines()
    assert uid == gid == str(unprivileged.NOBODY)
    assert directory == str(home)
    held = {line.split()[0]: int(line.split()[1], 16) for line in capabilities}
    assert [held[name] for name in ("CapInh:", "CapPrm:", "CapEff:", "CapAmb:")] == [0] * 4
    assert run(home, "sh", "-c", "exit 7").returncode == 7


@pytest.mark.parametrize(
    ("module", "tests", "least"),
    [
        ("test_topo_network.py", "test", 20),
        ("test_topo_hostile_container.py", "test", 35),
        (
            "test_topo_containers.py",
            "its_root or its_own or manages or home_directory or privileged or other_users",
            9,
        ),
        ("test_topo_one_network.py", "directory or stopped or starting", 4),
        ("test_topo_repair.py", "machine", 1),
        # Those in which privilege could make a difference.
        (
            "test_topo_lifecycle.py",
            "down_leaves or sigkill or dead_program or reported or untouched or interrupted",
            8,
        ),
    ],
)
@pytest.mark.timeout(600)
def test_the_same_works_for_an_ordinary_user(
    home: Path, module: str, tests: str, least: int
) -> None:
    options = ["-q", "-p", "no:cacheprovider", f"--basetemp={home}/pytest", "-k", tests]
    done = run(home, sys.executable, "-m", "pytest", *options, str(HERE / module))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout.splitlines()[-1])
    assert passed
    assert int(passed[1]) >= least
