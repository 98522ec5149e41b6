import io
import json
import struct

import numpy as np
import pytest
from ctl_traces import Frames, trace, tunnel_frame
from rich.console import Console
from test_ctl_checks import measured

from falcon_ctl.capture import headers, pcapng, tcp_order
from falcon_ctl.capture.pcapng import Packet
from falcon_ctl.capture.points import stage_points
from falcon_ctl.checks.verdict import Verdict, judge
from falcon_ctl.report import plot, provenance, results, table
from falcon_ctl.report.document import Report, as_json
from falcon_ctl.report.progress import Steps
from falcon_ctl.systems.catalogue import MAIN_JOB
from falcon_ctl.traffic.flows import Endpoint, Flow, tcp_segments, udp_template

A = Endpoint("red1-1", "02:40:0a:00:00:0b", "10.0.0.11")
B = Endpoint("red2-1", "02:40:0a:00:00:15", "10.0.0.21")
TITLES = {system.name: system.title for system in MAIN_JOB}


@pytest.fixture
def report():
    late = measured(system="host", late="sender: p99 30 ms, budget 20 ms", pps=5.0)
    empty = measured(delivered=0, latencies=np.empty(0, np.int64))
    checks = [Verdict("all reach", True, "12 pairs"), Verdict("order", False, "2 [reordered]")]
    return Report(
        "pair", "v1switch", "0.1", provenance.begin([1], ""), [late, measured(), empty], checks
    )


# -- the JSON document -----------------------------------------------------------------------------


def test_the_document_has_exactly_the_agreed_keys(report):
    found = json.loads(as_json(report.document()))
    assert set(found) == {"topology", "switch", "invalid", "provenance", "live", "checks"}
    assert found["switch"] == {"target": "v1switch", "version": "0.1"}
    keys = "system proto flows sent delivered drops foreign_drops reordered pps latency_us late "
    keys += "invalid"
    assert [set(live) for live in found["live"]] == [set(keys.split())] * 3
    assert found["live"][1]["latency_us"] == {"p50": 2.0, "p99": 2.98}
    assert found["live"][2]["latency_us"] == {"p50": None, "p99": None}
    assert [live["late"] for live in found["live"]] == [True, False, False]
    assert found["checks"][1] == {"name": "order", "ok": False, "evidence": "2 [reordered]"}


def test_a_report_is_good_only_when_every_check_holds(report):
    assert not report.ok
    report.checks = report.checks[:1]
    assert report.ok
    report.checks = []
    assert not report.ok


# -- the folder ------------------------------------------------------------------------------------


def test_the_folder_holds_report_captures_and_picture(report, tmp_path):
    captures = {("wire-1-a", "a sends"): [Packet(1, b"x" * 60, 60)]}
    folder = results.write(tmp_path / "results", report, captures)
    assert sorted(p.name for p in folder.iterdir()) == [
        "figures.png",
        "report.json",
        "wire-1-a.pcapng",
    ]
    assert (folder / "figures.png").read_bytes().startswith(b"\x89PNG")
    live = json.loads((folder / "report.json").read_text())["live"]
    assert live[1]["load"] == "saturating"
    assert list(folder.parent.iterdir()) == [folder]


def test_a_folder_that_fails_halfway_leaves_nothing(report, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plot, "draw", fail)
    with pytest.raises(OSError, match="No space left on device"):
        results.write(tmp_path, report, {})
    assert list(tmp_path.iterdir()) == []


# -- captures --------------------------------------------------------------------------------------


def blocks(data: bytes):
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert struct.unpack_from("<I", data, at + length - 4) == (length,)
        assert length % 4 == 0
        yield kind, data[at + 8 : at + length - 4]
        at += length


def test_pcapng_blocks(tmp_path):
    packets = [Packet(1_700_000_000_123_456_789, b"abcde", 99, "on CPU 3"), Packet(5, b"", 0)]
    assert pcapng.write(tmp_path / "x.pcapng", "up", "uplink", packets) == 2
    found = list(blocks((tmp_path / "x.pcapng").read_bytes()))
    assert [kind for kind, _ in found] == [0x0A0D0D0A, 1, 6, 6]
    interface, high, low, kept, length = struct.unpack_from("<IIIII", found[2][1])
    assert (interface, high << 32 | low) == (0, 1_700_000_000_123_456_789)
    assert (kept, length) == (5, 99)
    assert found[2][1][20:25] == b"abcde"
    assert b"on CPU 3" in found[2][1]


def test_stage_points_show_the_inner_frame_behind_the_nic():
    recorded = trace(Frames().passage(2), Frames().passage(1))
    recorded.meta.update(epoch_ns=1000, dilation=10)
    points = stage_points(recorded, 4789)
    assert [name for name, _ in points] == ["1-napi-2", "2-gro_cell-5", "3-backlog-7", "4-socket-7"]
    nic, inner = (list(points.values())[i] for i in (0, 1))
    assert [p.time_ns for p in nic] == [1000 + 10 * 1010, 1000 + 10 * 2010]
    assert nic[0].data[50:] == inner[0].data
    assert "first choice" in inner[0].comment
    assert "waited 0.01 us, ran 0.08 us" in inner[0].comment


