"""Timelines of runs: their slices are the records', and nothing overlaps on a core."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from falcon_ctl.errors import UsageError
from falcon_ctl.sweeps import spec
from falcon_ctl.sweeps import traced as sweep_trace
from falcon_ctl.sweeps.points import expand
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.timeline import counters, events, from_recording, from_virtual, sampling
from falcon_ctl.timeline.as_json import as_json
from falcon_ctl.timeline.build import build
from falcon_ctl.timeline.cores import parts
from falcon_ctl.timeline.kinds import KINDS
from falcon_ctl.timeline.model import COUNTER, Instant
from falcon_ctl.virtual.loads import Closed, Stream
from falcon_ctl.virtual.measure import measure, senders
from rxpath import results
from tests.falcon_ctl.ctl_traces import Frames, trace

SHORT = Stream((600e3, 300e3), ms=1, warm_ms=0)
CASES = [("overlay", "udp"), ("falcon", "tcp"), ("falcon", "udp")]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def run(request):
    """A run, and what the model recorded of each packet's stages: (kind, cpu, start, end, ...)."""
    name, proto = request.param
    recorded = from_virtual.stream(BY_NAME[name], SHORT, 1, name, proto)
    frames = results.run(*senders(BY_NAME[name], SHORT, 1, proto, records=True))
    stages = frames.stages.where(frames.ran)
    fields = stages.kind, stages.cpu, stages.start, stages.end, stages.ifindex
    works = set(zip(*(column.tolist() for column in fields), strict=True))
    return recorded, works, frames


def test_every_work_of_the_records_is_a_slice(run):
    recorded, works, _ = run
    found = build("test", [recorded])
    kinds = Counter(one.kind for one in found.slices if one.part == 1)
    wanted = Counter(kind for kind, *_ in works)
    assert {kind: kinds[kind] for kind in wanted} == wanted
    assert kinds["arrival"] == recorded.packets.size
    assert not found.note


def test_no_two_slices_overlap_on_a_core(run):
    recorded, works, _ = run
    found = build("test", [recorded])
    on_cpu = defaultdict(list)
    for one in found.slices:
        if one.kind in results.STAGE_KINDS:
            on_cpu[found.tracks[one.track].name].append((one.start, one.end))
    assert on_cpu.keys() == {f"CPU {cpu}" for _, cpu, *_ in works}
    for spans in on_cpu.values():
        spans.sort()
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_arrows_follow_each_packet_through_its_stages_in_order(run):
    recorded, _, frames = run
    found = build("test", [recorded])
    journeys = found.journeys()
    assert len(journeys) == len(frames.time)
    lengths = Counter(len(indices) - 1 for indices in journeys.values())  # the arrival
    assert lengths == Counter(frames.hops.tolist())
    for packet, indices in journeys.items():
        slices = [found.slices[index] for index in indices]
        assert slices[0].kind == "arrival"
        assert slices[0].start == found.packets[packet].arrival
        assert slices[-1].end <= found.packets[packet].ended
        assert all(one.start <= after.start for one, after in itertools.pairwise(slices))
    arrows = list(found.arrows())
    assert len(arrows) == frames.hops.sum()


def test_a_sample_is_of_whole_packets_and_says_so(run):
    recorded, _, _ = run
    found = build("test", [recorded], most=1_000)
    assert 500 < len(found.slices) < 1_500
    (shown,) = found.runs
    assert shown.note in found.note or f"{shown.shown:,} of {shown.packets:,}" in found.note
    by_number = {
        packet.number: hops
        for packet, hops in zip(build("test", [recorded]).packets, _hops(recorded), strict=True)
    }
    for packet, indices in found.journeys().items():
        assert len(indices) == 1 + by_number[found.packets[packet].number]
    assert build("test", [recorded], most=1_000).slices == found.slices
    whole = build("test", [recorded])
    assert [*found.counters.values()] == [*whole.counters.values()]
    assert "sampled" in as_json(found)["note"]


