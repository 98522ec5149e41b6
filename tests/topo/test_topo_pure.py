"""Pure functions: command lines of targets, process numbers, ICMP, program states."""

import errno
import importlib.metadata
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP

from topo.cli.app import exit_code
from topo.client.pids import parse_status
from topo.client.ping import checksum, echo_request, is_reply
from topo.daemon.programs import rxpath_config
from topo.errors import CallError, NotRunning, RequestError
from topo.protocol.status import Part
from topo.rundir import RunDir, tail
from topo.spec.builders import pair
from topo.system import namespaces, targets

FAKE_BMV2 = """#!/bin/sh
case "$1" in
--help) echo "  --thrift-port arg  TCP port"; echo "  --log-file-max-size arg";;
--version) echo "1.15.0-abcdef12";;
esac
"""


@pytest.fixture
def bmv2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A simple_switch_grpc on the PATH, built with Thrift but without the other options."""
    program = tmp_path / targets.BMV2
    program.write_text(FAKE_BMV2)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    targets.bmv2_says.cache_clear()
    yield program
    targets.bmv2_says.cache_clear()


def test_auto_takes_bmv2_when_it_is_installed(bmv2: Path) -> None:
    assert targets.resolve("auto") == "bmv2"
    bmv2.unlink()
    assert targets.resolve("auto") == "v1switch"
    assert "p4lang-bmv2" in str(targets.requirement("bmv2"))
    with pytest.raises(CallError, match="expected auto, bmv2 or v1switch, got ovs"):
        targets.resolve("ovs")


def test_both_targets_get_the_same_command_line(bmv2: Path) -> None:
    run_dir, topology = RunDir("/run/x"), pair()
    ports = topology.interfaces("s1")
    lines = [
        targets.command(target, topology.switches[0], ports, run_dir)
        for target in ("bmv2", "v1switch")
    ]
    own = lines[0].index("--")
    assert lines[0][0] == targets.BMV2
    assert lines[1][1:3] == ["-m", "v1switch"]
    common = "-i 1@s1-eth1 -i 2@s1-eth2 --no-p4 --device-id 1 --log-level info --log-file "
    assert " ".join(lines[1][3:]).startswith(common + "/run/x/s1.log")
    assert lines[0][own:] == lines[1][-len(lines[0][own:]) :]
    assert "unix:/run/x/s1.p4rt.sock" in lines[0][own:]
    assert lines[0][-4:] == ["--cpu-port", "510", "--drop-port", "511"]
    # Of the options that only some builds know, those that this build's --help names.
    assert "--thrift-port" in lines[0][:own]
    assert "--log-file-max-size" in lines[0][:own]
    assert "--log-file-max-files" not in lines[0]
    assert targets.version("bmv2") == "1.15.0-abcdef12"


def test_the_configuration_of_rxpath() -> None:
    topology = pair()
    config = rxpath_config(topology, topology.machines[1], RunDir("/run/x"))
    assert (config["machine"], config["uplink"], config["vtep"]) == ("m2", "m2-up", "172.16.0.2")
    assert config["mac"] == topology.machines[1].mac
    assert config["control"] == "/run/x/rx-m2.sock"
    assert config["containers"][2] == {
        "name": "blue2-1",
        "ifname": "m2-blue2-1",
        "mac": topology.containers[6].mac,
        "ip": "10.0.0.21",
        "vlan": 102,
        "vni": 5002,
    }


def test_process_numbers_in_each_namespace() -> None:
    text = "Name:\tx: y\nPid:\t4711\nPPid:\t12\nNSpid:\t4711\t17\t1\n"
    assert parse_status(text) == (4711, 12, (4711, 17, 1))
    assert parse_status("Pid:\t3\nPPid:\t1\n").nspids == (3,)


@given(st.integers(0, 0xFFFF), st.binary(max_size=32).filter(lambda b: len(b) % 2 == 0))
def test_echo_requests_equal_those_of_scapy(identifier: int, payload: bytes) -> None:
    expected = bytes(ICMP(type=8, id=identifier, seq=1) / payload)
    assert echo_request(identifier, 1, payload) == expected
    assert checksum(expected) == 0


def test_only_the_matching_reply_is_accepted() -> None:
    payload = bytes(range(16))
    reply = bytes(IP() / ICMP(type=0, id=7, seq=1) / payload)
    assert is_reply(reply, 7, payload)
    assert not is_reply(reply, 8, payload)
    assert not is_reply(reply, 7, payload[::-1])
    assert not is_reply(bytes(IP() / ICMP(type=8, id=7, seq=1) / payload), 7, payload)
    assert not is_reply(reply[:24], 7, payload)


@pytest.mark.parametrize(
    ("sysctl", "value", "said"),
    [
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces="),
        ("user/max_user_namespaces", "1000", "expected a kernel with CONFIG_USER_NS"),
    ],
)
def test_the_sysctl_that_denies_user_namespaces_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sysctl: str, value: str, said: str
) -> None:
    monkeypatch.setattr(namespaces, "SYSCTLS", tmp_path)
    (tmp_path / sysctl).parent.mkdir()
    (tmp_path / sysctl).write_text(value + "\n")
    refused = PermissionError(errno.EPERM, "Operation not permitted", "/proc/self/uid_map")
    assert said in namespaces.refusal(refused, 1000)
    assert "CAP_SYS_ADMIN" in namespaces.refusal(refused, 0)


@pytest.mark.parametrize(
    ("returncode", "state"),
    [
        (None, "running"),
        (0, "exited with 0"),
        (3, "exited with 3"),
        (-9, "killed by SIGKILL"),
        (-63, "killed by signal 63"),
    ],
)
def test_states_in_words(returncode: int | None, state: str) -> None:
    part = Part(name="s1", kind="switch", node="s1", pid=1, returncode=returncode, log="")
    assert part.state == state
    assert part.is_alive == (returncode is None)


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == []
    log.write_bytes(b"".join(b"line %d \xff\n" % n for n in range(5000)))
    assert tail(log)[-1] == "line 4999 \ufffd"
    assert len(tail(log)) == 15


def test_v1switch_that_is_not_installed_has_the_version_of_its_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    project = (Path(targets.__file__).parents[2] / "v1switch" / "pyproject.toml").read_text()
    assert f'version = "{targets.version("v1switch")}"' in project.splitlines()
    other = tmp_path / "pyproject.toml"
    assert targets.checkout_version(other) == "unknown"
    other.write_text('[project]\nname = "other"\nversion = "9"\n')
    assert targets.checkout_version(other) == "unknown"


def test_exit_codes_of_errors() -> None:
    assert exit_code(RequestError("bad_request", "node", "there is no nowhere")) == 2
    assert exit_code(RequestError("failed", "daemon", "the network is going down")) == 1
    assert exit_code(NotRunning(Path("run"))) == 3
