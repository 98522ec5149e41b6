"""Compiled or not, from the cache or not, with a custom policy or not."""

from __future__ import annotations

import ast
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


def parsed_imports(path):
    """What Python makes of a module's import statements, wherever they stand."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_import_of_a_module_is_found(tmp_path):
    package = Path(rxpath.__file__).parent
    odd = tmp_path / "policy.py"
    odd.write_text(
        "from rxpath.model import (  # as (this)\n    nic,  # one\n    gro as g,\n)\n"
        "import numpy, rxpath.host as host; from rxpath.config import knobs\n"
        "if host: from rxpath.model.state import \\\n    codes\n"
        "def f():\n    import rxpath.results\n"
    )
    for module in (odd, *package.rglob("*.py")):
        names = [name for name in parsed_imports(module) if name.split(".")[0] == "rxpath"]
        paths = [package.parent.joinpath(*name.split(".")) for name in names]
        files = {path.with_suffix(".py") for path in paths} | {p / "__init__.py" for p in paths}
        assert set(jit._imports(module)) == {file for file in files if file.is_file()}, module
    assert len(jit._imports(odd)) == 9


def test_what_is_loaded_from_the_cache_needs_no_compiler():
    """A receive path starts without Numba's registries and SciPy, which take long to load."""
    begin = "from rxpath.live import host; host.replay(host.example()); import sys; "
    for _ in range(2):  # the first fills the cache, if nobody has
        done = subprocess.run(
            [sys.executable, "-c", f"{begin} print('numba.np.linalg' in sys.modules)"],
            cwd=HERE.parent.parent, capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert done.stdout == "False\n"


def test_what_allocates_and_hashes_is_loaded_from_the_cache(tmp_path):
    (tmp_path / "allocating.py").write_text(
        "from rxpath.compile.jit import jit\nimport numpy as np\n"
        "@jit\ndef made(word):\n    return len(np.arange(len(word))), hash(word)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(HERE.parents[1])])
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", "from allocating import made; print(*made('abc'), hash('abc'))"],
            capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        allocated, compiled, plain = done.stdout.split()
        assert (allocated, compiled) == ("3", plain)


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
