"""`explain` and `run`: a program on packets and capture files, without interfaces or rights."""

import json
import struct
from pathlib import Path

import pytest
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader, RawPcapWriter, wrpcap, wrpcapng

from tests.p4.world import JSON
from tests.stf.stf import Case, Expected, Packet
from tests.stf.switches import on_bmv2
from tests.switch.harness import ROOT, Sandbox, namespaces_allowed
from tests.switch.harness_targets import BMV2, installed
from tests.v1switch.corpus import vectors
from tests.v1switch.explained import DECAPSULATED, DROPPED, ENCAPSULATED, ENTRIES, FLOODED
from tests.v1switch.twin import COMPILED, loaded
from v1switch.commands.main import main
from v1switch.io.captures import CaptureError, PcapFile, read_frames

WIRE = str(COMPILED / "wire.json")
VTEP = [str(JSON), "--entries", str(ENTRIES)]
FEW = 60  # frames: BMv2 loses what does not fit in its egress queue of 64
T0 = 1_700_000_000_123_456_789


def capture(path: Path, *frames: bytes, start: int = T0, step: int = 1000) -> Path:
    file = PcapFile(path)
    for number, frame in enumerate(frames):
        file.write(frame, start + number * step)
    file.close()
    return path


def output_of(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(argv) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


# -- explain ---------------------------------------------------------------------------------------


def test_bytes_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, "explain", *VTEP, "--packet", ENCAPSULATED[1].hex())
    assert text.startswith("packet 1: 86 bytes into port 1\n")
    assert text.endswith("packet 1: leaves by port 3 (132 bytes)\n")
    assert "\x1b" not in text, "colours are for terminals"


def test_bytes_may_be_written_in_groups_and_the_port_chosen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = DECAPSULATED[1].hex(":")
    text = output_of(capsys, "explain", *VTEP, "--port", "3", "--packet", data.replace(":", " ", 3))
    assert "leaves by port 1" in text


