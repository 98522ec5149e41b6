"""What BMv2's launchers expect of the command line: options, names of processes, TLS."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from p4.v1 import p4runtime_pb2 as rt
from p4.v1.p4runtime_pb2_grpc import P4RuntimeStub

from tests.switch.harness import ROOT, poll
from tests.v1switch.twin import COMPILED
from v1switch.commands import ignored, link, start
from v1switch.commands.options import parse
from v1switch.commands.tls import TlsFiles
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.errors import PortError, SwitchError
from v1switch.io.captures import PcapFile, read_frames
from v1switch.io.dumps import Dump, both
from v1switch.io.files import FileLoop
from v1switch.p4runtime.listener import Tls, listen
from v1switch.p4runtime.server import serve
from v1switch.program import load_file

WIRE = str(COMPILED / "wire.json")

# -- options ---------------------------------------------------------------------------------------

# those of bm_sim/options_parse.cpp 1.15.5 and of the two targets' main.cpp, with a value for each
GENERAL = [
    *("--interface", "1@a", "--pcap=/tmp", "--packet-in", "ipc:///tmp/x", "--thrift-port", "9090"),
    *("--device-id", "1", "--nanolog", "ipc:///tmp/bm-log.ipc", "--log-console"),
    *("--log-file", "x", "--log-level", "trace", "--log-flush", "--log-file-max-size", "1000"),
    *("--log-file-max-files", "3", "--notifications-addr", "ipc:///tmp/n.ipc", "--debugger"),
    *("--debugger-addr", "ipc:///tmp/d.ipc", "--restore-state", "s", "--dump-packet-data", "64"),
    *("--max-port-count", "512", "--use-files", "0"),
]
TARGET = [
    *("--enable-swap", "--disable-swap", "--drop-port", "511", "--priority-queues", "8"),
    *("--max-mc-groups", "65535", "--max-l1-entries", "9", "--max-l2-entries", "9"),
    *("--grpc-server-addr", "127.0.0.1:50051", "--grpc-server-cacert", "ca.pem"),
    *("--grpc-server-cert", "c.pem", "--grpc-server-key", "k.pem"),
    *("--grpc-server-with-client-auth", "--cpu-port", "255", "--load-modules", "x.so"),
    *("--dp-grpc-server-addr", "0.0.0.0:50052"),
]


def test_every_option_of_bmv2_is_taken() -> None:
    options = parse([*GENERAL, "prog.json", "--", *TARGET, "--grpc-server-ssl"])
    assert options.tls == TlsFiles(Path("c.pem"), Path("k.pem"), Path("ca.pem"), client_auth=True)
    assert options.general.dump_packet_data == 64
    assert options.general.interface == [(1, "a")]


def test_options_without_effect_are_told_once_each() -> None:
    said = parse([*GENERAL, "prog.json", "--", *TARGET]).remarks
    for option in (*ignored.GENERAL, *ignored.TARGET):
        (line,) = (line for line in said if line.startswith(f"{option.name} "))
        assert " no effect: " in line
    (line,) = (line for line in said if "without --grpc-server-ssl" in line)
    assert line.startswith("--grpc-server-cacert, --grpc-server-cert, --grpc-server-key, ")
    assert parse(["prog.json"]).remarks == ()


def test_a_program_beside_no_p4_is_not_loaded() -> None:
    options = parse(["--no-p4", "prog.json"])
    assert options.general.program is None
    assert options.remarks == ("prog.json is not loaded: --no-p4 was given",)


@pytest.mark.parametrize(
    ("option", "start"), [("--version", "1.15."), ("-v", "1.15."), ("--json-version", "2.")]
)
def test_versions(option: str, start: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse([option])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith(start)


def test_simple_switch_serves_p4runtime_when_it_is_asked_to() -> None:
    assert parse(["prog.json"], "simple_switch").address is None
    asked = parse(["prog.json", "--", "--grpc-server-addr", "unix:x"], "simple_switch")
    assert asked.address == "unix:x"
    assert parse(["prog.json"], "simple_switch_grpc").address == parse(["prog.json"]).address


# -- logs and dumps --------------------------------------------------------------------------------


def test_dumps_of_frames(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[tuple[int, bytes, bool]] = []
    tap = both(lambda *frame: seen.append(frame), Dump(2))
    with caplog.at_level(logging.INFO, "v1switch"):
        tap(1, b"\x01\x02\x03", True)
        tap(2, b"\x04", False)
    assert [record.getMessage() for record in caplog.records] == [
        "Received packet of length 3 on port 1: 0102",
        "Sending packet of length 1 on port 2: 04",
    ]
    assert len(seen) == 2


# -- files in place of interfaces ------------------------------------------------------------------


def test_ports_that_are_files(tmp_path: Path) -> None:
    """As p4c's run-bmv2-test.py starts BMv2: frames of all files in the order of their times."""
    frames = [bytes([port]) + bytes([number]) * 40 for number, port in enumerate((2, 1, 2))]
    for port, times in ((1, {0: 10, 2: 30}), (2, {1: 20})):
        file = PcapFile(tmp_path / f"p{port}_in.pcap")
        for number, time_ns in times.items():
            file.write(frames[number], time_ns)
        file.close()
    plane = Dataplane(PythonEngine())
    plane.load(load_file(COMPILED / "wire.json"))
    loop = FileLoop(plane, {1: f"{tmp_path}/p1", 2: f"{tmp_path}/p2"}, 0)
    thread = threading.Thread(target=loop.run)
    thread.start()
    poll(lambda: sum(each.received for each in loop.counters().interfaces) == 3, "all frames")
    loop.stop()
    thread.join(60)
    counted = {each.port: (each.received, each.sent) for each in loop.counters().interfaces}
    loop.close()
    left = {port: list(read_frames(tmp_path / f"p{port}_out.pcap")) for port in (1, 2)}
    assert counted == {1: (2, len(left[1])), 2: (1, len(left[2]))}
    expected = [out for n, port in enumerate((1, 2, 1)) for out in plane.process(port, frames[n])]
    for port, written in left.items():
        assert [frame for _, frame in written] == [f for p, f in expected if p == port]


