"""Files of results: whole or unchanged, nobody else's, and kept when their place fails."""

import json
import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from falcon_ctl import files
from falcon_ctl.errors import NotWritten, UsageError
from falcon_ctl.report import results
from falcon_ctl.sweeps import journal
from tests.topo.unprivileged import NOBODY

ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="files are given to another user")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0], ids=["umask 022", "umask 0"])
def umask(request: pytest.FixtureRequest):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.parametrize(
    ("shared", "file", "folder"), [(False, 0o600, 0o700), (True, 0o644, 0o755)]
)
def test_results_are_private_unless_shared(tmp_path, umask, shared, file, folder):
    files.set_sharing(shared)
    made = results.make(tmp_path / "results", lambda into: (into / "x").touch())
    files.replace(tmp_path / "out.json", "{}")
    assert {mode(tmp_path / "out.json"), mode(made / "x")} == {file}
    assert {mode(made), mode(made.parent)} == {folder}


def test_what_lies_under_a_name_that_can_be_guessed_is_not_touched(tmp_path):
    somebodys = tmp_path / "somebodys"
    somebodys.write_text("precious")
    (tmp_path / "out.json.part").symlink_to(somebodys)
    (tmp_path / ".out.json.part").symlink_to(somebodys)
    target = tmp_path / "out.json"
    target.symlink_to(somebodys)
    files.verify_target("--json", target)
    files.replace(target, "{}")
    assert somebodys.read_text() == "precious"
    assert (target.is_symlink(), target.read_text()) == (False, "{}")


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    target = tmp_path / "out.json"
    target.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        files.replace(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_pipes_and_devices_are_written_into(tmp_path, capfd):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    files.verify_target("--json", pipe)
    with pytest.raises(OSError, match="No such device or address"):
        files.replace(pipe, "nobody reads")
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    while reader.is_alive():
        try:
            files.replace(pipe, "{}")
        except OSError:  # it has not opened the pipe yet
            continue
        reader.join()
    assert found == ["{}"]
    for name in ("/dev/null", "/dev/stdout", "/dev/stderr"):
        files.verify_target("--json", Path(name))
        files.replace(Path(name), name)
    assert capfd.readouterr() == ("/dev/stdout", "/dev/stderr")
    assert Path("/dev/stdout").is_symlink()


def test_a_place_that_cannot_be_written_is_refused_before_the_run(tmp_path):
    (tmp_path / "file").touch()
    files.verify_target("--json", tmp_path / "new.json")
    files.verify_folder("--results", tmp_path / "new" / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    for path, what in (
        (tmp_path, "is a folder"),
        (tmp_path / "nowhere" / "x.json", "No such file"),
        (tmp_path / "file" / "x.json", "Not a directory"),
        (Path("/proc/1/x.json"), "proc/1"),
    ):
        with pytest.raises(UsageError, match=what):
            files.verify_target("--json", path)
    with pytest.raises(UsageError, match="Not a directory"):
        files.verify_folder("--results", tmp_path / "file")


@needs_root
def test_somebody_elses_file_is_refused_before_the_run(tmp_path):
    (tmp_path / "link").symlink_to("somewhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    for name in ("link", "pipe", "file"):
        os.chown(tmp_path / name, NOBODY, NOBODY, follow_symlinks=False)
        with pytest.raises(UsageError, match=f"belongs to uid {NOBODY}"):
            files.verify_target("--json", tmp_path / name)


def test_a_result_without_a_place_is_printed_and_kept(tmp_path, capsys):
    def full() -> None:
        raise OSError(28, "No space left on device")

    def write() -> None:
        with files.Rescue("{}", tmp_path / "run") as rescue:
            assert rescue.attempt("--results", lambda: 7) == 7
            rescue.attempt("--json X", full)

    with pytest.raises(NotWritten) as caught:
        write()
    (kept,) = (tmp_path / "run").iterdir()
    assert kept.read_text() == "{}"
    assert capsys.readouterr().out == "{}\n"
    said = "--json X: No space left on device; the result is printed above and kept in "
    assert str(caught.value) == f"{said}{kept}"


SYSTEMS = """
import sys
from falcon_ctl import cli
from falcon_ctl.claims import check as claims
claims.CLAIMS = claims.CLAIMS[:1]
cli.main(["systems", "--json", sys.argv[1]])
"""


@pytest.mark.slow
def test_a_disk_that_is_full_after_the_run(tmp_path):
    """A file may grow to nothing at all, which is what a full disk does to it."""

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    done = subprocess.run(
        [sys.executable, "-c", SYSTEMS, tmp_path / "x.json"],
        env={**os.environ, "FALCON_RUN_DIR": str(tmp_path / "run")},
        cwd=ROOT,
        preexec_fn=fill,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[-1] == (
        f"falcon_ctl: --json {tmp_path}/x.json: File too large; the result is printed above "
        "and kept nowhere else"
    )
    assert json.loads(done.stdout[done.stdout.index("\n[") :])[0]["holds"] is True
    assert not (tmp_path / "x.json").exists()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


@needs_root
def test_root_leaves_nothing_in_the_home_that_sudo_keeps(tmp_path):
    """Scapy and matplotlib make their folders when they are imported."""
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    env = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home)}
    subprocess.run(
        [sys.executable, "-m", "falcon_ctl", "--help"],
        env=env, cwd=ROOT, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    assert list(home.iterdir()) == []


@needs_root
def test_what_sudo_writes_in_a_users_folder_is_the_users(tmp_path):
    users, link = tmp_path / "users", tmp_path / "link"
    users.mkdir()
    link.write_text("somebody's")
    os.chown(users, NOBODY, NOBODY)
    made = results.make(users / "results", lambda into: (into / "x").touch())
    (users / "link").symlink_to(link)
    files.replace(users / "out.json", "{}")
    with journal.opened(users / "sweeps" / "one"):
        pass
    owners = {path.name: path.lstat().st_uid for path in users.rglob("*")}
    assert owners.pop("link") == 0
    assert owners == dict.fromkeys(
        ("results", made.name, "x", "out.json", "sweeps", "one", "journal"), NOBODY
    )
    assert link.stat().st_uid == 0
    assert results.make(tmp_path / "roots", lambda _: None).stat().st_uid == 0
