"""What timelines are written as: Perfetto's format, read back by its published schema; pictures."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from falcon_ctl.errors import UsageError
from falcon_ctl.report import provenance
from falcon_ctl.report.schema.timelines import Timeline
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.timeline import drawing, from_virtual, perfetto, pipeline, trace_file, wire
from falcon_ctl.timeline.build import build
from falcon_ctl.timeline.kinds import KINDS
from falcon_ctl.timeline.model import COUNTER, Instant
from falcon_ctl.timeline.switch_path import Hop, SwitchPath
from falcon_ctl.virtual.loads import Stream
from rxpath.results import STAGE_KINDS
from tests.falcon_ctl import perfetto_schema

LOAD = Stream((300e3,), ms=1, warm_ms=0, size=1000)


def table(name, result):
    source = {"file": "switch.p4", "line": 7, "fragment": name}
    key = [{"name": "port", "text": "1"}]
    entry = {"match": key, "priority": 3} if result == "hit" else None
    action = {"name": "go", "params": [{"name": "to", "text": "2"}]}
    made = {"step": "table", "table": f"In.{name}", "key": key, "result": result}
    return {**made, "entry": entry, "action": action, "source": source}


EXPLAINED = {
    "passes": [
        {
            "stages": [
                {"stage": "parser", "steps": [{"step": "extract", "header": "ethernet"}]},
                {"stage": "ingress", "steps": [table("first", "hit"), table("other", "miss")]},
                {"stage": "egress", "steps": []},
                {
                    "stage": "deparser",
                    "steps": [{"step": "send", "to_controller": False, "port": 2, "length": 64}],
                },
            ]
        }
    ]
}


@pytest.fixture(scope="module")
def timeline():
    """Two runs: TCP's frames are merged, UDP's application is interrupted."""
    systems = ("overlay", "tcp"), ("falcon", "udp")
    runs = [from_virtual.stream(BY_NAME[name], LOAD, 1, name, proto) for name, proto in systems]
    made = build("two systems", runs, about={"seed": "1"})
    for packet in (40, 80):
        pipeline.add(made, {packet: SwitchPath(b"", (Hop("s1", 1, EXPLAINED),), True)})
    made.instants.append(Instant(1, 5, "switch off", "FALCON off", (("load", 81), ("why", "x"))))
    return made


@pytest.fixture(scope="module")
def file(timeline):
    return perfetto_schema.read(perfetto.trace(timeline))


def test_slices_per_stage_equal_the_records(timeline, file):
    parts = Counter(one.category for one in file.slices if "part" not in one.detail)
    wanted = Counter(one.kind for one in timeline.slices if one.part == 1)
    arrivals = wanted.pop("arrival")
    assert parts == wanted
    assert set(parts) & set(STAGE_KINDS)
    assert sum(one.category == "arrival" for one in file.instants) == arrivals
    spans = Counter((one.start, one.end, one.name) for one in file.slices)
    assert spans == Counter(
        (one.start, one.end, one.name) for one in timeline.slices if one.kind != "arrival"
    )


def test_no_two_slices_overlap_on_one_core_of_the_file(file):
    cores = defaultdict(list)
    for one in file.slices:
        if file.name(one.track).startswith("CPU"):
            cores[one.track].append((one.start, one.end))
    assert len(cores) > 5
    for spans in cores.values():
        spans.sort()
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_arrows_connect_existing_slices_in_the_order_of_the_packets_way(timeline, file):
    ends = defaultdict(list)
    for one in sorted([*file.instants, *file.slices], key=lambda one: one.start):
        for flow in one.flows:
            ends[flow].append((one.start, one.end, one.name))
    journeys = timeline.journeys()
    assert len(ends) == len(journeys) == len(timeline.packets)
    for packet, indices in journeys.items():
        ours = [timeline.slices[index] for index in indices]
        assert ends[packet + 1] == [(one.start, one.end, one.name) for one in ours]


def test_a_frames_tables_lie_in_its_slice_on_the_switchs_track(timeline, file):
    (switch,) = (uuid for uuid, track in file.tracks.items() if track.name == "switch s1")
    ours = [one for one in file.slices if one.track == switch]
    assert [one.name for one in ours[:6]] == [
        f"frame {timeline.packets[40].flow}",
        "parser",
        "ingress",
        "first: hit",
        "other: miss",
        "deparser to port 2",
    ]
    frame, parser, ingress, hit, miss, deparser = ours[:6]
    assert frame.start == parser.start
    assert parser.end == ingress.start == hit.start
    assert hit.end == miss.start
    assert miss.end == ingress.end == deparser.start
    assert deparser.end == frame.end == timeline.packets[40].arrival
    assert hit.detail["entry"] == "port 1"
    assert hit.detail["action"] == "go(to = 2)"
    assert hit.detail["source"] == "switch.p4:7"
    assert "entry" not in miss.detail
    assert [one.name for one in ours[6:]][1:] == [one.name for one in ours[:6]][1:]


def test_tracks_are_nested_named_and_ordered(timeline, file):
    paths = {file.path(track)[1:] for track in file.tracks} - {()}
    assert paths == {track.path for track in timeline.tracks}
    (root,) = (track for track in file.tracks.values() if not track.HasField("parent_uuid"))
    assert root.name == "two systems"
    siblings = defaultdict(list)
    for track in file.tracks.values():
        assert track.child_ordering == track.EXPLICIT
        if track is not root:
            siblings[track.parent_uuid].append((track.sibling_order_rank, track.name))
    for ones in siblings.values():
        assert len({rank for rank, _ in ones}) == len(ones)
    (group,) = (uuid for uuid, track in file.tracks.items() if track.name == "falcon")
    cpus = [int(name.split()[1]) for _, name in sorted(siblings[group]) if name.startswith("CPU")]
    assert cpus == sorted(cpus)
    assert len(cpus) > 3


def test_tracks_say_what_is_drawn_and_what_is_missing(file):
    about = {track.name: track.description for track in file.tracks.values()}
    assert "a switch has no model clock" in about["switch s1"]
    assert all("gaps" in text for name, text in about.items() if re.fullmatch(r"CPU \d+", name))


def test_counters_and_instants_are_in_the_file(timeline, file):
    values = {file.path(track)[1:]: points for track, points in file.counters.items()}
    assert values == {
        timeline.tracks[track].path: [*zip(series.times, series.values, strict=True)]
        for track, series in timeline.counters.items()
    }
    units = {file.tracks[track].counter.unit_name for track in file.counters}
    assert units == {one.unit for one in timeline.tracks if one.kind == COUNTER}
    (off,) = (one for one in file.instants if one.category == "switch off")
    assert (off.name, off.start, off.detail) == ("FALCON off", 5, {"load": 81, "why": "x"})
    (about,) = (one for one in file.instants if one.category == "about")
    assert about.detail == {"seed": "1"}


def test_each_kind_has_one_colour_in_perfettos_ui(file):
    by_kind, by_name = defaultdict(set), defaultdict(set)
    for one in file.slices:
        by_kind[one.category].add(one.correlation)
        by_name["".join(c for c in one.name if not c.isdigit())].add(one.category)
    assert all(len(found) == 1 for found in by_kind.values())
    assert len(set.union(*by_kind.values())) == len(by_kind)
    assert all(len(found) == 1 for found in by_name.values())  # UIs without correlation ids


def ui_colour(text):
    """Hue and lightness (HSLuv) that Perfetto's UI makes of a correlation id: its colorizer.ts."""

    def hashed(text, most):
        value = 0x811C9DC5 & 0xFFFFFFF
        for char in text:
            value = int(float(value ^ ord(char)) * 16777619.0) & 0xFFFFFFFF
            value -= (value >> 31) << 32
        return abs(value) % most

    return hashed(text, 360), 40 + hashed(text + "x", 40)


