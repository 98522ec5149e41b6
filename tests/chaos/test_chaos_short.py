"""The short form of `make chaos`: ten kinds of faults on one network, and what verdicts mean."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.chaos import summary
from tests.chaos.attack import draw, judge
from tests.chaos.catalogue import ENDS, ENDS_LATER, FAULTS, GOES_ON, JOB, KILLED, SETUPS
from tests.chaos.world import Ended
from tests.topo.driver import ROOT

SHORT = (
    "kill switch:idle", "stop receive path:idle", "kill daemon:idle", "stop daemon:idle",
    "delete veth:idle", "link flaps:idle", "unlink daemon's socket:idle",
    "run directory gone:idle", "kill receive path:job", "kill controller:job",
)  # fmt: skip


@pytest.mark.network
@pytest.mark.slow
def test_ten_faults_break_no_promise(tmp_path):
    argv = ["--kinds", ",".join(SHORT), "--faults", str(len(SHORT)), "--workers", "1"]
    # Other tests run beside this one: nothing is said about times. One real job, at the end.
    argv += ["--patience", "10", "--within", "3", "--check-every", str(len(SHORT))]
    argv += ["--main-job-every", "0", "--log", str(tmp_path / "log.jsonl")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *argv],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    header, *records = [json.loads(line) for line in (tmp_path / "log.jsonl").open()]
    assert header["seed"] == 1
    assert {f"{record['fault']}:{record['phase']}" for record in records} == set(SHORT)
    assert all(record["hit"] for record in records)
    again = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *argv],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "10 faults were injected before" in again.stdout  # and none is repeated


# -- verdicts --------------------------------------------------------------------------------------

END, GO, KILL = (
    next(fault for fault in FAULTS if fault.promise == promise and fault.named)
    if promise != KILLED
    else next(fault for fault in FAULTS if fault.promise == promise)
    for promise in (ENDS, GOES_ON, KILLED)
)
LINE = f"falcon_ctl: {END.named[0]}: killed by SIGKILL"
VERDICT = "1 of 12 checks failed; results in x/"


@pytest.mark.parametrize(
    ("fault", "status", "out", "err", "after", "problem"),
    [
        (END, 1, "", LINE, 2, ""),
        (END, 1, "", LINE, 11, "11.0 s after the fault, the limit is 10 s"),
        (END, 1, "", "falcon_ctl: it failed", 2, "names no part"),
        (END, 1, "", f"{LINE}\nmore", 2, "expected one line"),
        (END, 1, "", "OSError: [Errno 19]", 2, "expected one line"),
        (END, 1, "", "Traceback (most recent call last):", 2, "traceback"),
        (END, None, "", "", 15, "hung"),
        (END, 0, "", "", 1, ""),
        (END, 0, "", "", 9, "called all well"),
        (END, 1, VERDICT, "", 9, "a verdict instead of the part's name"),
        (GO, 0, "", "", 30, ""),
        (GO, 1, VERDICT, "", 30, ""),
        (GO, 1, "", "falcon_ctl: it failed", 2, "names no part"),
        (KILL, -9, "", "", 0.1, ""),
        (KILL, 1, "", "Traceback (most recent call last):", 0.1, "traceback"),
        (KILL, None, "", "", 15, "hung"),
    ],
)
def test_each_promise_can_be_broken(fault, status, out, err, after, problem):
    found = judge(Ended(status, out, err, after), after, was_running=True, fault=fault)
    assert (problem in " ".join(found)) if problem else found == []


def test_a_job_that_had_ended_before_the_fault_is_not_judged_by_it():
    assert judge(Ended(1, VERDICT, "", 1), 20, was_running=False, fault=END) == []


def test_a_number_and_a_seed_decide_everything():
    drawn = [draw(7, number) for number in range(1, 200)]
    assert drawn == [draw(7, number) for number in range(1, 200)]
    assert drawn != [draw(8, number) for number in range(1, 200)]
    assert drawn[3].rng.random() == draw(7, 4).rng.random()
    first = {f"{one.fault.name}:{one.phase}" for one in drawn[: len(SETUPS)]}
    assert first == set(SETUPS)
    assert all(0.3 <= one.delay <= 9 for one in drawn)


def test_every_fault_says_what_is_promised():
    for fault in FAULTS:
        assert fault.promise in (ENDS, ENDS_LATER, GOES_ON, KILLED)
        assert fault.named or fault.promise != ENDS, fault.name
        assert fault.promise != KILLED or fault.phases == (JOB,)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert replace(END).name


def test_the_table_counts_by_kind_and_phase():
    record = {"fault": "x", "phase": JOB, "problems": [], "up": {"seconds": 2.0}}
    jobs = [{"after_fault": 1.0, "was_running": True}, {"after_fault": 3.0, "was_running": True}]
    records = [{**record, "job": jobs[0]}, {**record, "job": jobs[1], "problems": ["y"]}]
    *_, row = summary.table(records).splitlines()
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        "x", "job", "2", "1", "2.0, 3.0", "2.0, 2.0",
    ]  # fmt: skip
