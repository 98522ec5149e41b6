"""v1switch ships alone: its folder gives a wheel that runs with the dependencies it declares."""

import shutil
import zipfile
from pathlib import Path

import pytest
from scapy.utils import RawPcapReader, wrpcap

from tests.packaging.environments import ROOT, Environment, build_wheel, run
from tests.switch.harness import Sandbox, namespaces_allowed, poll
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_targets import Target

COMPILED = ROOT / "tests" / "v1switch" / "programs" / "compiled"
WIRE, WIRE_INFO = COMPILED / "wire.json", COMPILED / "wire.p4info.txtpb"
FRAME = bytes.fromhex("ffffffffffff 02000000000a 0800") + bytes(range(46))

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("v1switch wheel")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of v1switch/, so that nothing beside the folder can help."""
    folder = tmp_path_factory.mktemp("alone")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "v1switch", folder / "v1switch", ignore=ignore)
    cached = folder / "v1switch" / "__pycache__" / "program.py"  # the switch caches programs there
    cached.parent.mkdir()
    cached.touch()
    return build_wheel(folder / "v1switch", folder / "wheels")


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment that holds the wheel and what it declares to need, nothing else."""
    made = Environment(tmp_path_factory.mktemp("environment"))
    made.install(wheel)
    made.link(made.declared("v1switch"))
    return made


def test_the_wheel_holds_every_module(wheel: Path) -> None:
    modules = [path.relative_to(ROOT) for path in (ROOT / "v1switch").rglob("*.py")]
    here = {str(path) for path in modules if "__pycache__" not in path.parts}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if name.endswith(".py")} == here
    assert "v1switch/py.typed" in names


def test_only_what_it_needs_is_there(environment: Environment) -> None:
    others = ("mininet", "matplotlib", "networkx", "pyroute2", "pydantic", "typer", "rich")
    others += ("rxpath", "topo", "falcon_ctl")
    find = "import importlib.util, sys; print([importlib.util.find_spec(n) for n in sys.argv[1:]])"
    assert run(environment, "python", "-c", find, *others) == f"{[None] * len(others)}\n"
    where = "import v1switch; print(v1switch.__file__)"
    assert run(environment, "python", "-c", where).startswith(str(environment.site_packages))


def test_explain(environment: Environment) -> None:
    text = run(environment, "v1switch", "explain", WIRE, "--packet", FRAME.hex())
    assert "wire" in text
    assert "port 2" in text


def test_run(environment: Environment, tmp_path: Path) -> None:
    wrpcap(str(tmp_path / "in.pcap"), [FRAME])
    out = tmp_path / "out"
    files = [f"--pcap-in=1={tmp_path}/in.pcap", f"--pcap-out={out}"]
    run(environment, "v1switch", "run", WIRE, *files)
    assert [path.name for path in out.iterdir()] == ["port2.pcap"]
    assert [frame for frame, _ in RawPcapReader(str(out / "port2.pcap"))] == [FRAME]


@pytest.mark.network
@pytest.mark.skipif(not namespaces_allowed(), reason="no network namespaces for this user")
def test_a_live_switch(environment: Environment) -> None:
    program = [str(environment.bin / "v1switch")]
    with Sandbox(ports=2) as sandbox, Target("v1switch", sandbox, program=program) as switch:
        with SwitchClient(switch.address) as p4rt:
            p4rt.arbitrate(1)
            p4rt.load(WIRE_INFO, WIRE)
            sandbox.port(1).send(FRAME)
            assert sandbox.port(2).receive() == FRAME
        poll(switch.alive, "the switch runs")
