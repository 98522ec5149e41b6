"""Compiled or not, from the cache or not, with a custom policy or not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest
from model_hosts import model, run

import rxpath
from rxpath.compile import jit
from rxpath.config.knobs import Knobs
from rxpath.drivers.virtual import make_trace
from rxpath.host import Model
from rxpath.model import kernel
from rxpath.policies.policy import of_function
from rxpath.policies.registry import BUILT_IN

HERE = Path(__file__).parent

SCRIPT = """
import hashlib, numpy as np
from model_hosts import model, run
from rxpath.drivers.virtual import make_trace
host = model(policy="falcon", flows=3, falcon={"load_interval_ns": 9000, "threshold": 20})
rng = np.random.default_rng(11)
flow = rng.integers(0, 3, 400)
arrival = np.cumsum(rng.integers(0, 900, 400))
trace = make_trace(
    arrival, rss_hash=flow * 77, flow=flow, chain=host.chain("tunnel"), wire_len=1500,
    protocol=np.where(flow, 6, 17), payload=1400, seq=np.arange(400) * 1400,
)
print(hashlib.sha256(run(host, trace).tobytes()).hexdigest(), host.stats())
"""


def output(**env):
    root = HERE.parent.parent
    path = os.pathsep.join([str(root), str(HERE)])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": path, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_same_events_with_numba_disabled():
    assert output(NUMBA_DISABLE_JIT="1") == output(NUMBA_DISABLE_JIT="0")


def test_a_cache_is_for_the_sources_that_a_module_imports():
    package = Path(rxpath.__file__).parent
    names = {path.name for path in jit.closure(package / "model" / "kernel.py")}
    assert {"kernel.py", "codes.py", "softirq.py", "events.py", "jit.py"} <= names
    assert "virtual.py" not in names
    assert "knobs.py" in {path.name for path in jit.closure(package / "drivers" / "virtual.py")}


def test_a_changed_import_is_another_cache(tmp_path):
    shutil.copytree(Path(rxpath.__file__).parent, tmp_path / "rxpath", ignore=no_caches)
    stamps = [stamp_of_the_kernel(tmp_path)]
    for changed in ("model/gro.py", "drivers/virtual.py"):
        with (tmp_path / "rxpath" / changed).open("a") as file:
            file.write("# changed\n")
        stamps.append(stamp_of_the_kernel(tmp_path))
    before, another, same = stamps
    assert another != before
    assert same == another  # the kernel does not import the driver


no_caches = shutil.ignore_patterns("__pycache__")


def stamp_of_the_kernel(root):
    program = "from pathlib import Path; from rxpath.compile.jit import stamp; import rxpath"
    program += "; print(rxpath.__file__, stamp(Path('rxpath/model/kernel.py').resolve()))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(root))
    return done.stdout.strip()


def with_policy(choose):
    host = Model(Knobs(), slots=64, sockets=1, flows=1, policy=of_function(choose))
    trace = make_trace([0, 10], chain=host.chain("tunnel"))
    return host, run(host, trace)


def always_five(packet, host):
    return 5, 1


def nowhere(packet, host):
    return 40, 1


def confused(packet, host):
    if packet.ifindex == 7:
        raise KeyError("no such device")
    return packet.here, 0


def test_ones_own_policy():
    host, events = with_policy(always_five)
    assert len(events) == 2
    assert host.stats()["busy_ns"][5]["softirq"] > 0


def test_a_policy_that_names_no_cpu_of_the_host():
    with pytest.raises(ValueError, match="a CPU that the host does not have"):
        with_policy(nowhere)


def test_a_policy_that_raises_is_found_by_file_and_line():
    with pytest.raises(KeyError, match="no such device") as caught:
        with_policy(confused)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert Path(last.filename).name == "test_jit.py"
    assert "no such device" in (last.line or "")


def test_one_compilation_serves_every_policy():
    for policy in BUILT_IN:
        host = model(policy=policy)
        run(host, make_trace(np.arange(5), chain=host.chain("tunnel")))
    assert len(getattr(kernel.advance, "signatures", [0])) == 1


LOW = """
from rxpath.compile.jit import inner, shared

@inner
def twice(x):
    return 2 * x

@shared
def low(x):
    if x < 0:
        raise ValueError("below zero")
    return twice(x) + 1
"""

TOP = """
import sys
from low import low
from numba import types
from rxpath.compile.jit import compile_for, entry, jit

@entry
def top(x):
    return low(x) * 10

@jit
def other(x):
    return x

if "other" in sys.argv:
    compile_for(other, (types.int64,))  # functions are numbered as they are compiled
compile_for(low, (types.int64,))
compile_for(top, (types.int64,))
try:
    top(-1)
except ValueError as error:
    print(top(3), error, sum(top.stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_a_shared_function_is_found_by_name_when_it_was_compiled_anew(tmp_path):
    (tmp_path / "low.py").write_text(LOW)
    (tmp_path / "top.py").write_text(TOP)
    path = os.pathsep.join([str(HERE.parent.parent), str(tmp_path)])
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "NUMBA_DISABLE_JIT": "0"}
    env = {**os.environ, "PYTHONPATH": path, **cache}
    printed = []
    for more in ([], ["other"]):
        command = [sys.executable, str(tmp_path / "top.py"), *more]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        printed.append(done.stdout)
        for file in tmp_path.glob("cache/**/low*"):
            file.unlink()
    left = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    elsewhere = {path for path in left if path.parts[0] != "cache" and path.suffix != ".pyc"}
    assert elsewhere == {Path("low.py"), Path("top.py")}
    assert printed == ["70 below zero 0\n", "70 below zero 1\n"]
