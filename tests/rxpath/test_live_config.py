"""The machine's configuration: every mistake is one line that says where, what and what else."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rxpath.__main__ import app
from rxpath.config import costs
from rxpath.errors import ConfigError
from rxpath.live import config, host
from rxpath.wire.afpacket import DeviceError


def container(number: int, **changes: Any) -> dict[str, Any]:
    plain = {
        "name": f"red1-{number}",
        "ifname": f"veth{number}",
        "mac": f"02:00:00:00:00:{number:02x}",
    }
    return {**plain, "ip": f"10.0.0.{number}", "vlan": 101, "vni": 5001, **changes}


def machine(**changes: Any) -> dict[str, Any]:
    plain = {"machine": "m1", "uplink": "m1-up", "mac": "02:00:00:00:01:01", "vtep": "172.16.0.1"}
    plain |= {"control": "/tmp/x/rx-m1.sock", "records_dir": "/tmp/x/records"}
    containers = [container(1), container(2)]
    return {**plain, "containers": containers, **changes}


def test_the_example_of_the_contract_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rx-m1.json"
    system = {"profile": "docker", "policy": "same_cpu"}
    path.write_text(json.dumps(machine(system=system, dilation=1000, seed=1)))
    read = config.load(path)
    assert (read.mac_int, read.vtep_int) == (0x020000000101, 0xAC100001)
    assert [one.mac_int for one in read.containers] == [0x020000000001, 0x020000000002]


WRONG = {
    "machine": (machine(machine=3), "machine"),
    "missing": ({k: v for k, v in machine().items() if k != "vtep"}, "vtep"),
    "unknown": (machine(uplnik="x"), "uplnik"),
    "mac": (machine(mac="02:00"), "mac"),
    "group mac": (machine(mac="03:00:00:00:00:01"), "mac"),
    "vtep": (machine(vtep="172.16.0.300"), "vtep"),
    "dilation": (machine(dilation=0), "dilation"),
    "vlan": (machine(containers=[container(1, vlan=4095)]), "containers.0.vlan"),
    "vni": (machine(containers=[container(1), container(2, vni=2**24)]), "containers.1.vni"),
    "long interface name": (machine(uplink="x" * 16), "uplink"),
    "long socket path": (machine(control="/" + "x" * 107), "control"),
    "twice the mac": (
        machine(containers=[container(1), container(2, mac=container(1)["mac"])]),
        "mac",
    ),
    "twice the interface": (machine(containers=[container(1, ifname="m1-up")]), "ifname"),
    "twice the name": (machine(containers=[container(1), container(2, name="red1-1")]), "name"),
    "one vni, two vlans": (machine(containers=[container(1), container(2, vlan=7)]), "vni"),
    "one vlan, two vnis": (machine(containers=[container(1), container(2, vni=7)]), "vlan"),
    "knob": (machine(system={"policy": "fastest"}), "policy"),
    "unknown knob": (machine(system={"speed": 1}), "speed"),
    "no object": ([], "configuration"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_named_with_its_place(name: str, tmp_path: Path) -> None:
    raw, where = WRONG[name]
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(raw))
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert where in caught.value.key
    assert "expected" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ({"cpus": 0}, "cpus: got 0, expected an integer from 1 to 64"),
        ({"falcon": {"cpus": []}}, "falcon.cpus: got [], expected at least one CPU from 0 to 39"),
        ({"cost_overrides": {"hardirq.ns": -1}}, "cost_overrides.hardirq.ns: got -1, expected an "),
        ({"costs": "mine.toml"}, "costs: got 'mine.toml', expected a TOML file: No such file"),
        ({"costs": "mine"}, f"costs: got 'mine', expected one of {', '.join(costs.names())}, or "),
        ({"profile": "mine"}, "profile: got 'mine', expected one of host, docker, mflow, "),
    ],
)
def test_the_command_line_says_which_knob_is_wrong(
    system: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(machine(system=system)))
    done = CliRunner().invoke(app, ["--config", str(path)])
    assert done.exit_code == 2
    assert done.output.startswith(f"rxpath: {path}: {said}")
    assert done.output.count("\n") == 1


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (machine(uplnik="x"), "uplnik: an unknown key; expected one of machine, uplink, mac, "),
        (
            machine(containers=[container(1), container(2, vnii=1)]),
            "containers.1.vnii: an unknown key; expected one of name, ifname, mac, ip, vlan, vni",
        ),
    ],
)
def test_an_unknown_key_is_told_the_known_ones(
    raw: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(raw))
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert str(caught.value).startswith(f"{path}: {said}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"uplink": "nosuch0", "containers": []}, "uplink: nosuch0: No such device, expected"),
        ({"uplink": "lo"}, "containers.0.ifname: nosuch1: No such device, expected"),
    ],
)
def test_a_missing_interface_is_named_with_its_key(changes: dict[str, Any], said: str) -> None:
    containers = [container(1, ifname="nosuch1"), container(2, ifname="nosuch2")]
    wrong = config.parse(machine(**{"containers": containers, **changes}))
    with pytest.raises(DeviceError) as caught:
        host.LiveHost(wrong)
    assert str(caught.value).startswith(said)


def test_tenants_may_share_addresses_but_not_segments() -> None:
    blue = container(1, name="blue1-1", ifname="veth9", vlan=102, vni=5002)
    assert len(config.parse(machine(containers=[container(1), blue])).containers) == 2


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", None])
def test_a_file_that_is_no_json(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="expected"):
        config.load(path)
