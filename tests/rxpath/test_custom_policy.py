"""A custom policy from a file: it steers, and errors in it are reported with their line."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from model_hosts import run

from rxpath.config.knobs import Knobs
from rxpath.drivers.virtual import make_trace
from rxpath.errors import ConfigError, PolicyError
from rxpath.host import Model
from rxpath.policies import custom

ROOT = Path(__file__).parents[2]
IN_TURN = ROOT / "labs" / "policies" / "in_turn.py"


def policy(tmp_path, *lines, name="mine"):
    """The policy of a file with these lines."""
    path = tmp_path / "mine.py"
    path.write_text("\n".join(lines) + "\n")
    return custom.load(f"{path}:{name}")


def steered(policy, flows=1, count=50):
    """The model and its events after a run with `policy`."""
    flow = np.arange(count) % flows

    def work(policy):
        host = Model(Knobs(), slots=256, sockets=1, flows=flows, policy=policy)
        trace = make_trace(np.arange(count) * 9000, flow=flow, rss_hash=flow * 0x9E3779B1)
        trace["chain"] = host.chain("tunnel")
        return host, run(host, trace)

    return policy.run(work)


def busy(host):
    """CPUs that ran softirqs."""
    return {cpu for cpu, ns in enumerate(host.stats()["busy_ns"]) if ns["softirq"]}


@pytest.mark.parametrize("answer", ["5", "(5, 1)", "(5, CHOICE_SECOND)", "host.split_cpus[0] - 7"])
def test_a_function_in_a_file_steers(tmp_path, answer):
    lines = ("from rxpath.model.state.codes import CHOICE_SECOND", "def mine(packet, host):")
    host, events = steered(policy(tmp_path, *lines, f"    return {answer}"))
    assert len(events) == 50
    assert busy(host) == {1, 5}


def test_a_cpu_alone_is_no_steering_when_the_packet_is_there(tmp_path):
    stays = steered(policy(tmp_path, "def mine(packet, host): return packet.here"))
    plain = steered(policy(tmp_path, "def mine(packet, host): return packet.here, 0"))
    assert np.array_equal(stays[1], plain[1])
    assert busy(stays[0]) == {1}


def test_its_memory_lasts_for_a_run_and_begins_at_zero(tmp_path):
    lines = (
        "def mine(packet, host):",
        "    host.memory[9] += 1",
        "    return host.memory[9] % 40",
    )
    counting = policy(tmp_path, *lines)
    (one, first), (_, second) = steered(counting), steered(counting)
    assert one.state.steering.memory[9] == 150  # split, gro_cell and backlog of 50 packets
    assert np.array_equal(first, second)


def test_the_labs_example_gives_each_flow_a_cpu_of_its_own_and_keeps_it():
    host, events = steered(custom.load(f"{IN_TURN}:in_turn"), flows=3)
    assert len(events) == 50
    assert host.stats()["reordered"] == 0
    dealt, remembered = host.state.steering.memory[0], host.state.steering.memory.array[1:]
    assert dealt == 6  # three flows at two devices
    assert sorted(remembered[remembered > 0] - 1) == list(Knobs().falcon.cpus)


# -- what is wrong with a file -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("mine", "policy: got 'mine', expected FILE.py:NAME"),
        ("mine.py", "expected FILE.py:NAME"),
        ("mine.txt:f", "expected FILE.py:NAME"),
        ("mine.py:two words", "expected FILE.py:NAME"),
        ("/nowhere/mine.py:f", "/nowhere/mine.py: expected a Python file: No such file"),
    ],
)
def test_a_name_that_leads_nowhere(spec, said):
    with pytest.raises(ConfigError, match=said):
        custom.load(spec)


WRONG = {
    "syntax": (["x = 1", "def mine(packet, host:", "    return 1"], 2, "expected Python: "),
    "import": (["import os", "import nosuchthing"], 2, "ModuleNotFoundError: No module named"),
    "its own code": (["x = 0", "y = 1 / x"], 2, "ZeroDivisionError: division by zero"),
    "no function": (["def other(packet, host): ..."], 0, "no function mine; expected one of its "),
    "a value": (["mine = 3"], 0, "no function mine; expected one of its functions: none"),
    "arity": (
        ["", "def mine(packet):", "    return 1"],
        2,
        r"got mine\(packet\), expected mine\(pa",
    ),
    "too many": (["def mine(a, b, c): return 1"], 1, "expected mine"),
    "name": (
        ["def mine(packet, host):", "    x = 1", "    return cpu"],
        3,
        "name 'cpu' is not def",
    ),
    "attribute": (
        ["def mine(packet, host):", "    x = 1", "    return packet.hsh"],
        3,
        "Unknown attribute 'hsh'",
    ),
    "helper": (
        ["from json import loads", "def mine(packet, host):", "    return loads('1')"],
        3,
        "Untyped global name 'loads'",
    ),
    "f-string": (
        ["def mine(packet, host):", "    x = 1", "    return len(f'{x:03}')"],
        3,
        r"(in f-strings not supported yet|unsupported opcode \(FORMAT_WITH_SPEC\) found)$",
    ),
    "a float": (
        ["def mine(packet, host):", "    return packet.here / 2"],
        1,
        "mine returns float64",
    ),
    "a float in a pair": (
        ["def mine(packet, host):", "    return packet.here / 2, 1"],
        1,
        "mine returns .*; expected .cpu, choice., two integers, or a CPU",
    ),
    "nothing": (["def mine(packet, host):", "    pass"], 1, "mine returns none"),
    "three": (["def mine(packet, host): return 1, 2, 3"], 1, "mine returns "),
    "a generator": (["def mine(packet, host): yield 1"], 1, "mine returns "),
    "now and then": (
        ["def mine(packet, host):", "    if packet.here:", "        return 1, 1"],
        1,
        "mine returns OptionalType",
    ),
    "mixed": (
        ["def mine(packet, host):", "    if packet.here: return 1, 1", "    return 1"],
        2,
        "Can't unify return type",
    ),
}


@pytest.mark.parametrize(("lines", "line", "said"), WRONG.values(), ids=WRONG)
def test_a_file_that_holds_no_policy_is_said_in_one_line(tmp_path, lines, line, said):
    with pytest.raises(PolicyError, match=said) as caught:
        policy(tmp_path, *lines)
    path = str(tmp_path / "mine.py")
    assert (caught.value.path, caught.value.line) == (path, line)
    assert str(caught.value) == f"{path}{f':{line}' * (line > 0)}: {caught.value.what}"
    assert "\n" not in str(caught.value)


# -- what goes wrong while it runs -------------------------------------------------------------

FAILS = {
    "raise": (
        ["    if packet.here:", "        raise KeyError('x')"],
        4,
        "mine raised KeyError: 'x'",
    ),
    "assert": (["    assert packet.here < 0, 'here'"], 3, "mine raised AssertionError: here"),
    "bounds": (
        ["    if host.falcon_cpus[6]: pass"],
        3,
        "mine raised IndexError: index 6 is",
    ),
    "memory": (["    host.memory[4096] = 1"], 3, "mine raised IndexError"),
    "division": (
        ["    z = packet.here - 1", "    packet.hash // z"],
        4,
        "mine raised ZeroDiv",
    ),
    "a helper": (["    helper(packet.here - 1)"], 3, "mine raised ZeroDivisionError"),
    "a CPU": (
        ["    return 40, 1"],
        2,
        "returned CPU 40 for a packet on CPU 1 before split",
    ),
    "a CPU alone": (["    return -1"], 2, "CPU -1 for .* split; expected 0 to 39"),
    "a choice": (["    return 5, 4"], 2, "returned choice 4 for .*; expected 0 to 3"),
}


@pytest.mark.parametrize(("lines", "line", "said"), FAILS.values(), ids=FAILS)
def test_a_policy_that_fails_is_said_with_its_line(tmp_path, lines, line, said):
    ends = [] if "return" in lines[-1] else ["    return packet.here, 0"]
    body = ["from numba import njit", "def mine(packet, host):", *lines, *ends]
    body += ["@njit", "def helper(x): return 1 // x"]
    with pytest.raises(PolicyError, match=said) as caught:
        steered(policy(tmp_path, *body))
    assert caught.value.line == line


def test_a_policy_may_allocate_in_functions_of_its_own(tmp_path):
    lines = ("import numpy as np", "def best(host): return np.full(3, host.falcon_cpus[0])",
             "def mine(packet, host):", "    return [best(host)[1], 7][0]")  # fmt: skip
    host, _ = steered(policy(tmp_path, *lines))
    assert len(busy(host)) == 2


def test_what_only_a_helper_changes_is_found(tmp_path):
    lines = ("def change(host):", "    host.load[0] = 1", "    return 1",
             "def mine(packet, host):", "    return change(host)")  # fmt: skip
    with pytest.raises(PolicyError, match="changes what it may only read"):
        policy(tmp_path, *lines)


def test_functions_of_the_file_call_each_other(tmp_path):
    lines = (
        "def twice(number): return number + number",
        "def mine(packet, host): return quadruple(5)",
        "def quadruple(number): return twice(twice(number))",
    )
    host, _ = steered(policy(tmp_path, *lines))
    assert busy(host) == {1, 20}


def test_the_line_of_a_failure_that_hangs_on_the_memory_is_found(tmp_path):
    lines = (
        "def mine(packet, host):",
        "    host.memory[0] += 1",
        "    if host.memory[0] == 77:",
        "        return host.rps_cpus[host.memory[0]]",
        "    return packet.here",
    )
    with pytest.raises(PolicyError, match="IndexError: index 77 is out") as caught:
        steered(policy(tmp_path, *lines))
    assert caught.value.line == 4


def test_errors_of_the_testbed_are_not_the_policys(tmp_path):
    fine = policy(tmp_path, "def mine(packet, host): return packet.here")

    def work(policy):
        raise LookupError("ours")

    with pytest.raises(LookupError, match="ours"):
        fine.run(work)


def test_a_live_failure_names_the_function_and_how_to_find_the_line(tmp_path):
    mine = policy(tmp_path, "", "def mine(packet, host):", "    return host.falcon_cpus[9]")
    error = mine.explain(IndexError("index is out of bounds"))
    assert isinstance(error, PolicyError)
    assert (error.path, error.line) == (f"{tmp_path}/mine.py", 2)
    assert "mine raised IndexError: index is out of bounds" in error.what
    assert f"`falcon_ctl figures --policy {tmp_path}/mine.py:mine`" in error.what


def test_an_error_travels_between_processes():
    error = PolicyError("a.py", 3, "what")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.path, again.line, again.what) == ("a.py:3: what", "a.py", 3, "what")


@pytest.mark.slow
def test_the_same_events_and_errors_with_numba_disabled():
    script = """
import hashlib, sys, test_custom_policy as t
from rxpath.policies import custom
print(hashlib.sha256(t.steered(custom.load(sys.argv[1]), flows=3)[1].tobytes()).hexdigest())
bad = custom.from_source("bad.py", "f", "def f(packet, host):\\n  return host.falcon_cpus[6]")
try: t.steered(bad)
except t.PolicyError as error: print(error)
"""
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    said = set()
    for disabled in "01":
        env = {**os.environ, "PYTHONPATH": path, "NUMBA_DISABLE_JIT": disabled}
        argv = [sys.executable, "-c", script, f"{IN_TURN}:in_turn"]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
        said.add(done.stdout)
    assert len(said) == 1
    assert "bad.py:2: f raised IndexError: index 6" in said.pop()
