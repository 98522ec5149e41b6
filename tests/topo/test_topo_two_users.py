"""Two users of one computer, each without root: neither sees anything of the other's network."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.topo import unprivileged
from tests.topo.driver import ROOT, Topo
from tests.topo.neighbour import ATTEMPTS
from topo.client import pids

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it becomes two other users"),
    pytest.mark.xdist_group("two users"),  # the same two, who have one default directory each
]
PROGRAM = str(Path(__file__).with_name("neighbour.py"))
SMALL = str(Path(__file__).with_name("small.yaml"))
ALICE, BOB = 64001, 64002
# Root of a user namespace of one's own has every capability there, and none outside.
AS_ROOT = ("unshare", "--user", "--map-root-user")


class User(NamedTuple):
    uid: int
    home: Path
    topo: Topo


@contextmanager
def user(uid: int) -> Iterator[User]:
    """A user with a home and a run directory, and nothing else."""
    home = unprivileged.make_home(uid)
    run_dir = Path(tempfile.mkdtemp(prefix="topo-test-", dir="/tmp"))
    unprivileged.give_away(run_dir, uid)
    topo = Topo(run_dir, unprivileged.command([], home, uid))
    try:
        yield User(uid, home, topo)
    finally:
        topo("down")
        shutil.rmtree(home)
        shutil.rmtree(run_dir)


class Two(NamedTuple):
    alice: User
    bob: User
    pids: list[int]

    def attack(self, who: User, prefix: tuple[str, ...] = ()) -> dict[str, list[str]]:
        """What each attempt of `who` against Alice's network reaches."""
        given = {"run_dir": str(self.alice.topo.run_dir), "uid": ALICE, "pids": self.pids}
        argv = [*prefix, sys.executable, "-I", "-S", PROGRAM, json.dumps(given)]
        command = unprivileged.command(argv, who.home, who.uid)
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        outcomes: dict[str, list[str]] = json.loads(done.stdout)
        return outcomes


@pytest.fixture(scope="module")
def two() -> Iterator[Two]:
    """Both networks are up; a program runs in a container of Alice's."""
    with ExitStack() as stack:
        alice, bob = (stack.enter_context(user(uid)) for uid in (ALICE, BOB))
        alice.topo("up", SMALL)
        bob.topo("up", SMALL)
        program = alice.topo.start("exec", "red1-1", "--", "sh", "-c", "echo up; exec sleep 1000")
        stack.callback(program.wait)
        stack.callback(program.terminate)
        assert program.stdout is not None
        assert program.stdout.readline() == "up\n"
        daemon = next(
            p.pid for p in pids.processes() if _is_daemon(p.pid, alice.topo.run_dir) and p.ppid != 1
            and len(p.nspids) == 2 and p.nspids[-1] != 1
        )  # fmt: skip
        init = pids.init_of(daemon)
        assert init is not None
        family = [init, *pids.translation(daemon).values()]
        # Process 1, the daemon, the launcher, three nodes, two programs, and what runs in red1-1.
        assert len(family) >= 9
        yield Two(alice, bob, family)


def _is_daemon(pid: int, run_dir: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"topo.daemon" in words and os.fsencode(run_dir) in words


@pytest.fixture(scope="module")
def by_bob(two: Two) -> dict[str, list[str]]:
    return two.attack(two.bob)


@pytest.fixture(scope="module")
def by_bob_as_root(two: Two) -> dict[str, list[str]]:
    return two.attack(two.bob, AS_ROOT)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_another_user_reaches_nothing(by_bob: dict[str, list[str]], name: str) -> None:
    assert by_bob[name] == []


@pytest.mark.parametrize("name", ATTEMPTS)
def test_nor_as_root_of_a_user_namespace(by_bob_as_root: dict[str, list[str]], name: str) -> None:
    assert by_bob_as_root[name] == []


def test_the_attempts_can_succeed(two: Two) -> None:
    """As the owner, who may: otherwise an attempt with a mistake in it would prove nothing."""
    lists = {"sockets_of_the_computer", "shared_memory", "temporary_files"}
    hers = two.attack(two.alice)
    assert {name for name, found in hers.items() if found} == ATTEMPTS.keys() - lists
    assert set(hers["connecting_to_sockets"]) == {"topo.sock", "s1.p4rt.sock", "rx-m1.sock"}


def test_both_networks_are_up_and_each_user_has_his_own(two: Two) -> None:
    for who in (two.alice, two.bob):
        state = who.topo.status()
        assert state["run_dir"] == str(who.topo.run_dir)
        assert [part["returncode"] for part in state["parts"]] == [None, None]
        assert who.topo("exec", "red1-1", "--", "hostname").stdout == "red1-1\n"
    listed = two.bob.topo("list", "--all").stdout
    assert str(two.bob.topo.run_dir) in listed
    assert str(two.alice.topo.run_dir) not in listed


def test_taking_all_of_ones_own_down_leaves_the_others(two: Two) -> None:
    two.bob.topo("down", "--all")
    assert two.alice.topo("exec", "red1-1", "--", "echo", "still here").stdout == "still here\n"
    two.bob.topo("status", status=3)


@pytest.mark.parametrize("kind", ["directory", "open directory", "file", "link to a directory"])
def test_the_default_run_directory_taken_by_another_user(kind: str) -> None:
    """Nothing is written there, and the message says what to do."""
    place = Path(f"/tmp/falcon-testbed-{ALICE}")
    home = unprivileged.make_home(ALICE)
    theirs = Path(tempfile.mkdtemp(prefix="topo-test-", dir="/tmp"))
    unprivileged.give_away(theirs, BOB)
    try:
        match kind:
            case "file":
                place.touch()
            case "link to a directory":
                place.symlink_to(theirs)
            case _:
                place.mkdir(mode=0o777 if kind == "open directory" else 0o700)
                place.chmod(0o777 if kind == "open directory" else 0o700)
        os.chown(place, BOB, BOB, follow_symlinks=False)
        env = {name: value for name, value in os.environ.items() if name != "FALCON_RUN_DIR"}
        argv = unprivileged.command([sys.executable, "-m", "topo", "up", SMALL], home, ALICE)
        done = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2, done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert str(place) in done.stderr
        assert "FALCON_RUN_DIR" in done.stderr
        assert list(theirs.iterdir()) == []
        if "directory" in kind and not place.is_symlink():
            assert list(place.iterdir()) == []
    finally:
        place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()
        shutil.rmtree(home)
        shutil.rmtree(theirs)