def test_files_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PortError, match=r"no file .*/none_in.pcap"):
        FileLoop(Dataplane(PythonEngine()), {1: f"{tmp_path}/none"}, 0)


# -- names -----------------------------------------------------------------------------------------


@contextmanager
def started(directory: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A switch that was started by a linked command and listens."""
    log = directory / f"{name}.log.txt"
    command = [directory / name, "--no-p4", "--nanolog", "ipc:///tmp/x"]
    command += ["--log-file", log.with_suffix("")]
    command += ["--", "--grpc-server-addr", f"unix:{directory}/p4rt.sock"]
    process = subprocess.Popen(command)
    try:
        poll(lambda: log.exists() and "P4Runtime on" in log.read_text(), "the switch listens")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.mark.parametrize("name", link.NAMES)
def test_a_linked_command_bears_its_name(tmp_path: Path, name: str) -> None:
    assert [path.name for path in link.link(tmp_path)] == list(link.NAMES)
    with started(tmp_path, name) as process:
        proc = Path(f"/proc/{process.pid}")
        assert (proc / "comm").read_text() == f"{name[:15]}\n"
        words = (proc / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        assert words[0] == name.encode()
        assert words[1:3] == [b"--no-p4", b"--nanolog"]
        assert words[-1] == f"unix:{tmp_path}/p4rt.sock".encode()
        assert "--nanolog has no effect" in (tmp_path / f"{name}.log.txt").read_text()
    assert process.returncode == 0


def test_a_linked_command_needs_no_checkout_as_working_directory(tmp_path: Path) -> None:
    link.link(tmp_path)
    done = subprocess.run(
        [tmp_path / "simple_switch", "--version"], cwd="/", capture_output=True, check=True
    )
    assert done.stdout.startswith(b"1.15.")


def test_links_are_renewed_and_nothing_else_is_written_over(tmp_path: Path) -> None:
    link.link(tmp_path / "new" / "bin")
    link.link(tmp_path / "new" / "bin")
    (tmp_path / "simple_switch_grpc").write_text("another program")
    with pytest.raises(SwitchError, match="simple_switch_grpc is another program"):
        link.link(tmp_path)
    assert not (tmp_path / "simple_switch").exists()


def test_interpreters_with_blanks_start_by_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a b"
    place.mkdir()
    wrapper = place / "python"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(wrapper))
    link.link(tmp_path)
    done = subprocess.run([tmp_path / "simple_switch", "-v"], capture_output=True, check=True)
    assert done.stdout.startswith(b"1.15.")


def test_the_link_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "v1switch", "link", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(tmp_path / name) for name in link.NAMES]
    assert os.access(tmp_path / "simple_switch", os.X_OK)
    wrong = subprocess.run(
        [sys.executable, "-m", "v1switch", "link", "/proc/nowhere"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("v1switch: link /proc/nowhere: ")


# -- TLS -------------------------------------------------------------------------------------------


def openssl(*args: object) -> None:
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an authority, and server's and client's key and certificate of it."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    place = tmp_path_factory.mktemp("tls")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2)
    for name in ("ca", "other"):
        files = ("-keyout", place / f"{name}.key", "-out", place / f"{name}.pem")
        openssl("req", "-x509", *key, "-subj", f"/CN={name}", *files)
    for name in ("server", "client"):
        ca = ("-CA", place / "ca.pem", "-CAkey", place / "ca.key")
        files = ("-keyout", place / f"{name}.key", "-out", place / f"{name}.pem")
        names = ("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        openssl("req", "-x509", *ca, *key, "-subj", f"/CN={name}", *names, *files)
    return place


def files(secrets: Path, *, client_auth: bool = False) -> Tls:
    authority = secrets / "ca.pem" if client_auth else None
    return TlsFiles(secrets / "server.pem", secrets / "server.key", authority, client_auth).read()


def version(channel: grpc.Channel) -> str:
    """Ask for the version of the API; raises grpc.RpcError."""
    call = channel.unary_unary(
        "/p4.v1.P4Runtime/Capabilities",
        request_serializer=rt.CapabilitiesRequest.SerializeToString,
        response_deserializer=rt.CapabilitiesResponse.FromString,
    )
    with channel:
        return call(rt.CapabilitiesRequest(), timeout=60).p4runtime_api_version


def test_p4runtime_over_tls(secrets: Path) -> None:
    handle = serve(Dataplane(PythonEngine()), "127.0.0.1:0", 0, tls=files(secrets))
    try:
        trusted = grpc.ssl_channel_credentials((secrets / "ca.pem").read_bytes())
        assert version(grpc.secure_channel(handle.address, trusted)).startswith("1.")
        other = grpc.ssl_channel_credentials((secrets / "other.pem").read_bytes())
        with pytest.raises(grpc.RpcError):
            version(grpc.secure_channel(handle.address, other))
        with pytest.raises(grpc.RpcError):
            version(grpc.insecure_channel(handle.address))
    finally:
        handle.stop()


def test_mutual_tls(secrets: Path) -> None:
    tls = files(secrets, client_auth=True)
    assert repr(tls.key) not in repr(tls)
    handle = serve(Dataplane(PythonEngine()), "127.0.0.1:0", 0, tls=tls)
    root = (secrets / "ca.pem").read_bytes()
    pair = [(secrets / f"client.{kind}").read_bytes() for kind in ("key", "pem")]
    try:
        known = grpc.ssl_channel_credentials(root, *pair)
        assert version(grpc.secure_channel(handle.address, known)).startswith("1.")
        nobody = grpc.ssl_channel_credentials(root)
        with pytest.raises(grpc.RpcError):
            version(grpc.secure_channel(handle.address, nobody))
    finally:
        handle.stop()


def test_tls_files_that_cannot_serve(secrets: Path) -> None:
    missing = TlsFiles(secrets / "server.pem", secrets / "nowhere", None, client_auth=False)
    with pytest.raises(SwitchError, match=r"--grpc-server-key .*nowhere: No such file"):
        missing.read()
    mixed = TlsFiles(secrets / "server.pem", secrets / "client.key", None, client_auth=False)
    with pytest.raises(SwitchError, match="expected a certificate and its key"):
        mixed.read()
    wrong = TlsFiles(secrets / "server.pem", secrets / "server.key", Path(WIRE), client_auth=True)
    with pytest.raises(SwitchError, match=r"--grpc-server-cacert .*expected certificates in PEM"):
        wrong.read()


# -- start -----------------------------------------------------------------------------------------


def test_a_start_loads_what_it_needs_only() -> None:
    """Scripts wait 2 s for a switch, on machines that are busy."""
    code = "import sys, v1switch.commands.switch; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = ("grpc", "google.protobuf", "p4", "llvmlite", "numba", "numpy", "scapy", "ssl")
    mine = ("v1switch.explain.engine", "v1switch.entryfile.commands", "v1switch.p4runtime.server")
    loaded = set(done.stdout.split())
    assert loaded & {*heavy, *mine} == set()
    assert "v1switch.engines.python.engine" in loaded


def test_it_listens_before_it_loads_the_switch() -> None:
    code = "import sys, v1switch.commands.start, v1switch.p4runtime.listener; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    later = ("v1switch.control.dataplane", "v1switch.engines", "google.protobuf", "p4")
    assert set(done.stdout.split()) & set(later) == set()


def test_who_comes_before_the_switch_is_loaded_is_served() -> None:
    listener = listen("127.0.0.1:0")
    with grpc.insecure_channel(listener.target) as channel, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(P4RuntimeStub(channel).Capabilities, rt.CapabilitiesRequest())
        server = serve(Dataplane(PythonEngine()), listener.address, 1, listener=listener)
        try:
            assert asked.result(60).p4runtime_api_version == "1.4.1"
        finally:
            server.stop()


def test_an_address_that_is_taken_ends_the_start(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = listen("127.0.0.1:0")
    port = first.target.rpartition(":")[2]
    assert start.main(["--no-p4", "--", "--grpc-server-addr", f":{port}"]) == 2
    assert f"cannot listen on ':{port}'" in capsys.readouterr().err
