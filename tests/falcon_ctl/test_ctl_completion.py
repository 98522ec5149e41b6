"""What a shell completes: commands, options and names of falcon_ctl and topo; and their help."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from falcon_ctl.cli import app as falcon_ctl
from falcon_ctl.commands import ALL
from falcon_ctl.help_text import paragraphs
from falcon_ctl.lazy import loaded
from falcon_ctl.steering import complete as steering_names
from falcon_ctl.steering.choice import POLICIES
from falcon_ctl.systems.catalogue import LIVE
from rxpath.config.knobs import ORDERS
from topo.cli import app as topo_app
from topo.cli import complete as topo_names
from topo.cli.runner import run_app
from topo.client.network import Network
from topo.spec.sources import load

ROOT = Path(__file__).parents[2]
CONTAINERS = {one.name for one in load("pair").containers}
PROGRAMS = {"falcon_ctl": falcon_ctl, "topo": topo_app.app, "falcon-topo": topo_app.app}


class Running:
    """A network, as far as its names are concerned."""

    spec = load("pair")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass


@pytest.fixture
def offered(monkeypatch, capsys):
    """What a program offers for the last word of a line, as bash asks it."""
    monkeypatch.setattr(Network, "connect", classmethod(lambda *_: Running()))

    def ask(line):
        program = line.split()[0]
        monkeypatch.setenv(f"_{program.upper().replace('-', '_')}_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        with pytest.raises(SystemExit):
            run_app(PROGRAMS[program], program, [])
        return set(capsys.readouterr().out.split("\n")) - {""}

    return ask


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("falcon_ctl fl", {"flow"}),
        ("falcon_ctl use falcon-p", {"falcon-pipelining", "falcon-published"}),
        ("falcon_ctl use ", {system.name for system in LIVE}),
        ("falcon_ctl use falcon --policy fal", {"falcon", "falcon+rps"}),
        ("falcon_ctl use falcon --order ", {"none", "rfs", "handover"}),
        ("falcon_ctl use falcon --thr", {"--threshold"}),
        ("falcon_ctl flow ", CONTAINERS),
        ("falcon_ctl flow red1-1 blue", {name for name in CONTAINERS if "blue" in name}),
        ("falcon_ctl control --system off", {"offload"}),
        ("falcon_ctl shell ", {"s1"}),
        ("topo ex", {"exec"}),
        ("topo exec m", {"m1", "m2"}),
        ("falcon-topo up fat", {"fattree"}),
        ("falcon-topo up --switch v", {"v1switch"}),
    ],
)
def test_names_are_offered(offered, line, some):
    assert offered(line) == some


def test_without_a_network_no_container_is_offered(monkeypatch, tmp_path):
    monkeypatch.setenv("FALCON_RUN_DIR", str(tmp_path))
    assert steering_names.containers("red") == topo_names.nodes("red") == []


@pytest.mark.parametrize("program", ["falcon_ctl", "topo"])
def test_every_command_has_the_common_options_under_their_names(program):
    command = typer.main.get_command(PROGRAMS[program])
    found = {}
    for name, one in command.commands.items():
        for parameter in loaded(one).params:
            for option in (*parameter.opts, *parameter.secondary_opts):
                if not getattr(parameter, "hidden", False):
                    found.setdefault(option, set()).add(name)
    assert "--out" not in found
    assert "--seconds" not in found or found["--seconds"] <= found["--duration"]
    running = {"run", "control", "shell", "use", "show", "flow"} & set(command.commands)
    assert found["--run-dir"] >= running | ({"exec", "status", "up"} & set(command.commands))


def test_every_command_of_falcon_ctl_has_examples():
    for one in ALL:
        assert "Examples:\n" in paragraphs(one.function().__doc__), one.name


def test_the_list_says_of_each_command_what_its_own_help_says_first():
    for command in typer.main.get_command(falcon_ctl).commands.values():
        assert command.help == command.loaded.help.split("\n\n")[0]


def test_policies_and_orders_that_are_offered_are_those_that_there_are():
    assert set(steering_names.policies("")) == set(POLICIES)
    assert set(steering_names.orders("")) == set(ORDERS)


HEAVY = {"grpc", "matplotlib", "numba", "numpy", "scapy", "scipy"}
TOLD = """
import atexit, runpy, sys
atexit.register(lambda: print(*{heavy} & sys.modules.keys(), file=sys.stderr))
sys.argv = ["{module}"]
runpy.run_module("{module}", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("falcon_ctl fl", "flow"),
        ("falcon_ctl use falcon-pi", "falcon-pipelining"),
        ("falcon_ctl use falcon --order h", "handover"),
        ("falcon_ctl flow red1-1 red2-1 --tr", "--trace"),
        ("falcon_ctl apps me", "memcached"),
        ("falcon_ctl shell s", ""),  # asks the network, which is not up
        ("topo ex", "exec"),
        ("rxpath w", "warm"),
    ],
)
def test_a_shell_need_not_wait_for_libraries(line, offered, tmp_path):
    program = line.split()[0]
    asked = {
        f"_{program.upper()}_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
        "FALCON_RUN_DIR": str(tmp_path),
    }
    told = TOLD.format(heavy=HEAVY, module=program)
    done = subprocess.run(
        [sys.executable, "-c", told],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout.split() == offered.split()
    assert done.stderr.split() == []


def test_paragraphs_flow_and_examples_keep_their_lines():
    text = "Do\n    it.\n\n    Examples:\n      one\n      two\n    "
    assert paragraphs(text) == "Do it.\n\nExamples:\n  one\n  two"


@pytest.mark.parametrize(
    ("given", "spelled"),
    [
        (["status", "--json"], ["status", "--json", "/dev/stdout"]),
        (["list", "--json", "--all"], ["list", "--json", "/dev/stdout", "--all"]),
        (["status", "--json", "x.json"], ["status", "--json", "x.json"]),
        (["exec", "n", "--", "a", "--json"], ["exec", "n", "--", "a", "--json"]),
        ([], []),
    ],
)
def test_json_without_a_file_is_standard_output_as_it_was(given, spelled):
    assert topo_app.spelled_out(given) == spelled


def test_json_goes_to_a_file(tmp_path, capsys):
    topo_app.write_json("{}", tmp_path / "x.json")
    assert (tmp_path / "x.json").read_text() == "{}\n"
    topo_app.write_json("[]", topo_app.Path(topo_app.STDOUT))
    assert capsys.readouterr().out == "[]\n"