def _hops(recorded):
    return np.bincount(recorded.packets.hops.packet, minlength=recorded.packets.size).tolist()


def test_loads_add_up_to_the_work(run):
    recorded, _, _ = run
    packets = recorded.packets
    end = int(packets.hops.end.max())
    for cpu, series in counters.loads(packets, 0, end).items():
        step = -(-end // counters.MOST_POINTS)
        grid = np.arange(0, end, step)
        place = np.searchsorted(series.times, grid, side="right") - 1
        busy = np.array(series.values)[place].sum() * step / 100
        covered = np.zeros(end, bool)
        here = packets.hops.cpu == cpu
        for start, stop in zip(packets.hops.start[here], packets.hops.end[here], strict=True):
            covered[start:stop] = True
        assert busy == pytest.approx(covered.sum(), rel=0.01)


def test_queues_are_empty_at_the_end_and_never_below(run):
    recorded, _, _ = run
    found = list(counters.depths(recorded.packets))
    assert {depth.kind for depth in found} >= {"ring", "backlog", "socket"}
    for depth in found:
        assert min(depth.series.values) >= 0
        assert depth.series.values[-1] == 0
        assert max(depth.series.values) > 0
        assert len(depth.series.times) <= counters.MOST_POINTS + 1


def test_the_json_form_is_bounded_and_its_indices_are_right(run):
    recorded, _, _ = run
    found = build("test", [recorded])
    made = json.loads(json.dumps(as_json(found, most_slices=400)))
    count = len(made["slices"]["track"])
    assert 300 < count < 600
    assert all(len(column) == count for column in made["slices"].values())
    assert set(made["slices"]["kind"]) <= set(made["kinds"])
    assert max(made["slices"]["track"]) < len(made["tracks"]["path"])
    assert max(made["slices"]["name"]) < len(made["names"])
    assert max(itertools.chain(*made["slices"]["packets"])) < len(made["packets"]["number"])
    assert "of" in made["note"]
    for series in made["counters"]:
        assert made["tracks"]["kind"][series["track"]] == COUNTER
        assert len(series["times"]) <= 200


def test_a_flood_of_drops_hides_no_other_mark():
    found = build("test", [recording(Frames().passage(1))])
    found.instants += [Instant(1, time, "drop", "drop: cpu_backlog") for time in range(5_000)]
    found.instants.append(Instant(1, 9, "switch off", "FALCON off"))
    kinds = Counter(as_json(found)["instants"]["kind"])
    assert kinds == {"drop": 500, "switch off": 1}


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12))
def test_work_on_a_core_is_cut_where_another_interrupts_it(spans):
    starts = [start for start, _ in spans]
    ends = [start + length for start, length in spans]
    found = parts(starts, ends)
    assert {part.work for part in found} == set(range(len(spans)))
    ordered = sorted(found, key=lambda part: (part.start, part.end))
    assert all(before.end <= after.start for before, after in itertools.pairwise(ordered))
    for part in found:
        assert starts[part.work] <= part.start <= part.end <= ends[part.work]
    numbers = defaultdict(list)
    for part in found:
        numbers[part.work].append(part.part)
    assert all(given == [*range(1, len(given) + 1)] for given in numbers.values())
    union = set(itertools.chain(*(range(*span) for span in zip(starts, ends, strict=True))))
    assert union == set(itertools.chain(*(range(part.start, part.end) for part in found)))


def test_windows_of_a_sample_have_their_share():
    windows = sampling.windows(1_000, 10_000_999, 0.1)
    assert sum(one.end - one.start for one in windows) == pytest.approx(1e6, rel=0.01)
    arrivals = np.arange(0, 11_000_000, 1_000)
    mask = sampling.chosen(arrivals, windows)
    inside = [any(one.start <= time < one.end for one in windows) for time in arrivals.tolist()]
    assert mask.tolist() == inside


def test_each_kind_has_a_colour_and_a_correlation_of_its_own():
    assert len({kind.perfetto or kind.title for kind in KINDS.values()}) == len(KINDS)


