"""p4/compiled/ is made from the sources beside it, and docs/p4-program.md describes it."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from p4.config.v1 import p4info_pb2

from tests.p4.world import COMPILED, JSON, P4INFO, REASON, sources
from tests.switch.harness import ROOT

P4 = ROOT / "p4"
PAGE = (ROOT / "docs" / "p4-program.md").read_text()


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def manifest() -> Any:
    return json.loads((COMPILED / "manifest.json").read_text())


@pytest.fixture(scope="module")
def p4info() -> p4info_pb2.P4Info:
    return text_format.Parse(P4INFO.read_text(), p4info_pb2.P4Info())


def test_outputs_come_from_these_sources(manifest: Any) -> None:
    now = {str(file.relative_to(P4)): digest(file) for file in sources()}
    assert manifest["sources"] == now, "sources changed: run `make p4`"


def test_outputs_are_as_the_compiler_wrote_them(manifest: Any) -> None:
    assert manifest["outputs"] == {file.name: digest(file) for file in (JSON, P4INFO)}
    assert re.match(r"\d+\.\d+\.\d+", manifest["p4c"])


@pytest.mark.parametrize("file", [JSON, P4INFO, COMPILED / "manifest.json"], ids=lambda f: f.name)
def test_outputs_contain_no_absolute_path(file: Path) -> None:
    names = set(re.findall(r'"filename" : "([^"]*)"', file.read_text()))
    assert names or file != JSON
    assert not {name for name in names if name.startswith(("/", ".."))}
    assert not re.search(r"/(home|root|tmp|usr|work|build)/", file.read_text())


def test_there_is_no_python_beside_the_program() -> None:
    # A p4/*.py would shadow, or hide, the package `p4` that the P4Runtime protos install.
    assert not list(P4.rglob("*.py"))


def test_compiling_again_gives_the_same(tmp_path: Path, manifest: Any) -> None:
    if shutil.which("p4c-bm2-ss") is None:
        pytest.skip("p4c is not on the PATH")
    version = subprocess.run(
        ["p4c-bm2-ss", "--version"], capture_output=True, text=True, check=True
    )
    if manifest["p4c"].split()[0] not in version.stdout + version.stderr:
        pytest.skip("another p4c than the one that made the outputs")
    subprocess.run(
        ["sh", str(P4 / "compile.sh")], env={"PATH": _path(), "OUT": str(tmp_path)}, check=True
    )
    again = {file.name: digest(file) for file in sorted(tmp_path.iterdir())}
    assert again == {file.name: digest(file) for file in sorted(COMPILED.iterdir())}


def _path() -> str:
    found = shutil.which("p4c-bm2-ss")
    assert found is not None
    return f"{Path(found).parent}:/usr/bin:/bin"


def test_without_a_compiler_there_is_one_line(tmp_path: Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "P4C": "no-such-p4c", "OUT": str(tmp_path / "out")}
    done = subprocess.run(
        ["sh", str(P4 / "compile.sh")], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "no-such-p4c" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_warning_of_the_compiler_stops_the_build(tmp_path: Path) -> None:
    compiler = tmp_path / "p4c"
    compiler.write_text("#!/bin/sh\necho 'x.p4(1): [--Wwarn=unused] warning: x' >&2\n")
    compiler.chmod(0o755)
    env = {"PATH": "/usr/bin:/bin", "P4C": str(compiler), "OUT": str(tmp_path / "out")}
    done = subprocess.run(
        ["sh", str(P4 / "compile.sh")], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert not (tmp_path / "out").exists()


# ---- the page ------------------------------------------------------------------------------------


def test_the_page_names_every_object(p4info: p4info_pb2.P4Info) -> None:
    kinds = (
        p4info.tables,
        p4info.counters,
        p4info.direct_counters,
        p4info.direct_meters,
        p4info.action_profiles,
        p4info.digests,
        p4info.controller_packet_metadata,
    )
    names = {item.preamble.alias for kind in kinds for item in kind}
    assert not {name for name in names if f"`{name}`" not in PAGE}


def test_the_page_gives_every_tables_keys_and_actions(p4info: p4info_pb2.P4Info) -> None:
    rows = {row.split("`")[1]: row for row in PAGE.splitlines() if row.startswith("| `")}
    actions = {action.preamble.id: action for action in p4info.actions}
    for table in p4info.tables:
        if table.is_const_table:
            continue
        row = rows[table.preamble.alias]
        for field in table.match_fields:
            assert f"`{field.name}` ({field.bitwidth})" in row, table.preamble.alias
        for ref in table.action_refs:
            if ref.scope == p4info_pb2.ActionRef.DEFAULT_ONLY:
                continue
            action = actions[ref.id]
            params = ", ".join(f"{param.name} {param.bitwidth}" for param in action.params)
            if action.preamble.alias != "NoAction":
                assert f"`{action.preamble.alias}({params})`" in row, table.preamble.alias


def test_the_page_gives_every_drop_reason() -> None:
    rows = re.findall(r"^\| (\d+) \| ([A-Z_0-9]+) \|", PAGE, re.MULTILINE)
    assert {name: int(code) for code, name in rows} == {
        name: code for name, code in REASON.items() if name != "NONE"
    }
