"""Run a case with a switch: prepare its directory, enter the namespaces, take the outcome."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.clients import spaces
from tests.clients.cases import Case, Client, Failed
from tests.clients.environments import VARIABLE, environment
from tests.clients.outcomes import Outcome
from tests.clients.place import Place, on_path

ROOT = Path(__file__).parents[2]
SHIMS = Path(__file__).with_name("shims")
SYSTEM = Path("/usr/lib/python3/dist-packages")
BMV2_PYTHON = ("bm_runtime", "sswitch_runtime", "bmpy_utils.py")
BMV2 = ("simple_switch", "simple_switch_grpc")
LOGS = (".txt", ".log", ".json")
SETUP_S = 30.0  # for the copy and the namespaces, on top of a case's own limit


def missing(client: Client, case: Case, switch: str) -> str:
    """Why a case cannot be run here, or nothing."""
    if not os.environ.get(VARIABLE):
        return f"{VARIABLE} is not set"
    for variable in client.variables():
        if not os.environ.get(variable):
            return f"{variable} is not set"
        if not Path(os.environ[variable]).is_dir():
            return f"{variable} is not a directory"
    if switch == "bmv2" and not shutil.which(BMV2[1]):
        return "BMv2 is not installed"
    if client.pi and not _pi():
        return "PI's Python package is not installed (BMv2 with P4Runtime)"
    absent = [tool for tool in (*client.tools, *case.tools) if not shutil.which(tool)]
    return f"not installed: {', '.join(absent)}" if absent else ""


def run(client: Client, case: Case, switch: str, *, keep: Path | None = None) -> Outcome:
    """Run a case; `keep` is where its output is put."""
    if reason := missing(client, case, switch):
        return Outcome(None, reason)
    for _ in range(client.tries):
        outcome = _once(client, case, switch, keep)
        if outcome.passed:
            break
    return outcome


def _once(client: Client, case: Case, switch: str, keep: Path | None) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="clients-") as made:
        scratch = Path(made)
        scratch.chmod(0o1777)
        _prepare(client, switch, scratch)
        log = scratch / "log.txt"
        _enter(client, case, switch, scratch, log)
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            _keep(scratch, keep / f"{client.name}-{case.name}-{switch}")
        result = scratch / "outcome.json"
        if not result.exists():
            return Outcome(False, f"did not end in {case.limit_s} s")
        return Outcome(**json.loads(result.read_text()))


def _enter(client: Client, case: Case, switch: str, scratch: Path, log: Path) -> None:
    inside = [sys.executable, "-m", "tests.clients.inside", client.name, case.name, switch]
    argv = spaces.command([*inside, str(scratch)])
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("wb") as file:
        process = subprocess.Popen(
            argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
        try:
            process.wait(case.limit_s + SETUP_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)  # and with it all in its namespaces
            process.wait()


def _prepare(client: Client, switch: str, scratch: Path) -> None:
    """Write what the case gets: copies of the checkouts, switch, commands, variables."""
    checkouts = {}
    for variable in client.variables():
        source = Path(os.environ[variable]).resolve()
        if not client.copied:
            checkouts[variable] = str(source)
            continue
        ignored = shutil.ignore_patterns(".git", "*.pdf", "*.pptx", "slides")
        shutil.copytree(source, scratch / source.name, symlinks=True, ignore=ignored)
        checkouts[variable] = str(Path("/tmp") / source.name)
    made = environment(client)
    directories = [made / "bin"]
    shims = scratch / "shims"
    shims.mkdir()
    for shim in SHIMS.iterdir():
        if shim.name != "sudo" or not shutil.which("sudo"):
            shutil.copy(shim, shims)
    directories.insert(0, Path("/tmp/shims"))
    if switch == "v1switch":
        link = [sys.executable, "-m", "v1switch", "link", str(scratch / "switch")]
        subprocess.run(link, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        directories.insert(0, Path("/tmp/switch"))
    env = {
        **{name: os.environ[name] for name in ("LANG", "HOME", "USER") if name in os.environ},
        "PATH": on_path(directories),
        "TERM": "dumb",
        "PYTHONUNBUFFERED": "1",
        "VIRTUAL_ENV": str(made),
    }
    (scratch / "python").mkdir()
    for module in client.system:
        (scratch / "python" / module).symlink_to(SYSTEM / module)
    if client.pi:
        for module in ("p4", *BMV2_PYTHON):  # beside them is a package google, which hides others
            (scratch / "python" / module).symlink_to(_pi().with_name(module))
    if client.pi or client.system:  # where it is set, p4-guide's scripts hand it on wrongly
        env["PYTHONPATH"] = "/tmp/python"
    place = {"env": env, "checkouts": checkouts}
    (scratch / "place.json").write_text(json.dumps(place))


def _pi() -> Path | None:
    """PI's Python package p4, which BMv2's installation brings."""
    switch = shutil.which(BMV2[1])
    prefix = Path(switch).resolve().parents[1] if switch else Path("/nowhere")
    return next(prefix.glob("lib/python3*/*-packages/p4"), None)


def _keep(scratch: Path, directory: Path) -> None:
    """Copy what was logged: the text files that the case has made."""
    shutil.rmtree(directory, ignore_errors=True)
    started = (scratch / "place.json").stat().st_mtime
    for path in scratch.rglob("*"):
        if path.suffix in LOGS and path.is_file() and path.stat().st_mtime >= started:
            kept = directory / path.relative_to(scratch)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, kept)


def within(client: Client, case: Case, switch: str, scratch: Path) -> None:
    """Run a case as the first process of its namespaces, and write its outcome."""
    written = json.loads((scratch / "place.json").read_text())
    spaces.furnish(scratch)
    tmp = Path("/tmp")
    place = Place(
        switch=switch,
        directory=tmp,
        checkouts={name: Path(path) for name, path in written["checkouts"].items()},
        env=written["env"],
    )

    def job() -> None:
        os.setsid()
        outcome = _outcome(case, place)
        (tmp / "outcome.json").write_text(json.dumps(outcome.__dict__))

    spaces.reap(job)


def _outcome(case: Case, place: Place) -> Outcome:
    try:
        with place.stack:
            case.run(place)
    except Failed as failure:
        return Outcome(False, str(failure))
    except Exception as error:  # noqa: BLE001 - whatever a client made of it is a failure
        return Outcome(False, f"{type(error).__name__}: {error}")
    return Outcome(True)