def test_a_stage_point_says_for_how_long_the_frame_was_held_in_order():
    passage = Frames().passage(1)
    stages = (passage.stages[0], passage.stages[1]._replace(start=9110, held=7000))
    recorded = trace(passage._replace(stages=stages))
    recorded.meta.update(epoch_ns=0, dilation=1)
    (held,) = stage_points(recorded, 4789)["2-gro_cell-5", "entering stage gro_cell of device 5"]
    assert "waited 8.01 us, ran" in held.comment
    assert held.comment.endswith(", held in order 7.00 us")


# -- headers ---------------------------------------------------------------------------------------


def test_headers_of_every_shape():
    plain = udp_template(Flow(1, A, B, 30100, 9000), 64).frame
    tagged = plain[:12] + b"\x81\x00\x00\x65" + plain[12:]
    tunnel = tunnel_frame(50000, 30100)
    flow = ("10.0.0.11", "10.0.0.21", 30100, 9000)
    assert headers.ends(plain) == headers.ends(tagged) == headers.ends(tunnel) == flow
    assert headers.read(tagged).vlan == 101
    assert headers.read(tagged).outer == ("10.0.0.11", "10.0.0.21", 17, 30100, 9000)
    found = headers.read(tunnel)
    assert found.vni == 5001
    assert found.outer == ("172.16.0.1", "172.16.0.2", 17, 50000, 4789)
    assert found.inner == ("10.0.0.11", "10.0.0.21", 17, 30100, 9000)


def test_headers_of_what_has_none():
    arp = bytes.fromhex("ffffffffffff02400a00000b0806") + bytes(28)
    assert headers.ends(arp) is None
    assert headers.read(arp).outer is None
    for cut in range(len(tunnel_frame())):
        headers.ends(tunnel_frame()[:cut])
        headers.read(tunnel_frame()[:cut])


def test_tcp_frames_in_the_order_of_sending():
    frames = tcp_segments(Flow(1, A, B, 30100, 9002), 4, 100)
    sent = tcp_order.segments([Packet(0, f, len(f)) for f in frames], {30100})
    assert [s.sequence for s in sent] == [1, 101, 201, 301]
    assert tcp_order.segments([Packet(0, frames[0], 0)], {1}) == []
    assert tcp_order.reordered(sent, sent) == 0
    assert tcp_order.reordered(sent, [sent[0], sent[2], sent[1], sent[3]]) == 1
    again = [*sent, sent[1]]  # a retransmission may come late
    assert tcp_order.reordered(again, [sent[0], sent[2], sent[3], sent[1]]) == 0


# -- what people see -------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_its_width(report, width):
    console = Console(width=width, record=True, file=io.StringIO())
    table.print_measurements(console, report.live, TITLES)
    table.print_checks(console, report.checks)
    text = console.export_text()
    assert "…" not in text
    assert "late, host udp saturating: sender: p99 30 ms" in text
    assert "lost, overlay udp saturating: backlog 10" in text
    assert "2 [reordered]" in text
    assert ("busiest" in text) == ("sent" in text) == (width == 120)


def test_a_rate_is_never_shown_without_order_and_cpu_time(tmp_path):
    one = measured(pps=5e5, delivered=1000, reordered=25, cpu_ns=2345.6)
    for width in (80, 120):
        console = Console(width=width, record=True, file=io.StringIO())
        table.print_measurements(console, [one], TITLES)
        row = next(line for line in console.export_text().splitlines() if "udp" in line)
        assert {"500", "2.50", "2,346"} <= set(row.split())
    assert plot.rate_note(one) == "2.3 µs CPU, 2.5 % reord."
    document = one.document(full=True)
    assert (document["reordered_ratio"], document["cpu_ns_per_packet"]) == (0.025, 2345.6)


def test_the_picture_names_what_it_does_not_show():
    ran = [measured(system=name, load="steady") for name in ("host", "overlay")]
    ran += [measured(system="falcon", load="steady", late="sender")]
    ran += [measured(system="falcon", load="surge", late="sender")]  # compares with nothing
    assert plot._hidden(ran) == "udp steady of falcon (late)"


def test_a_run_that_did_not_reach_its_load_has_no_rate():
    why = "the host's busiest core waited for frames 20.0 % of the time"
    one = measured(system="falcon", proto="tcp", load="stream", pps=9e5, starved=why)
    console = Console(width=120, record=True, file=io.StringIO())
    table.print_measurements(console, [one], TITLES)
    text = console.export_text()
    assert "starved" in text
    assert "900" not in text
    assert f"starved, falcon tcp stream: {why}" in text


def test_steps_are_plain_lines_where_no_terminal_is(capsys):
    console = Console(force_terminal=False, width=100)
    with Steps(console, 2) as steps, steps.step("reach") as said:
        said.append("24 of 24")
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["0.0", "s", "reach", "24", "of", "24"]
    assert "\x1b" not in out


def test_verdicts_show_a_few_of_many_problems():
    many = judge("x", [str(n) for n in range(9)], "seen")
    assert (many.ok, many.evidence) == (False, "0; 1; 2 (and 6 more)")
    assert judge("x", [], "seen") == ("x", True, "seen")
    assert judge("x", [], "nothing", enough=False).evidence == "too little to judge: nothing"


def test_two_runs_of_one_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda _: "then")
    made = [results.make(tmp_path, lambda folder: (folder / "x").touch()) for _ in range(3)]
    assert [folder.name for folder in made] == ["then", "then-2", "then-3"]
    assert all((folder / "x").exists() for folder in made)
    assert len(list(tmp_path.iterdir())) == 3