# -- closed loops and sweeps' points ---------------------------------------------------------------


@pytest.mark.parametrize("ring", [1024, 16])
def test_a_closed_loop_keeps_each_frame_that_left_the_host(ring):
    load = Closed(2, ms=1, warm_ms=1, window=64, knobs={"ring": ring, "rx_frames": 16})
    recorded = from_virtual.recorded(BY_NAME["falcon"], load, 1, "falcon")
    measured = measure(BY_NAME["falcon"], load, 1)
    packets = recorded.packets
    assert (packets.reason == 0).sum() == measured.delivered
    reasons = Counter(recorded.origin.reasons[code] for code in packets.reason.tolist() if code)
    assert reasons == {reason: count for reason, count in measured.drops.items() if count}
    assert bool(reasons) == (ring == 16)
    found = build("test", [recorded])
    kinds = {one.kind for one in found.slices}
    assert {"napi", "split", "gro_cell", "backlog", "socket", "arrival"} <= kinds
    stages = packets.hops.where(packets.reason[packets.hops.packet] == 0)
    assert len(np.unique(stages.packet)) == measured.delivered


def test_a_long_closed_loop_is_recorded_from_its_start(monkeypatch):
    monkeypatch.setattr(from_virtual, "MOST_FRAMES", 500)
    load = Closed(1, ms=1, warm_ms=1, window=64)
    recorded = from_virtual.recorded(BY_NAME["overlay"], load, 1, "overlay")
    delivered = measure(BY_NAME["overlay"], load, 1).delivered
    assert recorded.packets.size == 500
    assert f"the first 500 of {delivered:,} packets" in recorded.origin.label


def test_points_of_a_sweep_are_named_by_what_differs():
    text = "systems: [overlay, falcon]\nflows: 2\nrate: 200e3\nms: 1\nwarm_ms: 0\n"
    file = spec.from_yaml(text, Path("two.yaml"))
    systems = {name: BY_NAME[name] for name in ("overlay", "falcon")}
    found = sweep_trace.timeline("two.yaml", expand(file, systems), systems)
    assert [run.group for run in found.runs] == ["system overlay", "system falcon"]
    path = Path("/tmp/out.perfetto-trace")
    assert sweep_trace.verify(path, [33, 2], 33) == [32, 1]
    assert sweep_trace.verify(path, [], 2) == [0, 1]
    with pytest.raises(UsageError, match="33 points; expected at most 32; --point N chooses"):
        sweep_trace.verify(path, [], 33)
    with pytest.raises(UsageError, match="--point 34: the table has 33 rows"):
        sweep_trace.verify(path, [34], 33)


# -- recordings ------------------------------------------------------------------------------------


def recording(*passages, **falcon):
    made = trace(*passages, **falcon)
    made.meta["knobs"]["profile"] = "docker"
    made.meta.update(machine="m2", dilation=1000, containers=[{"name": "red2-1"}])
    return from_recording.recorded(made, "a run")


def test_a_recording_names_devices_flows_and_sockets():
    found = build("test", [recording(Frames().passage(1), Frames().passage(2))])
    names = {one.name for one in found.slices}
    flow = "10.0.0.11:40000→10.0.0.21:9000"
    assert {f"gro_cell vxlan0 {flow}", f"backlog veth0 {flow}", f"arrival {flow}"} <= names
    paths = {track.path for track in found.tracks}
    assert ("m2", "socket red2-1 depth") in paths
    queue = next(track for track in found.tracks if track.name.startswith("RX queue"))
    assert queue.path[0] == "m2"
    assert found.runs[0].label == "a run"


def kinds_of(recorded):
    return [one.kind for one in build("test", [recorded]).instants]


