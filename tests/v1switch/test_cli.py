"""The command line: that of simple_switch_grpc, and one clear line for every wrong call."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.switch.harness import ROOT
from tests.v1switch.twin import COMPILED
from v1switch.commands.options import parse
from v1switch.commands.switch import open_captures
from v1switch.errors import SwitchError
from v1switch.io.ports import Port

WIRE = str(COMPILED / "wire.json")


def refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as left:
        parse(argv)
    assert left.value.code == 2
    text = capsys.readouterr().err
    assert text.startswith("v1switch")
    assert text.count("\n") == 1
    return text


def test_everything_that_simple_switch_grpc_takes() -> None:
    options = parse(
        [
            *("-i", "1@eth1", "-i", "2@eth2", "--device-id", "3", "--pcap", "/captures"),
            *("--log-file", "switch", "-L", "debug", "--thrift-port", "9091", "--log-console"),
            *("prog.json", "--", "--grpc-server-addr", "unix:/x", "--cpu-port", "510"),
            *("--drop-port", "500"),
        ]
    )
    general = options.general
    assert general.interface == [(1, "eth1"), (2, "eth2")]
    assert (general.device_id, general.program, general.pcap) == (
        3,
        Path("prog.json"),
        Path("/captures"),
    )
    assert (options.address, options.cpu_port, options.drop_port) == ("unix:/x", 510, 500)


def test_ports_may_be_given_on_either_side() -> None:
    assert parse(["--no-p4", "--cpu-port", "64"]).cpu_port == 64
    assert parse(["--no-p4", "--cpu-port", "64", "--", "--cpu-port", "65"]).cpu_port == 65
    assert parse(["--no-p4"]).drop_port == 511
    assert parse(["--no-p4"]).address.startswith("127.0.0.1")


def test_ports_that_simple_switch_grpc_takes_are_taken() -> None:
    taken = parse(["--no-p4", "-i", "0@a", "-i", "510@b"])
    assert taken.general.interface == [(0, "a"), (510, "b")]
    moved = parse(["--no-p4", "-i", "511@a", "--", "--drop-port", "500", "--cpu-port", "510"])
    assert moved.general.interface == [(511, "a")]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "--no-p4"),
        (["-i", "eth1", "--no-p4"], "PORT@INTERFACE"),
        (["-i", "x@eth1", "--no-p4"], "PORT@INTERFACE"),
        (["-i", "@eth1", "--no-p4"], "PORT@INTERFACE"),
        (["-i", "1@", "--no-p4"], "PORT@INTERFACE"),
        (["-i", "1@a", "-i", "1@b", "--no-p4"], "-i 1@b: port 1 is given twice, expected"),
        (["-i", "1@a", "-i", "2@a", "--no-p4"], "-i 2@a: interface a is given twice, expected"),
        (["-i", "99999@a", "--no-p4"], "expected a port in 0..511"),
        (["-i", "512@a", "--no-p4"], "expected a port in 0..511"),
        (["-i-1@a", "--no-p4"], "expected a port in 0..511"),
        (["-i", "-1@a", "--no-p4"], "-i"),
        (["-i", "\u00b2@a", "--no-p4"], "expected a port in 0..511"),
        (["-i", "511@a", "--no-p4"], "-i 511@a: 511 is the drop port, expected"),
        (["-i", "9@a", "--no-p4", "--", "--drop-port", "9"], "9 is the drop port, expected"),
        (["-i", "510@a", "--no-p4", "--cpu-port", "510"], "510 is the CPU port, expected"),
        (["-i", "510@a", "--no-p4", "--", "--cpu-port", "510"], "510 is the CPU port, expected"),
        (["--no-p4", "--cpu-port", "0"], "cpu-port"),
        (["--no-p4", "--cpu-port", "511"], "cpu-port"),
        (["--no-p4", "--cpu-port", "600"], "0..511"),
        (
            ["--no-p4", "--cpu-port", "0"],
            "--cpu-port 0: 0 and the drop port 511 are reserved",
        ),
        (["--no-p4", "--device-id", "-5"], "'-5': expected a device id in 0.."),
        (["--no-p4", "--device-id", "x"], "'x': expected a device id in 0.."),
        (["--no-p4", "--thrift-port", "65536"], "'65536': expected a TCP port in 0..65535"),
        (["--no-p4", "-L", "loud"], "loud"),
        (["--no-p4", "--log-file-max-size", "0"], "'0': expected a number of bytes, 1 or more"),
        (["--no-p4", "--max-port-count", "-1"], "'-1': expected a number in 0..4294967295"),
        (["--no-p4", "--", "--priority-queues", "0"], "'0': expected a number of queues in 1..32"),
        (["--no-p4", "--", "--grpc-server-ssl"], "--grpc-server-ssl needs --grpc-server-cert"),
        (
            ["--no-p4", "--", "--grpc-server-ssl", "--grpc-server-cert", "c"],
            "--grpc-server-ssl needs --grpc-server-key",
        ),
        (
            [
                *("--no-p4", "--", "--grpc-server-ssl", "--grpc-server-cert", "c"),
                *("--grpc-server-key", "k", "--grpc-server-with-client-auth"),
            ],
            "--grpc-server-with-client-auth needs --grpc-server-cacert",
        ),
        (["--no-p4", "--wrong"], "--wrong"),
        (["--no-p4", "--", "--wrong"], "--wrong"),
    ],
)
def test_wrong_calls(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in refused(argv, capsys)


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "v1switch", *argv],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            [str(COMPILED / "nowhere.json")],
            "No such file or directory, expected a BMv2",
        ),
        (["-i", "1@nowhere0", WIRE], "nowhere0"),
        ([str(COMPILED / "wire.p4info.txtpb")], "JSON"),
        (
            ["--trace-filter", "ipv4.ttl = 1", WIRE],
            "'ipv4.ttl': expected 'port', 'len', or a field",
        ),
        (["--trace-filter", "ttl is 1", "--no-p4"], "filter 'ttl is 1': 'is': expected"),
        (["--no-p4", "--log-file", "/nowhere/at/all/s1.log"], "--log-file /nowhere/at/all/s1.log:"),
        (["--no-p4", "--log-file", "/nowhere/at/all/s1.log"], ", expected a file"),
        (["--no-p4", "--", "--grpc-server-addr", "unix:/nowhere/at/all/x.sock"], "/nowhere"),
        (["--no-p4", "--", "--grpc-server-addr", "192.0.2.1:9"], "'192.0.2.1:9': in use or not of"),
    ],
)
def test_a_switch_that_cannot_start_says_so_and_ends(
    argv: list[str], message: str, tmp_path: Path
) -> None:
    if "--grpc-server-addr" not in argv:  # the default address may be another switch's
        argv = [*argv, "--", "--grpc-server-addr", f"unix:{tmp_path}/p4runtime"]
    ended = run(*argv)
    assert ended.returncode == 2, ended.stderr
    assert message in ended.stderr
    assert ended.stderr.startswith("v1switch: ")
    assert ended.stderr.count("\n") == 1


class NamedPort(Port):
    """A port without a socket: captures ask for its number and interface only."""

    def __init__(self, number: int, ifname: str) -> None:
        self.number, self.ifname = number, ifname


def test_captures_into_no_directory_are_refused_by_their_option(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(SwitchError) as caught:
        open_captures(missing, [NamedPort(1, "eth1")])
    assert str(caught.value).startswith(f"--pcap {missing}: No such file or directory, expected")
    open_captures(tmp_path, [NamedPort(1, "eth1")]).close()
    assert {path.name for path in tmp_path.iterdir()} == {"eth1_in.pcap", "eth1_out.pcap"}


@pytest.mark.parametrize(
    "argv",
    [
        ["\x1b[2J.json"],
        ["--\x1b[2J", "x.json"],
        ["--no-p4", "--log-file", "/nowhere/\x1b[2J"],
        ["explain", "\x1b[2J.json", "--packet", "00"],
        ["run", "\x1b[2J.json", "--pcap-in", "1=x", "--pcap-out", "x"],
    ],
)
def test_control_characters_do_not_reach_the_terminal(argv: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "v1switch", *argv], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "\\x1b[2J" in done.stderr
    assert done.stderr.rstrip("\n").isprintable()


def test_a_signal_ends_an_offline_command_with_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # read from until somebody closes it
    command = ["-m", "v1switch", "run", str(COMPILED / "wire.json"), "--pcap-out", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, *command, "--pcap-in", f"1={tmp_path}/pipe"],
        stderr=subprocess.PIPE,
        text=True,
    )
    with (tmp_path / "pipe").open("wb"):  # it is open at both ends now
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (143, "v1switch: interrupted\n")