def test_a_capture_is_explained_packet_by_packet(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    frames = [ENCAPSULATED[1], FLOODED[1], DROPPED[1]]
    file = str(capture(tmp_path / "in.pcap", *frames))
    text = output_of(capsys, "explain", *VTEP, "--packet", file)
    heads = [line for line in text.splitlines() if line.startswith("packet ") and "into" in line]
    assert heads == [f"packet {n}: {len(f)} bytes into port 1" for n, f in enumerate(frames, 1)]
    assert text.endswith("packet 3: nothing leaves\n")
    text = output_of(capsys, "explain", *VTEP, "--packet", file, "--count", "2")
    assert "packet 2: " in text
    assert "packet 3: " not in text


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = str(capture(tmp_path / "in.pcap", ENCAPSULATED[1], DROPPED[1]))
    text = output_of(capsys, "explain", *VTEP, "--packet", file, "--json")
    first, second = map(json.loads, text.splitlines())
    assert (first["frame"], second["frame"]) == (1, 2)
    assert first["data"] == ENCAPSULATED[1].hex()
    assert (len(first["out"]), second["out"]) == (1, [])


def test_the_p4info_beside_the_program_is_taken(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    entries = tmp_path / "none.txtpb"
    entries.write_text("device_id: 1\n")
    text = output_of(capsys, "explain", WIRE, "--entries", str(entries), "--packet", "00" * 20)
    assert "leaves by port 2" in text


def test_state_lasts_from_packet_to_packet(capsys: pytest.CaptureFixture[str]) -> None:
    packet = ENCAPSULATED[1].hex()
    text = output_of(capsys, "explain", *VTEP, "--packet", packet, "--packet", packet)
    assert "port_rx[1] packets 0 → 1" in text
    assert "port_rx[1] packets 1 → 2" in text


def test_packets_for_the_controller_are_explained(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    entries = tmp_path / "punt.txt"
    punt = "table_add punt send_to_cpu 0&&&0 0&&&0 0x88cc&&&0xffff => 1"
    entries.write_text(f"table_add port_kind access 1 =>\n{punt}\n")
    packet = bytes.fromhex("0180c200000e02aa0000000188cc0000").hex()
    argv = ("explain", str(JSON), "--entries", str(entries), "--packet", packet)
    assert "out of port 510, to the controller: " in output_of(capsys, *argv, "--cpu-port", "510")


def test_the_example_of_the_docs_is_what_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    block = (ROOT / "docs" / "explain.md").read_text().partition("$ python -m v1switch explain ")[2]
    command, _, rest = block.partition("\npacket 1")
    shown = ("packet 1" + rest.partition("```")[0]).splitlines()
    printed = output_of(capsys, "explain", *command.replace("\\\n", " ").split()).splitlines()
    assert len(shown) > 10
    assert [line for line in shown if line != "…" and line not in printed] == []


@pytest.mark.parametrize(
    ("argv", "wrong"),
    [
        (["explain", WIRE], "--packet"),
        (["explain", WIRE, "--packet", "0"], "--packet 0: 1 digits, expected hexadecimal digits"),
        (["explain", WIRE, "--packet", ""], "--packet : 0 digits, expected hexadecimal"),
        (["explain", WIRE, "--packet", "no.pcap"], "--packet no.pcap: no such file, expected"),
        (["explain", WIRE, "--packet", WIRE], "wire.json: Not a supported capture file, expected"),
        (["explain", WIRE, "--packet", "00", "--port", "512"], "'512': expected a port in 0..511"),
        (["explain", WIRE, "--packet", "00", "--count", "0"], "'0': expected a number, 1 or more"),
        (["explain", WIRE, "--packet", "00", "--port", "511"], "511 is the drop port, expected"),
        (["explain", WIRE, "--packet", "00", "--cpu-port", "0"], "--cpu-port 0: 0 and the drop"),
        (["explain", "no.json", "--packet", "00"], "no.json: No such file or directory, expected"),
        (["explain", str(ENTRIES), "--packet", "00"], "vtep.txt: $: expected a complete JSON"),
        (
            ["explain", WIRE, "--packet", "00", "--entries", "no.txt"],
            "no.txt: No such file or directory, expected",
        ),
        (
            ["explain", WIRE, "--packet", "00", "--entries", str(ENTRIES)],
            "vtep.txt:7: table 'port_kind': unknown, expected one of wire",
        ),
        (["run", WIRE, "--pcap-out", "x"], "--pcap-in"),
        (["run", WIRE, "--pcap-in", "1", "--pcap-out", "x"], "'1': expected PORT=FILE, such as"),
        (["run", WIRE, "--pcap-in", "x=f", "--pcap-out", "x"], "'x': expected a port in 0..511"),
        (["run", WIRE, "--pcap-in", "1=f"], "--pcap-out"),
        (
            ["run", WIRE, "--pcap-in", "511=f", "--pcap-out", "x"],
            "--pcap-in 511=f: 511 is",
        ),
        (
            ["run", WIRE, "--pcap-in", f"1={WIRE}", "--pcap-out", WIRE],
            f"--pcap-out {WIRE}: File exists",
        ),
    ],
)
def test_wrong_calls_are_one_line(
    argv: list[str], wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(argv)
    except SystemExit as left:
        status = int(str(left.code))
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert printed.err.startswith("v1switch: ")
    assert printed.err.count("\n") == 1
    assert wrong in printed.err


@pytest.mark.parametrize("suffix", ["pcap", "pcapng"])
def test_of_a_file_that_is_cut_off_the_whole_packets_are_explained(
    suffix: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / f"in.{suffix}"
    writer = {"pcap": wrpcap, "pcapng": wrpcapng}[suffix]
    writer(str(file), [Ether(ENCAPSULATED[1]), Ether(DROPPED[1])])
    file.write_bytes(file.read_bytes()[:-20])
    assert main(["explain", *VTEP, "--packet", str(file)]) == 2
    printed = capsys.readouterr()
    assert printed.out.endswith("packet 1: leaves by port 3 (132 bytes)\n")
    assert printed.err.startswith(f"v1switch: {file}: frame 2")
    assert ", expected " in printed.err, "and whole frames or a whole file are"
    assert printed.err.count("\n") == 1


def test_a_length_that_is_not_there_is_refused(tmp_path: Path) -> None:
    file = capture(tmp_path / "in.pcap", bytes(60))
    data = bytearray(file.read_bytes())
    data[32:36] = b"\xff" * 4  # the record's captured length
    file.write_bytes(data)
    with pytest.raises(CaptureError, match="frame 1 holds 60 of 4294967295 bytes"):
        list(read_frames(file))


def test_a_time_that_no_clock_shows_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "in.pcapng"
    wrpcapng(str(file), [Ether(DROPPED[1])])
    data = bytearray(file.read_bytes())
    at = data.index(
        struct.pack("<I", 6), 28
    )  # the Enhanced Packet Block, after section and interface
    data[at + 12 : at + 20] = b"\xff" * 8
    file.write_bytes(data)
    with pytest.raises(CaptureError, match="frame 1 has a time after the year 2262, expected"):
        list(read_frames(file))


# -- run -------------------------------------------------------------------------------------------


def test_a_program_runs_from_file_to_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one = capture(tmp_path / "one.pcap", ENCAPSULATED[1], FLOODED[1], DROPPED[1])
    three = capture(tmp_path / "three.pcap", DECAPSULATED[1], start=T0 + 500)
    inputs = ("--pcap-in", f"1={one}", "--pcap-in", f"3={three}")
    out = tmp_path / "out"
    text = output_of(capsys, "run", *VTEP, *inputs, "--pcap-out", str(out))
    assert text == "in:  port 1: 3, port 3: 1\nout: port 1: 1, port 2: 1, port 3: 2\n"
    assert {path.name for path in out.iterdir()} == {"port1.pcap", "port2.pcap", "port3.pcap"}
    assert [t for t, _ in read_frames(out / "port3.pcap")] == [T0, T0 + 1000]
    assert [t for t, _ in read_frames(out / "port1.pcap")] == [T0 + 500]


def test_packets_of_several_files_come_in_the_order_of_their_times(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    frames = [bytes([n]) * 64 for n in range(3)]
    one = capture(tmp_path / "a.pcap", frames[0], frames[2], step=2000)
    two = capture(tmp_path / "b.pcap", frames[1], start=T0 + 1000)
    inputs = ("--pcap-in", f"2={one}", "--pcap-in", f"1={two}")
    program = str(COMPILED / "arithmetic.json")
    output_of(capsys, "run", program, *inputs, "--pcap-out", str(tmp_path))
    sent = list(read_frames(tmp_path / "port2.pcap"))
    assert [time for time, _ in sent] == [T0, T0 + 1000, T0 + 2000]
    assert [frame[0] for _, frame in sent] == [0, 1, 2]


@pytest.mark.parametrize(("gap_s", "colour"), [(0, 2), (5, 0)])
def test_meters_see_the_times_of_the_capture(
    gap_s: int, colour: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    entries = tmp_path / "entries.txt"
    entries.write_text("meter_array_set_rates pace 0.000001:1 0.000001:1\n")  # one a second
    frame = bytes(20)
    file = str(capture(tmp_path / "in.pcap", frame, frame, step=gap_s * 10**9 + 1000))
    program, given = str(COMPILED / "externs.json"), ("--entries", str(entries))
    output_of(capsys, "run", program, *given, "--pcap-in", f"1={file}", "--pcap-out", str(tmp_path))
    fields = loaded("externs").program.headers["out_"].header_type.fields
    before = [field.name for field in fields].index("color")
    at = sum(field.width for field in fields[:before]) // 8
    assert [out[at] for _, out in read_frames(tmp_path / "port2.pcap")] == [0, colour]
    text = output_of(capsys, "explain", program, *given, "--packet", file)
    assert ("meta.color 0 → 2" in text) is bool(colour)


@pytest.mark.parametrize("name", ["parser", "arithmetic", "matching", "stacks", "headers"])
def test_files_hold_what_the_data_plane_gives(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    frames = [frame for port, frame in vectors(name) if port == 1]
    file = capture(tmp_path / "in.pcap", *frames)
    program = str(COMPILED / f"{name}.json")
    output_of(capsys, "run", program, "--pcap-in", f"1={file}", "--pcap-out", str(tmp_path))
    plane = loaded(name)
    expected: dict[int, list[bytes]] = {}
    for frame in frames:
        for port, data in plane.process(1, frame):
            expected.setdefault(port, []).append(data)
    assert expected
    for port, sent in expected.items():
        assert [data for _, data in read_frames(tmp_path / f"port{port}.pcap")] == sent


@pytest.mark.network
@pytest.mark.skipif(not installed(BMV2), reason="simple_switch_grpc is not on the PATH")
@pytest.mark.skipif(not namespaces_allowed(), reason="no namespaces to run it in")
@pytest.mark.parametrize("name", ["arithmetic", "matching"])
def test_bmv2_makes_the_same_files_of_the_same_files(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sent, inputs = vectors(name)[:FEW], []
    for port in sorted({port for port, _ in sent}):
        frames = [frame for at, frame in sent if at == port]
        file = capture(tmp_path / f"in{port}.pcap", *frames)
        inputs += ["--pcap-in", f"{port}={file}"]
    program = COMPILED / f"{name}.json"
    output_of(capsys, "run", str(program), *inputs, "--pcap-out", str(tmp_path))
    ours = {
        int(path.stem[4:]): sorted(data for _, data in read_frames(path))
        for path in tmp_path.glob("port*.pcap")
    }
    steps = [Packet(port, frame) for port, frame in sent]
    expected = {port: [Expected()] * len(frames) for port, frames in ours.items()}
    with Sandbox(ports=1) as sandbox:
        theirs = on_bmv2(program, Case(steps=list(steps), expected=expected), sandbox)
    assert ours == {port: sorted(frames) for port, frames in theirs.items()}


def test_packets_for_the_controller_have_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = capture(tmp_path / "in.pcap", bytes([2]) + bytes(20))
    argv = ("--pcap-in", f"1={file}", "--pcap-out", str(tmp_path), "--cpu-port", "2")
    output_of(capsys, "run", WIRE, *argv)
    assert len(list(read_frames(tmp_path / "port2.pcap"))) == 1


# -- capture files ---------------------------------------------------------------------------------

FRAME = bytes(range(60))


def block(kind: int, body: bytes) -> bytes:
    """A block of a pcapng file (draft-ietf-opsawg-pcapng)."""
    length = len(body) + 12
    return struct.pack("=II", kind, length) + body + struct.pack("=I", length)


def pcapng(frame: bytes, time_ns: int) -> bytes:
    """A file with one interface, whose clock counts nanoseconds, and one packet."""
    section = block(0x0A0D0D0A, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1))
    resolution = struct.pack("=HHB3xHH", 9, 1, 9, 0, 0)
    interface = block(1, struct.pack("=HHI", 1, 0, 0) + resolution)
    head = struct.pack("=5I", 0, time_ns >> 32, time_ns & 0xFFFFFFFF, len(frame), len(frame))
    return section + interface + block(6, head + frame)


def test_pcap_and_pcapng_are_read_with_their_times(tmp_path: Path) -> None:
    micro, nano, ng = (tmp_path / name for name in ("micro.pcap", "nano.pcap", "x.pcapng"))
    for path, is_nano, fraction in ((micro, False, 123_456), (nano, True, 123_456_789)):
        writer = RawPcapWriter(str(path), linktype=1, nano=is_nano)
        writer.write_header(None)
        writer.write_packet(FRAME, sec=1_700_000_000, usec=fraction)
        writer.close()
    ng.write_bytes(pcapng(FRAME, T0))
    assert list(read_frames(micro)) == [(T0 // 1000 * 1000, FRAME)]
    assert list(read_frames(nano)) == [(T0, FRAME)]
    assert list(read_frames(ng)) == [(T0, FRAME)]


def test_others_read_what_is_written(tmp_path: Path) -> None:
    path = capture(tmp_path / "x.pcap", FRAME)
    with RawPcapReader(str(path)) as reader:
        ((data, about),) = list(reader)
    assert (data, about.sec, about.usec) == (FRAME, *divmod(T0, 10**9))


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"no capture at all", "expected a pcap or pcapng file"),
        (b"", "expected a pcap or pcapng file"),
        (
            struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
            + struct.pack("=IIII", 0, 0, 4, 4)
            + bytes(4),
            "link type 101, expected 1 (Ethernet)",
        ),
        (
            struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
            + struct.pack("=IIII", 0, 0, 4, 60)
            + bytes(4),
            "frame 1 holds 4 of 60 bytes, expected whole frames",
        ),
    ],
)
def test_what_is_no_capture_of_frames_is_refused(
    content: bytes, wrong: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(content)
    with pytest.raises(Exception, match=r"x\.pcap: ") as caught:
        list(read_frames(path))
    assert wrong in str(caught.value)
