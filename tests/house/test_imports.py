"""The contracts of .importlinter hold, and each of them can fail."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("v1switch", "rxpath", "topo", "falcon_ctl", "labs")
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
RESULT = re.compile(r"^(?P<name>.+) (?P<result>KEPT|BROKEN)( \(.*\))?$", re.MULTILINE)

# For each contract an import that breaks it: (module, line).
FORBIDDEN = {
    "Only falcon_ctl and labs import other top-level packages": (
        "rxpath/live/bad.py",
        "import topo.errors",
    ),
    "falcon_ctl reaches switches by P4Runtime only": (
        "falcon_ctl/bad.py",
        "import v1switch.errors",
    ),
    "No package imports tests or benchmarks": ("topo/cli/bad.py", "import tests.fuzz"),
    "No import cycle in labs": ("labs/errors.py", "import labs.cli.screen"),
    "Layers of labs": ("labs/draw.py", "def f():\n    import labs.checking"),
    "The process with a student's code knows nothing of checks and grades": (
        "labs/worker/bad.py",
        "import labs.draw",
    ),
    "No import cycle in topo": ("topo/spec/rules.py", "import topo.spec.sources"),
    "Layers of topo": (
        "topo/client/bad.py",
        "def f():\n    from topo.daemon.nodes import MNEXEC",
    ),
    "topo.spec knows no socket, process, clock or thread": ("topo/spec/bad.py", "import time"),
    "No import cycle in rxpath": (
        "rxpath/model/events.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import rxpath.model.kernel",
    ),
    "Layers of rxpath": ("rxpath/model/bad.py", "from rxpath.wire import frames"),
    "rxpath.model knows no socket, process, clock, thread or random generator": (
        "rxpath/model/state/bad.py",
        "from time import monotonic_ns",
    ),
    "falcon_ctl asks for results, and reads no table of rxpath.model": (
        "falcon_ctl/claims/bad.py",
        "from rxpath.model import counters",
    ),
    "No import cycle in v1switch": ("v1switch/state/tables.py", "import v1switch.p4runtime.server"),
    "Layers of v1switch": ("v1switch/program/bad.py", "import v1switch.lower"),
    "Only the native engine knows Numba, llvmlite and NumPy": (
        "v1switch/lower/bad.py",
        "def f():\n    import numpy as np",
    ),
    "v1switch.lower knows programs, and nothing that runs": (
        "v1switch/lower/bad.py",
        "import v1switch.state.words",
    ),
    "No import cycle in falcon_ctl": ("falcon_ctl/errors.py", "import falcon_ctl.live.testbed"),
    "Layers of falcon_ctl": ("falcon_ctl/systems/bad.py", "import falcon_ctl.intent.network"),
    "Pure parts of falcon_ctl know no socket, process, clock or thread": (
        "falcon_ctl/checks/bad.py",
        "import time",
    ),
}


def lint(root: Path) -> dict[str, str]:
    """Run import-linter on the packages in `root`: {contract: KEPT or BROKEN}."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    results = {found["name"]: found["result"] for found in RESULT.finditer(done.stdout)}
    assert results, done.stdout + done.stderr
    assert (done.returncode == 0) == (set(results.values()) == {"KEPT"}), done.stdout
    return results


def test_every_contract_holds() -> None:
    assert lint(ROOT) == dict.fromkeys(FORBIDDEN, "KEPT")


def test_every_contract_can_fail(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".importlinter", tmp_path)
    for package in PACKAGES:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    for file, line in FORBIDDEN.values():
        with (tmp_path / file).open("a") as module:
            module.write(f"\n{line}\n")
    assert lint(tmp_path) == dict.fromkeys(FORBIDDEN, "BROKEN")


def random_draws(source: str) -> list[int]:
    """Lines that use a module or attribute called ``random`` (numpy.random is no module of its own
    to import-linter)."""
    tree = ast.parse(source)
    return [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "random"]


def test_the_receive_path_model_draws_no_random_numbers() -> None:
    files = sorted((ROOT / "rxpath/model").rglob("*.py"))
    assert files
    assert {str(file): lines for file in files if (lines := random_draws(file.read_text()))} == {}
    assert random_draws("import numpy as np\nnp.random.default_rng(1)") == [2]


def test_p4_holds_no_python() -> None:
    # The PyPI package p4runtime installs a package named p4; a .py file here would shadow it.
    assert not [*(ROOT / "p4").rglob("*.py"), *(ROOT / "p4").rglob("*.pyi")]


def test_p4runtime_is_importable_from_the_project_root() -> None:
    from p4.v1 import p4runtime_pb2

    assert p4runtime_pb2.Entity.DESCRIPTOR.full_name == "p4.v1.Entity"
