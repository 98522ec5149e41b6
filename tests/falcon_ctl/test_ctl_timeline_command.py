"""The command `timeline`, and `--trace` of the commands that need no network."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from falcon_ctl import cli
from falcon_ctl.capture import pcapng
from falcon_ctl.figures.experiments import Experiment
from falcon_ctl.timeline import from_capture
from falcon_ctl.virtual.measure import Closed, Stream
from falcon_ctl.virtual.peak import Peak
from rxpath.live import records
from tests.falcon_ctl.ctl_traces import KNOBS, Frames, tunnel_frame

START = 1_700_000_000_000_000_000


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main([*map(str, arguments)])
    return ended.value.code


def capture(path: Path, count: int = 40) -> Path:
    """Two flows in VXLAN, a frame a microsecond of the model under a dilation of 1000."""
    packets = [
        pcapng.Packet(START + 1_000_000 * n, frame, len(frame))
        for n in range(count)
        for frame in [tunnel_frame(50000 + n % 2, 40000 + n % 2)]
    ]
    pcapng.write(path, "m2-up", "the NIC", packets)
    return path


def test_captured_frames_pass_through_each_system(tmp_path, capsys):
    source, out = capture(tmp_path / "nic.pcapng"), tmp_path / "out.json"
    status = run(
        *("timeline", source, "--systems", "overlay,falcon", "--dilation", 1000, "--trace", out)
    )
    assert status == 0
    assert "40 frames" in out.read_text()
    found = json.loads(out.read_text())
    assert [one["group"] for one in found["runs"]] == ["overlay", "falcon"]
    arrivals = found["packets"]["arrival"]
    assert arrivals[:40] == [1_000 * n for n in range(40)]
    assert set(found["packets"]["flow"]) == {
        f"10.0.0.11:{port}→10.0.0.21:9000" for port in (40000, 40001)
    }
    assert set(found["packets"]["reason"]) == {""}
    kinds = [kind for kind in found["slices"]["kind"] if kind == "gro_cell"]
    assert len(kinds) == 80
    assert "80 packets" in capsys.readouterr().out.replace("\n", " ")


def test_times_of_pcap_files_are_read_in_their_unit(tmp_path):
    frame = tunnel_frame()
    for magic, unit in ((0xA1B2C3D4, 1_000), (0xA1B23C4D, 1)):
        header = struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
        record = struct.pack("<IIII", 7, 250, len(frame), len(frame)) + frame
        (tmp_path / "one.pcap").write_bytes(header + record)
        (found,) = from_capture.read(tmp_path / "one.pcap")
        assert found == (7 * 10**9 + 250 * unit, frame, len(frame))


def test_the_hash_is_that_of_microsofts_key():
    # "Verifying the RSS Hash Calculation": 66.9.149.187:2794 to 161.142.100.80:1766
    addresses = bytes([66, 9, 149, 187, 161, 142, 100, 80])
    ports = (2794).to_bytes(2, "big") + (1766).to_bytes(2, "big")
    assert from_capture._rss(addresses, ports) == 0x51CCC178
    assert from_capture._rss(addresses, b"") == 0x323E8FC2


def test_a_recording_is_shown_as_it_is(tmp_path):
    passages = [Frames().passage(n) for n in (1, 2, 3)]
    table = np.zeros(len(passages), records.RECORD)
    frames = np.zeros((len(passages), 256), np.uint8)
    kinds = ["none", "napi", "split", "gro_cell", "backlog", "socket"]
    for row, passage in enumerate(passages):
        frames[row, : passage.wire_len] = np.frombuffer(passage.frame, np.uint8)
        table[row]["id"], table[row]["arrival"] = passage.number, passage.arrival
        table[row]["wire_len"], table[row]["delivered"] = passage.wire_len, passage.delivered
        table[row]["n_stages"] = len(passage.stages)
        for place, (kind, *rest) in enumerate(passage.stages):
            table[row]["stages"][place] = kinds.index(kind), *rest
    knobs = {**KNOBS, "profile": "docker"}
    meta = {"knobs": knobs, "machine": "m2", "dilation": 1000, "missed": 5}
    more = {"containers": [{"name": "red2-1"}], "stage_kinds": kinds, "drop_reasons": {}}
    records.write(tmp_path / "m2.npz", table, frames, {**meta, **more})
    assert run("timeline", tmp_path / "m2.npz", "--trace", tmp_path / "out.json") == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["runs"][0]["label"] == "m2.npz, the first 3 of 8 packets"
    starts = sorted(stage.start for passage in passages for stage in passage.stages)
    work = zip(found["slices"]["start"], found["slices"]["kind"], strict=True)
    assert sorted(start for start, kind in work if kind in kinds) == starts


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.pcap", None, "missing.pcap: No such file or directory; expected a capture"),
        ("text.pcap", b"no capture at all, of course", "text.pcap: Not a supported capture file"),
        ("empty.pcap", struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 9, 1), ": no frames; "),
        ("wifi.pcap", struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 9, 105), "no frames"),
        ("missing.npz", None, "missing.npz: no such file; expected a recording of rxpath"),
        ("text.npz", b"no recording", "text.npz: "),
    ],
)
def test_bad_sources_are_one_clear_line(tmp_path, capsys, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert run("timeline", tmp_path / name, "--trace", tmp_path / "out.png") == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out.png").exists()


def test_a_recording_has_its_system(tmp_path, capsys):
    source = tmp_path / "one.npz"
    call = "timeline", source, "--systems", "falcon", "--trace", tmp_path / "out.png"
    assert run(*call) == 2
    assert "a recording has its system" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["figures"],
        ["figures", "--paper"],
        ["order"],
        ["sensitivity"],
        ["apps", "iperf3"],
        ["sweep", "labs/sweeps/cores.yaml"],
        ["flow", "red1-1", "red2-1"],
        ["run"],
        ["timeline", "x.pcap"],
    ],
    ids=" ".join,
)
def test_a_trace_that_cannot_be_written_is_told_before_anything_runs(tmp_path, capsys, command):
    path = tmp_path / "missing" / "out.png"
    assert run(*command, "--trace", path) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"falcon_ctl: --trace {path}: ")
    assert error.count("\n") == 1


def test_a_figures_runs_are_traced(tmp_path, monkeypatch, capsys):
    out, short = tmp_path / "figure.json", {"ms": 1, "warm_ms": 1}
    peak = Peak(Stream((1.0,), **short), low=100e3, high=130e3, warm_ms=1)
    loads = [("udp", "peak", peak), ("tcp", "stream", Closed(1, window=16, **short))]
    experiment = Experiment(2, "short", "short", loads, ("rps", "falcon-rps"))
    monkeypatch.setattr("falcon_ctl.figures.experiments.EXPERIMENTS", (experiment,))
    call = "figures", "--seeds", 1, "--results", tmp_path, "--trace", out
    assert run(*call) == 0
    found = json.loads(out.read_text())
    assert found["title"] == "the talk's figure 2"
    assert [one["group"].split(": ")[0] for one in found["runs"]] == [
        *["figure 2, UDP peak"] * 2,
        *["figure 2, TCP stream"] * 2,
    ]
    assert {"napi", "split", "rps", "gro_cell", "backlog", "socket"} <= set(found["slices"]["kind"])
    assert "slices of" in capsys.readouterr().out


def test_a_sweeps_points_are_traced(tmp_path, capsys):
    spec, out = tmp_path / "two.yaml", tmp_path / "two.json"
    spec.write_text("systems: [overlay, falcon]\nrate: 300e3\nms: 1\nwarm_ms: 0\n")
    call = "sweep", spec, "--results", tmp_path / "out"
    assert run(*call, "--trace", out, "--point", 2) == 0
    (only,) = json.loads(out.read_text())["runs"]
    assert only["group"] == "falcon"
    assert run(*call, "--point", 2) == 2
    assert "--point: without --trace" in capsys.readouterr().err
