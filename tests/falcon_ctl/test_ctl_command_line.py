"""The command line's refusals, the lock, and the re-execution in the virtual environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import falcon_ctl.__main__ as launcher
from falcon_ctl import cli, lock
from falcon_ctl.errors import AlreadyRunning, NoNetwork
from falcon_ctl.live import watch

ROOT = Path(__file__).parents[2]


def call(capsys, *args):
    """Exit status, standard output and standard error of the command line, in this process."""
    with pytest.raises(SystemExit) as ended:
        cli.main(list(args))
    return ended.value.code, *capsys.readouterr()


@pytest.fixture
def run_dir(tmp_path, monkeypatch):
    tmp_path.chmod(0o700)
    monkeypatch.setenv("FALCON_RUN_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("args", [(), ("run",), ("shell", "s1")])
def test_without_a_network_it_says_so_and_offers_make_topo(run_dir, capsys, args):
    status, _, error = call(capsys, *args)
    assert status == 2
    assert error.count("\n") == 1
    assert "make topo" in error
    assert list(run_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("--systems", "host,fast"), "--systems: fast; expected some of host, overlay"),
        (("--systems", ","), "--systems: none given; expected some of host, overlay"),
        (("--json", "/nowhere/x.json"), "--json /nowhere/x.json: /nowhere: No such file"),
        (("--results", "/dev/null/x"), "--results /dev/null/x: /dev/null: Not a directory"),
        (
            ("--duration", "long"),
            "run: Invalid value for '--duration': Input should be a valid num",
        ),
        (
            ("--seed", "-1"),
            "run: Invalid value for '--seed': Input should be greater than or equal",
        ),
        (("--speed", "1"), "run: No such option: --speed"),
        (("fly",), "No such command 'fly'"),
        (("shell",), "shell: Missing argument 'SWITCH'"),
    ],
)
@pytest.mark.usefixtures("run_dir")
def test_wrong_usage_is_named_and_exits_with_2(capsys, args, named):
    status, _, error = call(capsys, *args)
    assert status == 2
    assert named in error
    assert error.startswith("falcon_ctl")
    assert error.count("\n") == 1


def test_help_names_the_commands(capsys):
    status, out, _ = call(capsys, "--help")
    assert status == 0
    described = {line.strip("│ ").partition(" ")[0] for line in out.splitlines()}
    assert {"run", "figures", "sweep", "systems", "shell"} <= described
    options = call(capsys, "run", "--help")[1].split()
    assert {"--systems", "--seed", "--json", "--results"} <= set(options)


def test_the_module_runs_as_a_program(run_dir):
    env = os.environ | {"FALCON_RUN_DIR": str(run_dir)}
    argv = [sys.executable, "-m", "falcon_ctl"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, env=env, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("falcon_ctl: no network is up")


def test_no_network_is_our_own_error(run_dir):
    with pytest.raises(NoNetwork) as caught:
        watch.connect(run_dir)
    assert caught.value.exit_status == 2


# -- the lock ----------------------------------------------------------------------------------


def test_the_lock_is_held_by_one_and_names_its_pid(tmp_path):
    assert lock.holder(tmp_path) is None
    with lock.exclusive(tmp_path):
        assert lock.holder(tmp_path) == os.getpid()
        with pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}"), lock.exclusive(tmp_path):
            pass
    assert lock.holder(tmp_path) is None
    with lock.exclusive(tmp_path):
        pass


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    program = (
        "import os, signal, sys; from pathlib import Path; from falcon_ctl import lock\n"
        "with lock.exclusive(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert (tmp_path / lock.NAME).read_text().strip().isdigit()
    with lock.exclusive(tmp_path):
        assert lock.holder(tmp_path) == os.getpid()


def test_a_second_run_is_refused_with_the_pid_of_the_first(tmp_path, monkeypatch, capsys):
    class Network:
        run_dir = tmp_path

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(watch, "connect", lambda _: Network())
    with lock.exclusive(tmp_path):
        status, _, error = call(capsys)
    assert status == 2
    assert f"pid {os.getpid()}" in error


# -- re-execution in .venv ---------------------------------------------------------------------


def test_with_packages_missing_it_goes_into_the_venv(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.touch(0o755)
    went = []
    monkeypatch.setattr(launcher, "missing", lambda: ["scapy"])
    monkeypatch.setattr(launcher, "VENV_PYTHON", python)
    monkeypatch.setattr(sys, "argv", ["falcon_ctl", "--seed", "3"])
    monkeypatch.delenv(launcher.GUARD, raising=False)

    def execv(path, argv):
        went.append((path, argv))
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", execv)
    with pytest.raises(SystemExit):
        launcher.start()
    assert went == [(python, [str(python), "-m", "falcon_ctl", "--seed", "3"])]
    assert os.environ.pop(launcher.GUARD) == "1"


def test_without_a_venv_it_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(launcher, "missing", lambda: ["scapy", "typer"])
    monkeypatch.setattr(launcher, "VENV_PYTHON", tmp_path / "none")
    with pytest.raises(SystemExit) as ended:
        launcher.start()
    assert ended.value.code == 2
    assert "lacks scapy, typer; run `make topo`" in capsys.readouterr().err


def test_a_venv_that_may_not_be_executed_is_ignored(tmp_path, monkeypatch, capsys):
    python = tmp_path / "python"
    python.touch(0o600)
    monkeypatch.setattr(launcher, "missing", lambda: ["scapy"])
    monkeypatch.setattr(launcher, "VENV_PYTHON", python)
    monkeypatch.delenv(launcher.GUARD, raising=False)
    with pytest.raises(SystemExit) as ended:
        launcher.start()
    assert ended.value.code == 2
    assert "lacks scapy" in capsys.readouterr().err


def test_a_venv_that_lacks_packages_too_is_not_entered_again(tmp_path, monkeypatch, capsys):
    python = tmp_path / "python"
    python.touch(0o755)
    monkeypatch.setattr(launcher, "missing", lambda: ["scapy"])
    monkeypatch.setattr(launcher, "VENV_PYTHON", python)
    monkeypatch.setenv(launcher.GUARD, "1")
    with pytest.raises(SystemExit) as ended:
        launcher.start()
    assert ended.value.code == 2
    assert "lacks scapy" in capsys.readouterr().err


def test_the_launcher_imports_only_the_standard_library():
    program = (
        "import sys; sys.path.insert(0, '.'); import falcon_ctl.__main__ as m; print(m.missing())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "scapy" in done.stdout
