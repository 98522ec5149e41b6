"""The house's walls: which room may import which, and what may stand in p4/."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT: dict[str, set[str]] = {
    "v1switch": set(),
    "rxpath": set(),
    "topo": set(),
    "falcon_ctl": {"topo", "rxpath"},
}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, top-level package) of every absolute import of a module, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.split(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
            yield from ((node.lineno, str(name).split(".")[0]) for name in names)


def trespasses(room: str, source: str) -> list[tuple[int, str]]:
    """Return the imports with which a module of `room` reaches into a room it may not know."""
    closed = set(MAY_IMPORT) - MAY_IMPORT[room] - {room} | {"tests", "benchmarks", "labs"}
    return [(line, name) for line, name in imported(source) if name in closed]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_inwards(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files, f"{room}/ holds no Python file"
    found = {
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for file in files
        for line, name in trespasses(room, file.read_text())
    }
    assert not found


@pytest.mark.parametrize(
    ("room", "source", "found"),
    [
        ("rxpath", "import topo.spec", [(1, "topo")]),
        ("topo", "def f():\n    from falcon_ctl import run", [(2, "falcon_ctl")]),
        ("v1switch", "import importlib\nimportlib.import_module('rxpath.host')", [(2, "rxpath")]),
        ("falcon_ctl", "from topo.errors import NotRunning\nimport v1switch", [(2, "v1switch")]),
        ("rxpath", "from . import topo\nimport numpy", []),
    ],
)
def test_a_trespass_is_seen(room: str, source: str, found: list[tuple[int, str]]) -> None:
    assert trespasses(room, source) == found


def test_p4_holds_no_python() -> None:
    # The PyPI package p4runtime installs a package named p4; a .py file here would shadow it.
    assert not [*(ROOT / "p4").rglob("*.py"), *(ROOT / "p4").rglob("*.pyi")]


def test_p4runtime_is_importable_from_the_project_root() -> None:
    from p4.v1 import p4runtime_pb2

    assert p4runtime_pb2.Entity.DESCRIPTOR.full_name == "p4.v1.Entity"