def test_softirqs_are_blue_green_and_yellow_in_perfettos_ui():
    hues = [ui_colour(KINDS[kind].perfetto)[0] for kind in ("napi", "gro_cell", "backlog")]
    for hue, (low, high) in zip(hues, ((235, 265), (115, 145), (55, 90)), strict=True):
        assert low <= hue <= high


def test_a_sampled_trace_says_so_in_the_file_and_on_the_terminal(timeline, tmp_path, capsys):
    run = from_virtual.stream(BY_NAME["overlay"], LOAD, 1, "overlay")
    some = build("sampled", [run], most=500)
    path = tmp_path / "out.perfetto-trace"
    trace_file.write(Console(), path, some, provenance.begin([1], ""))
    said = capsys.readouterr().out
    (shown,) = some.runs
    assert f"{shown.shown:,} of {shown.packets:,} packets" in said
    found = perfetto_schema.read(path.read_bytes())
    (about,) = (one for one in found.instants if one.category == "about")
    assert f"{shown.shown:,} of {shown.packets:,} packets" in about.name
    assert "seed 1" in about.detail["provenance"]
    windows = [one for one in found.slices if one.category == "shown"]
    arrivals = [one.start for one in found.instants if one.category == "arrival"]
    assert arrivals
    assert all(any(w.start <= time <= w.end for w in windows) for time in arrivals)


