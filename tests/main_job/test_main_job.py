"""The main job as its users run it: in a checkout, and as an ordinary user of the wheels."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from falcon_ctl.report.schema.runs import MainJob
from labs.pages import blocks
from tests.packaging.environments import Environment, build_wheel
from tests.topo import unprivileged
from tests.topo.driver import Topo

ROOT = Path(__file__).parents[2]
COMMAND = "python -m falcon_ctl"  # installed: falcon-topo up && falcon_ctl
OWN_POLICY = "python -m falcon_ctl --systems overlay,falcon --policy mine.py:by_flow"
SYSTEMS = {
    "host",
    "overlay",
    "falcon-pipelining",
    "falcon-splitting",
    "falcon",
    "offload",
}
PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
PNG_MAGIC = b"\x89PNG"


class Run(NamedTuple):
    """One main job: its exit status, output, JSON document, results folder and timeline."""

    status: int
    output: str
    document: dict[str, Any]
    results: Path
    trace: dict[str, Any]


class User(NamedTuple):
    """Who runs it: the words before every command, a directory of their own, and the programs."""

    prefix: list[str]
    home: Path
    topo: list[str]
    falcon_ctl: list[str]


@pytest.fixture(scope="module", params=["checkout", "installed, ordinary user"])
def user(request: pytest.FixtureRequest) -> Iterator[User]:
    if request.param == "checkout":
        home = Path(tempfile.mkdtemp(prefix="falcon-main-", dir="/tmp"))
        python = [sys.executable, "-m"]
        yield User([], home, [*python, "topo"], [*python, "falcon_ctl"])
    else:
        home = unprivileged.make_home()  # with v1switch's compiled helpers
        yield installed(home)
    shutil.rmtree(home, ignore_errors=True)


def installed(home: Path) -> User:
    """An ordinary user who installed the wheels of this repository and has no checkout."""
    environment = Environment(home / "venv")
    for name, source in (("v1switch", ROOT / "v1switch"), ("testbed", ROOT)):
        environment.install(build_wheel(source, home / name))
    environment.link_everything()
    unprivileged.give_away(home)
    prefix = unprivileged.command([], home)
    # Otherwise the receiving hosts of both machines would compile the kernels at the same time.
    warm = [*prefix, str(environment.bin / "python"), "-m", "rxpath", "warm"]
    subprocess.run(warm, cwd=home, check=True)
    topo, falcon_ctl = (str(environment.bin / name) for name in ("falcon-topo", "falcon_ctl"))
    return User(prefix, home, [topo], [falcon_ctl])


@pytest.fixture(scope="module")
def run(user: User) -> Iterator[Run]:
    in_checkout = user.topo[0] == sys.executable
    topo = Topo(user.home / "run", user.prefix, user.topo, ROOT if in_checkout else user.home)
    document = user.home / "report.json"
    trace = user.home / "trace.json"
    job = [*user.falcon_ctl, "--seed", "1", "--json", str(document), "--trace", str(trace)]
    try:
        topo("up", "pair")
        done = subprocess.run(
            [*user.prefix, *job],
            env=topo.env | ({"PYTHONPATH": str(ROOT)} if in_checkout else {}),
            cwd=user.home,
            capture_output=True,
            text=True,
            timeout=240,
        )
        written = json.loads(document.read_text()) if document.exists() else {}
        folders = sorted((user.home / "results").glob("*/"))
        assert folders, done.stdout + done.stderr
        output = done.stdout + done.stderr
        traced = json.loads(trace.read_text()) if trace.exists() else {}
        yield Run(done.returncode, output, written, folders[-1], traced)
    finally:
        topo("down")
    assert topo.files() <= {"ctl.lock"}  # unlinking a lock file is a race, so it stays


pytestmark = [pytest.mark.network, pytest.mark.main_job, pytest.mark.timeout(300)]


def test_every_check_holds(run: Run) -> None:
    failed = [check for check in run.document["checks"] if not check["ok"]]
    assert not failed, run.output
    assert run.status == 0, run.output


def test_it_says_where_its_numbers_come_from(run: Run) -> None:
    assert run.document["invalid"] == ""
    origin = run.document["provenance"]
    assert origin["seeds"] == [1]
    assert {"python", "numba", "numpy", run.document["switch"]["target"]} <= set(origin["versions"])
    assert "unknown" not in origin["code_sha256"].values()


def test_it_is_what_its_published_schema_says(run: Run) -> None:
    MainJob.model_validate(run.document, strict=True)


def test_every_system_was_measured(run: Run) -> None:
    # Late rows are no failure of the software: a busy machine makes them, and they are marked.
    live = run.document["live"]
    assert {row["system"] for row in live} == SYSTEMS
    assert {row["proto"] for row in live} == {"udp", "tcp"}
    assert {row["system"] for row in live if not row["late"]} == SYSTEMS
    for row in live:
        assert set(row) == {
            "system", "proto", "flows", "sent", "delivered", "drops", "foreign_drops",
            "reordered", "pps", "latency_us", "late", "invalid",
        }  # fmt: skip
        assert 0 < row["delivered"] <= row["sent"]
        assert 0 < row["latency_us"]["p50"] <= row["latency_us"]["p99"]


def test_frames_sent_are_delivered_or_counted(run: Run) -> None:
    udp = [row for row in run.document["live"] if row["proto"] == "udp"]
    assert udp
    for row in udp:
        assert row["sent"] == row["delivered"] + sum(row["drops"].values()), row


def test_falcon_outruns_the_overlay(run: Run) -> None:
    best: dict[str, float] = {}
    for row in run.document["live"]:
        if row["proto"] == "udp" and row["flows"] == 1:
            best[row["system"]] = max(best.get(row["system"], 0), row["pps"])
    assert best["falcon-pipelining"] >= 2 * best["overlay"]
    assert best["host"] >= best["falcon-pipelining"] >= 0.6 * best["host"]  # EuroSys Fig 10c: 0.65


def test_the_results_folder_is_complete(run: Run) -> None:
    suffixes = {path.suffix for path in run.results.iterdir()}
    assert {".json", ".pcapng", ".png", ".html", ".yaml"} <= suffixes
    frames = json.loads((run.results / "frames.json").read_text())
    ways = [way for ways in frames["hops"].values() for way in ways]
    for excerpt in frames["runs"]:  # whatever can be clicked has its way
        told = {way["flow"] for way in frames["hops"][excerpt["label"]]}
        assert {frame["flow"] for frame in excerpt["frames"]} <= told, excerpt["label"]
    assert all(way["exact"] for way in ways)  # the page tells what the switches really did
    for path in run.results.glob("*.pcapng"):
        assert path.read_bytes().startswith(PCAPNG_MAGIC)
    for path in run.results.glob("*.png"):
        assert path.read_bytes().startswith(PNG_MAGIC)


def test_the_timeline_leads_from_the_switch_to_the_socket(run: Run) -> None:
    slices, tracks = run.trace["slices"], run.trace["tracks"]
    kinds = {
        "parser",
        "hit",
        "miss",
        "deparser",
        "arrival",
        "napi",
        "gro_cell",
        "backlog",
        "socket",
    }
    assert kinds <= set(slices["kind"])
    switch = tracks["path"].index(["switch s1"])
    frames = [
        detail["what leaves the last switch"]
        for detail, track, kind in zip(
            slices["detail"], slices["track"], slices["kind"], strict=True
        )
        if (track, kind) == (switch, "frame")
    ]
    assert len(frames) >= 16 * len(SYSTEMS)
    assert set(frames) == {"byte for byte what the NIC received"}
    labels = [one["label"] for one in run.trace["runs"]]
    assert len(labels) == len(set(labels)) >= 4 * len(SYSTEMS)
    marks = set(run.trace["instants"]["kind"])
    assert {"rehash", "switch off", "switch on"} <= marks


@pytest.mark.parametrize("user", ["checkout"], indirect=True)  # as the page is for one
def test_a_policy_of_the_users_own_runs_beside_them(user: User) -> None:
    page = "docs/how-to/own-policy.md"
    found = blocks.blocks(page, (ROOT / page).read_text())
    (policy,) = (block.body for block in found if block.title == "mine.py")
    (user.home / "mine.py").write_text(policy)
    document = user.home / "own.json"
    topo = Topo(user.home / "run", user.prefix, user.topo, ROOT)
    try:
        topo("up", "pair")
        done = subprocess.run(
            [sys.executable, *OWN_POLICY.split()[1:], "--json", str(document)],
            env=topo.env | {"PYTHONPATH": str(ROOT)},
            cwd=user.home,
            capture_output=True,
            text=True,
            timeout=240,
        )
    finally:
        topo("down")
    assert document.exists(), done.stdout + done.stderr
    found = json.loads(document.read_text())
    # How rates compare is shown above; here the policy gets real frames, and does what it does to
    # the model's.
    held = {one["name"]: one["ok"] for one in found["checks"]}
    assert held["live and virtual clock give the same events"], done.stdout
    assert done.returncode == int(not all(one["ok"] for one in found["checks"]))
    systems = {row["system"] for row in found["live"] if row["delivered"]}
    assert systems >= {"overlay", "falcon", "by_flow"}
