"""The testbed's wheel: what it contains, and that its programs start outside a checkout.

tests/main_job runs the whole main job of this installation.
"""

import json
import zipfile
from pathlib import Path

import pytest

from tests.packaging.environments import ROOT, Environment, build_wheel, run

PACKAGES = ("rxpath", "topo", "falcon_ctl")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("testbed wheel")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheels") / "testbed")


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    made = Environment(tmp_path_factory.mktemp("environment"))
    made.install(wheel)
    made.link_everything()
    return made


def test_the_compiled_program_is_package_data(wheel: Path) -> None:
    compiled = ROOT / "p4" / "compiled"
    with zipfile.ZipFile(wheel) as archive:
        data = {
            Path(name).name: archive.read(name)
            for name in archive.namelist()
            if name.startswith("falcon_ctl/compiled/")
        }
    assert data == {path.name: path.read_bytes() for path in compiled.iterdir()}


def test_data_files_of_the_packages_are_in_it(wheel: Path) -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*")]
    data = {
        str(path.relative_to(ROOT))
        for path in files
        if path.suffix in (".toml", ".typed") or path.parent.name == "templates"
    }
    assert "falcon_ctl/html_report/templates/page.html" in data
    assert "rxpath/config/profiles.toml" in data
    with zipfile.ZipFile(wheel) as archive:
        assert data <= set(archive.namelist())


def test_built_pages_are_in_it_without_their_sources(wheel: Path) -> None:
    folder = ROOT / "falcon_ctl" / "web"
    expected = {f"falcon_ctl/web/bundles/{path.name}" for path in (folder / "bundles").iterdir()}
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if name.startswith("falcon_ctl/web/")}
    assert found == expected | {"falcon_ctl/web/__init__.py"}


def test_v1switch_and_p4_are_not_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        folders = {Path(name).parts[0] for name in archive.namelist()}
    (info,) = (name for name in folders if name.endswith(".dist-info"))
    assert folders == {"falcon_ctl", "rxpath", "topo", info}


def test_it_declares_v1switch(environment: Environment) -> None:
    assert "v1switch" in {each.name for each in environment.declared("falcon-testbed")}


def test_its_programs_start(environment: Environment) -> None:
    assert "name: pair" in run(environment, "falcon-topo", "spec", "pair")
    assert "Usage: falcon-topo [OPTIONS]" in run(environment, "falcon-topo", "--help")
    assert "Usage: falcon_ctl" in run(environment, "falcon_ctl", "--help")


def test_the_program_is_found(environment: Environment) -> None:
    code = "from falcon_ctl.program import PROGRAM; print(PROGRAM)"
    program = Path(run(environment, "python", "-c", code).strip())
    assert environment.site_packages in program.parents
    assert json.loads(program.read_text())["pipelines"]