# -- the wire format -------------------------------------------------------------------------------


def message_class():
    file = descriptor_pb2.FileDescriptorProto(name="all.proto", package="all")
    made = file.message_type.add(name="All")
    kinds = ("int64", "uint64", "fixed64", "double", "string", "bytes", "bool")
    for number, kind in enumerate(kinds, start=1):
        code = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
        made.field.add(name=f"a_{kind}", number=number * 7, type=code, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return factory.GetPrototype(pool.FindMessageTypeByName("all.All"))


ALL = message_class()
INT64, UINT64 = st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1)


@given(INT64, UINT64, st.floats(allow_nan=False), st.text(), st.binary(), st.booleans())
def test_fields_are_what_protobuf_reads(signed, unsigned, number, text, content, flag):
    made = wire.integer(7, signed) + wire.integer(14, unsigned) + wire.fixed64(21, unsigned)
    made += wire.double(28, number) + wire.text(35, text) + wire.message(42, content)
    made += wire.integer(49, flag)
    found = ALL.FromString(made)
    assert [found.a_int64, found.a_uint64, found.a_fixed64] == [signed, unsigned, unsigned]
    assert [found.a_double, found.a_string, found.a_bytes] == [number, text, content]
    assert found.a_bool is flag


# -- other forms, and targets ----------------------------------------------------------------------


def test_endings_say_what_is_written(timeline, tmp_path):
    origin = provenance.begin([1], "")
    found = {}
    for ending in trace_file.ENDINGS:
        path = tmp_path / f"out{ending}"
        trace_file.verify(path)
        trace_file.write(Console(quiet=True), path, timeline, origin)
        found[ending] = path.read_bytes()
    assert found[".png"].startswith(b"\x89PNG")
    assert b"<svg" in found[".svg"]
    assert KINDS["gro_cell"].colour.encode() in found[".svg"]
    assert Timeline.model_validate_json(found[".json"]).title == "two systems"
    assert found[".perfetto-trace"] == found[".pftrace"]


def test_a_picture_shows_each_run_with_its_cores(timeline):
    figure = drawing.draw(timeline)
    titles = [axes.get_title() for axes in figure.axes]
    assert [title for title in titles if title] == [
        f"{run.group}: {run.label}" for run in timeline.runs
    ]
    lanes = [label.get_text() for label in figure.axes[2].get_yticklabels()]
    assert lanes[0].startswith("RX queue")
    assert len([lane for lane in lanes if lane.startswith("CPU")]) >= 4


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("out.txt", "unknown ending; expected one of .perfetto-trace, .pftrace, .png"),
        ("missing/out.png", "No such file or directory"),
        ("", "unknown ending"),
    ],
)
def test_a_trace_that_cannot_be_written_is_one_clear_line(tmp_path, name, what):
    with pytest.raises(UsageError, match=what) as raised:
        trace_file.verify(Path(tmp_path, name))
    assert str(raised.value).startswith(f"--trace {tmp_path}")
    assert "\n" not in str(raised.value)
