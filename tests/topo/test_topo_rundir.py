"""The run directory: private, locked, and cleaned of our files only."""

import json
import os
from pathlib import Path

import pytest

from topo.client.network import Network
from topo.client.shutdown import take_down
from topo.errors import Busy, NotRunning, RunDirError
from topo.rundir import RunDir
from topo.spec.builders import pair


@pytest.fixture
def private(run_dir: Path) -> RunDir:
    return RunDir(run_dir)


def test_the_environment_variable_selects_it(
    monkeypatch: pytest.MonkeyPatch, run_dir: Path
) -> None:
    monkeypatch.setenv("FALCON_RUN_DIR", str(run_dir))
    assert RunDir().path == run_dir
    monkeypatch.delenv("FALCON_RUN_DIR")
    assert RunDir().path == Path(f"/tmp/falcon-testbed-{os.getuid()}")


def test_a_directory_open_to_others_is_refused(private: RunDir) -> None:
    private.verify()
    private.path.chmod(0o755)
    with pytest.raises(RunDirError, match="expected mode 0700, got 0755"):
        private.verify()


def test_a_symbolic_link_is_refused(private: RunDir) -> None:
    link = private.path / "link"
    link.symlink_to(private.path)
    with pytest.raises(RunDirError, match="symbolic link"):
        RunDir(link).verify()


def test_a_file_is_refused(private: RunDir) -> None:
    (private.path / "file").touch()
    with pytest.raises(RunDirError, match="expected a directory"):
        RunDir(private.path / "file").verify()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another's directory")
def test_another_users_directory_is_refused(private: RunDir) -> None:
    os.chown(private.path, 65534, -1)
    with pytest.raises(RunDirError, match="owner is uid 65534"):
        private.verify()


def test_a_path_too_long_for_sockets_is_refused(private: RunDir) -> None:
    with pytest.raises(RunDirError, match="bytes for sockets"):
        RunDir(private.path / ("x" * 90)).verify()


def test_only_one_at_a_time(private: RunDir) -> None:
    with private.locked():
        with pytest.raises(Busy), RunDir(private.path).locked():
            pass
        with pytest.raises(Busy):
            take_down(private)
    with private.locked():
        pass


def test_a_directory_that_vanishes_while_it_is_locked(
    private: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another `down` removes it between its creation and its opening: made again, or one line."""
    opened = os.open
    vanish = [True]

    def remove_first(path: Path, *arguments: int) -> int:
        if vanish[0]:
            vanish[0] = False
            private.path.rmdir()
        return opened(path, *arguments)

    monkeypatch.setattr("os.open", remove_first)
    with private.locked():
        assert private.path.is_dir()
    assert not vanish[0]

    def remove_always(path: Path, *arguments: int) -> int:
        private.path.rmdir()
        return opened(path, *arguments)

    monkeypatch.setattr("os.open", remove_always)
    with pytest.raises(RunDirError, match="again and again"), private.locked():
        pass


def test_gRPC_addresses_are_uris(run_dir: Path) -> None:  # noqa: N802  # gRPC's spelling
    assert RunDir("/tmp/a%41 b").grpc_address("s1") == "unix:/tmp/a%2541%20b/s1.p4rt.sock"
    assert RunDir("/tmp/rd-1_x.y~").grpc_address("s1") == "unix:/tmp/rd-1_x.y~/s1.p4rt.sock"


def test_a_switch_is_cleaned_without_the_state_file(private: RunDir) -> None:
    for name in ("s1.p4rt.sock", "s1.log", "s1.out", "s2.log"):
        (private.path / name).touch()
    private.state.write_text("{" * 100_000)
    private.clean()
    assert [path.name for path in private.path.iterdir()] == ["s2.log"]


def test_what_cannot_be_removed_is_one_line(private: RunDir) -> None:
    private.state.mkdir()
    with pytest.raises(RunDirError, match=r"cannot remove .*topo\.json: Is a directory"):
        private.clean()


def test_cleaning_keeps_other_files(private: RunDir) -> None:
    topology = pair().model_dump(mode="json")
    private.state.write_text(json.dumps({"topology": topology}))
    ours = ["topo.log", "s1.log", "s1.log.txt", "s1.p4rt.sock", "rx-m1.json", "rx-m1.sock"]
    others = ["notes.log", "s2.log", "s1.pcap", "thesis.json"]
    for name in ours + others:
        (private.path / name).touch()
    private.records.mkdir()
    (private.records / "r.npz").touch()
    private.clean()
    assert {path.name for path in private.path.iterdir()} == set(others)


def test_a_damaged_state_file_does_not_prevent_cleaning(private: RunDir) -> None:
    private.state.write_text('{"topology": 3')
    private.clean()
    assert list(private.path.iterdir()) == []


def test_no_network_in_an_empty_directory(private: RunDir) -> None:
    with pytest.raises(NotRunning) as caught:
        Network.connect(private.path)
    assert caught.value.exit_code == 3
    assert take_down(private) is False