def test_a_rehash_and_the_way_back_are_marked():
    choices = [(1, 1), (1, 1), (2, 1), (2, 1), (1, 1)]
    passages = [Frames().passage(n, choice) for n, choice in enumerate(choices, start=1)]
    assert kinds_of(recording(*passages, order="none")) == ["rehash", "rehash back"]
    (mark, _) = build("test", [recording(*passages, order="none")]).instants
    assert mark.time == passages[2].stages[1].enqueue
    assert dict(mark.detail)["from CPU"] == passages[1].stages[1].cpu


def test_a_move_while_packets_wait_is_a_hand_over():
    first, second = Frames().passage(1), Frames().passage(2, (2, 1))
    late = first.stages[1]._replace(end=second.stages[1].enqueue + 50)
    first = first._replace(stages=(first.stages[0], late, *first.stages[2:]))
    assert kinds_of(recording(first, second)) == ["rehash", "hand-over"]
    assert kinds_of(recording(first, second, order="none")) == ["rehash"]


def test_falcons_switching_is_marked_once():
    choices = [1, 1, 3, 1, 3, 3, 1, 1]  # the fourth was kept on its way by the order guard
    passages = [Frames().passage(n, (c, c)) for n, c in enumerate(choices, start=1)]
    found = build("test", [recording(*passages, load_interval_ns=2_500)])
    marks = [(one.kind, one.time) for one in found.instants if one.kind.startswith("switch")]
    assert [kind for kind, _ in marks] == ["switch off", "switch on"]
    assert marks[0][1] == passages[2].stages[1].enqueue


def test_drops_are_marked_where_and_when_they_happened():
    whole = Frames().passage(1)
    lost = whole._replace(stages=whole.stages[:2], delivered=0, drop_reason="cpu_backlog")
    at = lost._replace(number=4, dropped=lost.stages[1].end + 7, drop_cpu=8)
    full = at._replace(number=5, drop_reason="socket_rcvbuff", dropped=at.dropped + 1)
    early = Frames().passage(2)._replace(stages=(), delivered=0, drop_reason="rx_missed")
    still = Frames().passage(3)._replace(stages=(), delivered=0, drop_reason="queued")
    found = build("test", [recording(lost, early, still, at, full)])
    marks = [(found.tracks[one.track].name, one.name, one.time) for one in found.instants]
    assert marks == [
        (f"CPU {lost.stages[1].cpu}", "drop: cpu_backlog", lost.stages[1].end),  # an older one
        ("CPU 8", "drop: cpu_backlog", at.dropped),
        ("socket red2-1", "drop: socket_rcvbuff", full.dropped),
        (f"RX queue {early.queue}", "drop: rx_missed", early.arrival),
    ]
    assert dict(found.instants[1].detail)["where"] == "backlog of CPU 8"
    reasons = [packet.reason for packet in found.packets]
    assert reasons[:3] == ["cpu_backlog", "rx_missed", "queued"]


def test_a_full_backlog_is_that_of_the_cpu_that_the_packet_never_came_to():
    load = Stream((2e6,), ms=1, warm_ms=0, knobs={"max_backlog": 16})
    recorded = from_virtual.stream(BY_NAME["rps"], load, 1, "rps")
    hops = recorded.packets.hops
    (nic,) = {*hops.cpu[hops.kind == results.STAGE_KINDS.index("napi")].tolist()}
    (target,) = {*hops.cpu[hops.kind == results.STAGE_KINDS.index("rps")].tolist()}
    found = events.drops(recorded.packets, recorded.origin)
    assert nic != target
    assert {one.cpu for one in found if one.reason == "cpu_backlog"} == {target}


def test_frames_that_find_the_ring_full_are_there_under_the_virtual_clock():
    load = Stream((4e6,), ms=1, warm_ms=0, knobs={"ring": 16})
    recorded = from_virtual.stream(BY_NAME["overlay"], load, 1, "overlay")
    found = events.drops(recorded.packets, recorded.origin)
    assert {drop.reason for drop in found} == {"rx_missed"}
    assert recorded.packets.number.tolist() == list(range(recorded.packets.size))
    delivered = int((recorded.packets.reason == 0).sum())
    assert delivered + len(found) == recorded.packets.size
