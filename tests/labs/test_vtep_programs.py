"""Lab 2: the compiled programs are those of the sources beside them."""

import hashlib
import importlib.util
import json
import shutil
from types import ModuleType

import pytest

from tests.switch.harness import ROOT

LAB = ROOT / "labs" / "02-vtep-in-p4"
SOURCES = [LAB / "reference" / "vtep.p4", *sorted(LAB.glob("wrong/*/vtep.p4"))]
needs_p4c = pytest.mark.skipif(
    shutil.which("p4c-bm2-ss") is None, reason="p4c-bm2-ss (https://github.com/p4lang/p4c)"
)


def script() -> ModuleType:
    """The lab's compile.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("vtep_compile", LAB / "compile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_solution_is_compiled_and_nothing_else() -> None:
    digests = {hashlib.sha256(source.read_bytes()).hexdigest()[:16] for source in SOURCES}
    assert {path.stem for path in (LAB / "compiled").iterdir()} == digests


@needs_p4c
def test_p4c_makes_the_same_of_the_tables_and_the_reference() -> None:
    compile_ = script()
    made, info = compile_.compiled(LAB / "given" / "tables.p4")
    assert made == json.loads((LAB / "given" / "tables.json").read_text())
    assert info == (LAB / "given" / "tables.p4info.txtpb").read_text()
    name = hashlib.sha256(SOURCES[0].read_bytes()).hexdigest()[:16]
    made = compile_.without_lines(compile_.compiled(SOURCES[0])[0])
    assert made == json.loads((LAB / "compiled" / f"{name}.json").read_text())


@needs_p4c
def test_what_students_begin_with_compiles() -> None:
    compile_ = script()
    made, _ = compile_.compiled(LAB / "student" / "vtep.p4")
    tables = {table["name"] for each in made["pipelines"] for table in each["tables"]}
    for name in ("access_vni", "local_vtep", "smac", "dmac", "flood_group"):
        assert f"VtepIngress.{name}" in tables
    for name in ("replica", "link", "port_vlan"):
        assert f"VtepEgress.{name}" in tables
