"""YAML specs: defaults, and errors with their line."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from topo.errors import SpecError
from topo.spec.builders import leafspine, pair
from topo.spec.model import Topology
from topo.spec.yaml_file import from_file, from_yaml, to_yaml

GOOD = """\
name: lab
mtu: 1400
tenants:
  red: {vni: 7, vlan: 11, subnet: 10.1.0.0/16}
switches:
  s1: {}
  s2:
machines:
  m1: {vtep: 172.16.0.11}
  m2:
    mac: 12:10:00:00:00:01
containers:
  a: {machine: m1, tenant: red, ip: 10.1.0.1}
  b: {machine: m2, tenant: red, ip: 10.1.0.2}
links:
  - [m1, s1]
  - [s1:1, s2]
  - [s2:7, m2]
"""


def test_omitted_values_are_derived() -> None:
    topology = from_yaml(GOOD)
    assert [s.device_id for s in topology.switches] == [1, 2]
    assert [str(m.vtep) for m in topology.machines] == ["172.16.0.11", "172.16.0.2"]
    assert topology.machines[1].mac == "12:10:00:00:00:01"  # to YAML 1.1 a number of base 60
    # s1's port 1 is given away by the second link, so the first gets the lowest free one.
    assert [str(end) for link in topology.links for end in link.ends] == [
        "m1",
        "s1:2",
        "s1:1",
        "s2:1",
        "s2:7",
        "m2",
    ]
    assert from_yaml(to_yaml(topology)) == topology


def replaced(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


WRONG = [
    (replaced("mtu: 1400", "mtuu: 1400"), 2, "mtuu", "unknown key, expected one of name, mtu"),
    (replaced("mtu: 1400", "mtu: fast"), 2, "mtu", "expected a valid integer"),
    (replaced("mtu: 1400", "mtu: 40"), 2, "mtu", "greater than or equal to 576, got 40"),
    (replaced("vni: 7", "vni: 16777216"), 4, "tenants.red.vni", "less than 16777216"),
    (replaced("vni: 7, ", ""), 4, "tenants.red.vni", "expected this key"),
    (replaced("10.1.0.0/16", "10.1.0.1/16"), 4, "tenants.red.subnet", "without host bits"),
    (replaced("s1: {}", "s1: {port: 1}"), 6, "switches.s1.port", "expected one of mac, device_id"),
    (replaced("s1: {}", "s1: 5"), 6, "switches.s1", "expected a mapping"),
    (replaced("  s2:\n", "  s1:\n"), 7, "switches.s1", "duplicate key"),
    (replaced("172.16.0.11", "172.16.0.2"), 10, "machines.m2.vtep", "duplicate vtep"),
    (replaced("172.16.0.11", "172.16.0.300"), 9, "machines.m1.vtep", "expected an IPv4 address"),
    (replaced("12:10", "13:10"), 11, "machines.m2.mac", "unicast"),
    (replaced("12:10", "AB:10"), 11, "machines.m2.mac", "expected a MAC address such as"),
    (replaced("b: {machine: m2", "b: {machine: m3"), 14, "containers.b.machine", "no machine m3"),
    (replaced("10.1.0.2}", "10.2.0.2}"), 14, "containers.b.ip", "subnet of tenant red"),
    (replaced("10.1.0.2}", "10.1.0.1}"), 14, "containers.b.ip", "duplicate address"),
    (replaced("10.1.0.2}", "10.1.0.2, name: c}"), 14, "containers.b.name", "unknown key"),
    (replaced("  b:", "  m1:"), 14, "containers.m1", "duplicate name"),
    (replaced("  b:", "  a_b:"), 14, "containers.a_b.name", "letters, digits and hyphens"),
    (replaced("  b:", "  far-too-long-b:"), 14, "containers.far-too-long-b", "expected shorter"),
    (replaced("[m1, s1]", "[m1, s9:1]"), 16, "links[0][1]", "link to an unknown node"),
    (replaced("[m1, s1]", "[m1]"), 16, "links[0]", "expected two ends"),
    (replaced("[m1, s1]", "[m1, s1:0]"), 16, "links[0][1]", "expected a port from 1 to 509"),
    (replaced("[s1:1, s2]", "[s1:1, s2:7]"), 18, "links[2][0]", "used twice"),
    (replaced("  - [s1:1, s2]\n", ""), 7, "switches.s2", "disconnected"),
    (replaced("links:\n", "links: []\nx:\n"), 16, "x", "unknown key"),
    (GOOD[: GOOD.index("links")], 9, "machines.m1", "one uplink"),
    (GOOD + "tenants: {}\n", 19, "tenants", "duplicate key, expected it once (line 3"),
    (replaced("mtu: 1400", "mtu: [1400"), 3, "", "expected YAML"),
    (replaced("mtu: 1400", "? [1, 2]\n: 3"), 2, "", "scalar as key"),
    (replaced("mtu: 1400", 'mtu: "\\e[31m\\n5"'), 2, "mtu", "got \\x1b[31m\\n5"),
    (replaced("mtu: 1400", f"mtu: {'9' * 5000}"), 2, "mtu", "999…"),
    ("", 1, "", "expected the keys name, mtu"),
    ("- 1\n- 2\n", 1, "", "expected the keys"),
    ("a: &x {b: *x}\n", 1, "a.b", "levels"),
    ("name: \x00", 1, "", "expected YAML"),
]


@pytest.mark.parametrize(("text", "line", "path", "expected"), WRONG)
def test_errors_name_the_line(text: str, line: int, path: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        from_yaml(text, "lab.yaml")
    error = caught.value
    assert (error.line, error.path) == (line, path), str(error)
    assert expected in error.expected
    assert re.fullmatch(r"lab\.yaml:\d+: .+", str(error)), "one line, the file and the line first"
    assert error.exit_code == 2


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="expected a YAML file"):
        from_file(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"name: \xff")
    with pytest.raises(SpecError, match="UTF-8"):
        from_file(tmp_path / "bytes.yaml")


@given(st.text())
@settings(deadline=None)
def test_any_text_is_a_topology_or_a_spec_error(text: str) -> None:
    with pytest.raises(SpecError):
        from_yaml(text)


@given(st.data())
@settings(max_examples=examples(150), deadline=None)
def test_a_damaged_spec_is_a_topology_or_a_spec_error(data: st.DataObject) -> None:
    text = to_yaml(data.draw(st.sampled_from([pair(), leafspine()])))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 12)))
    junk = data.draw(st.text(alphabet="ab1:{}[],-&*!?|>'\"\n \t%@#~é", max_size=6))
    result = attempt(text[:start] + junk + text[end:])
    if isinstance(result, SpecError):
        assert result.line is not None
        assert len(str(result).splitlines()) == 1


def attempt(text: str) -> Topology | SpecError:
    try:
        return from_yaml(text)
    except SpecError as err:
        return err


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[2J.yaml"
    path.write_text("tenants: 1\n")
    topo = [sys.executable, "-m", "topo"]
    for call in (["spec", str(path)], ["spec", "pair\x1b[2J"], ["\x1b[2J"], ["spec", "--\x1b[2J"]):
        done = subprocess.run([*topo, *call], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "\\x1b[2J" in done.stderr
        assert all(line.isprintable() for line in done.stderr.splitlines())
