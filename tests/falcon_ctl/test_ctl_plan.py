import numpy as np
import pytest

from falcon_ctl.capture.trace import Passage, Stage, Trace
from falcon_ctl.errors import PartFailed, UsageError
from falcon_ctl.live import isolation, reach, udp
from falcon_ctl.live.job import Job
from falcon_ctl.live.plan import SEGMENT, Plan
from falcon_ctl.systems.catalogue import MAIN_JOB, select
from falcon_ctl.traffic import choice, payload, schedule
from falcon_ctl.traffic.choice import Candidate
from falcon_ctl.traffic.flows import Endpoint, Flow, udp_template
from topo.spec.builders import leafspine, pair

CAPACITY = 660_000.0  # packets/s of the overlay
MAX_REAL_RATE = 5000  # frames/s that two noisy cores carry beside everything else


def rate(load):
    seconds = max(int(s[-1]) for s in load.schedules) / 1e9
    return load.frames / seconds


def spread_candidate(port=30100):
    flow = Flow(0, *_ends(), port, 9000)
    return Candidate(flow, {("napi", 2): 1, ("gro_cell", 5): 0}, {("gro_cell", 5): 2})


def _ends():
    return Endpoint("a", "02:00:00:00:00:01", "10.0.0.1"), Endpoint(
        "b", "02:00:00:00:00:02", "10.0.0.2"
    )


@pytest.mark.parametrize("topology", [pair(), leafspine(machines=2)], ids=lambda t: t.name)
def test_all_loads_are_bounded_and_follow_the_seed(topology):
    plan, again, other = Plan(topology, 1, 1.0), Plan(topology, 1, 1.0), Plan(topology, 2, 1.0)
    one, two = spread_candidate(), spread_candidate(30101)
    for make in (
        lambda p: p.discovery(),
        lambda p: p.saturating(one.flow, CAPACITY),
        lambda p: p.steady(one.flow, CAPACITY),
        lambda p: p.many(CAPACITY),
        lambda p: p.surge(one, two, 2 * CAPACITY),
        lambda p: p.overload(2 * CAPACITY),
    ):
        load = make(plan)
        assert rate(load) < MAX_REAL_RATE
        pairs = zip(load.schedules, make(again).schedules, strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
        assert {f.target.name for f in load.flows} <= {
            c.name for c in topology.containers_of(plan.target)
        } | {"b"}
        ports = [f.source_port for f in load.flows]
        assert len(set(ports)) == len(ports)
    assert not np.array_equal(plan.many(CAPACITY).schedules[0], other.many(CAPACITY).schedules[0])
    assert plan.candidates()[0].source_port != other.candidates()[0].source_port


def test_pairs_stay_within_their_tenant_and_cross_machines():
    for topology in (pair(), leafspine(machines=2)):
        found = Plan(topology, 1, 1.0).pairs
        assert len(found) == 4
        assert all(a.tenant == b.tenant and a.machine != b.machine for a, b in found)
        assert len({b.name for _, b in found}) == 4


@pytest.mark.parametrize(
    ("places", "ends"),
    [
        ({(0, "red"), (1, "red"), (1, "blue"), (3, "blue")}, (0, 1)),
        ({(0, "red"), (2, "red"), (3, "blue")}, (0, 2)),
        ({(0, "red"), (1, "blue"), (3, "blue")}, (1, 3)),
        ({(0, "red"), (1, "red"), (3, "red")}, (0, 3)),
    ],
)
def test_other_machines_are_chosen_when_the_first_and_the_last_share_no_tenant(places, ends):
    topology = leafspine(machines=2)
    names = [machine.name for machine in topology.machines]
    here = {(names[number], tenant) for number, tenant in places}
    left = tuple(c for c in topology.containers if (c.machine, c.tenant) in here)
    plan = Plan(topology.model_copy(update={"containers": left}), 1, 1.0)
    assert (plan.source, plan.target) == tuple(names[number] for number in ends)
    assert plan.pairs
    assert all(a.tenant == b.tenant for a, b in plan.pairs)
    targets = {c.name for c in topology.containers_of(plan.target)}
    assert {flow.target.name for flow in plan.many(CAPACITY).flows} <= targets


def test_without_a_tenant_on_two_machines_there_is_no_run():
    topology = pair()
    alone = topology.model_copy(
        update={"containers": tuple(c for c in topology.containers if c.machine == "m1")}
    )
    with pytest.raises(UsageError, match="no tenant has containers on two machines"):
        Plan(alone, 1, 1.0)


def test_short_runs_do_not_shorten_what_checks_rest_on():
    one, two = spread_candidate(), spread_candidate(30101)
    short, usual, long = (Plan(pair(), 1, duration) for duration in (0.2, 1.0, 3.0))
    for make in (
        lambda p: p.saturating(one.flow, CAPACITY),
        lambda p: p.steady(one.flow, CAPACITY),
        lambda p: p.surge(one, two, 2 * CAPACITY),
        lambda p: p.overload(2 * CAPACITY),
    ):
        assert make(short).frames == make(usual).frames < make(long).frames
    assert short.many(CAPACITY).frames < usual.many(CAPACITY).frames


def test_a_surge_passes_the_threshold_and_leaves_the_core_room():
    one, two = spread_candidate(), spread_candidate(30101)
    load = Plan(pair(), 1, 1.0).surge(one, two, 1_250_000.0)
    offsets = np.sort(np.concatenate(load.schedules)) / 1e9
    calm = np.count_nonzero(offsets < 0.4) / 0.4
    peak = np.count_nonzero(offsets > 1.4) / 0.8
    # Wall time of a stage of 0.8 us, on average: in a softirq of its own, and among others.
    alone, batched = 0.94e-6 * load.dilation, 0.74e-6 * load.dilation
    assert calm * alone < 0.7
    assert peak * alone > 0.9
    assert peak * batched < 0.9
    assert load.surge_at == 400_000_000


def passage_of(sent_ns, took_ns, dilation=1000, epoch=0):
    template = udp_template(Flow(1, *_ends(), 30100, 9000, "udp"), 64)
    inner = bytearray(template.frame)
    payload.write(inner, template.payload_offset, payload.Stamp(1, 0, sent_ns))
    arrival = (sent_ns + took_ns - epoch) // dilation
    return Passage(0, arrival, 0, 0, 17, 0, (), 1, "", 64, bytes(inner))


def test_frames_that_the_network_bunched_up_make_a_run_late():
    meta = {"epoch_ns": 0, "dilation": 1000}
    quick = [passage_of(n * 1_000_000, 200_000) for n in range(99)]
    slow = [passage_of(n * 1_000_000, 90_000_000) for n in range(99, 102)]
    times = udp.transit(Trace(quick, meta), quick)
    assert times.tolist() == [200_000] * 99
    assert udp.slowness(times) == ""
    assert "network: p99 90 ms" in udp.slowness(udp.transit(Trace([], meta), quick + slow))
    assert udp.slowness(udp.transit(Trace([], meta), [])) == ""


def arrived(arrival, *first_stage):
    stages = tuple(Stage("napi", 2, 1, 0, *times) for times in first_stage)
    return Passage(0, arrival, 0, 0, 17, 0, stages, 0, "", 64, b"")


def test_a_host_that_waited_for_frames_was_not_saturated():
    full = [arrived(10 * n, (10 * n, 100 * n, 100 * n + 100)) for n in range(100)]
    missed = [arrived(995)]
    assert udp.unsaturated(full + missed) == ""
    pause = [arrived(10_200, (10_200, 10_200, 10_300))]
    assert "waited for frames 1.9 % of the time" in udp.unsaturated(full + missed + pause)
    assert udp.unsaturated([]) != ""


def test_the_steady_load_is_a_share_of_the_overlays_capacity():
    load = Plan(pair(), 1, 1.0).steady(spread_candidate().flow, 600_000.0)
    assert load.frames * load.dilation == pytest.approx(0.99 * 600_000, rel=1e-3)
    assert not load.saturates


def test_a_saturating_load_is_above_the_systems_own_capacity():
    plan = Plan(pair(), 1, 1.0)
    for capacity in (300e3, CAPACITY, 2e6):
        load = plan.saturating(spread_candidate().flow, capacity)
        assert rate(load) * load.dilation == pytest.approx(1.25 * capacity, rel=0.01)
    flows = [spread_candidate(port).flow for port in (30100, 30101)]
    assert rate(plan.flood(flows)) * plan.flood(flows).dilation == pytest.approx(3e6, rel=0.01)


def test_a_stream_outlasts_its_slow_start():
    short, usual, long = (Plan(pair(), 1, duration).stream() for duration in (0.2, 1.0, 3.0))
    assert short.size == usual.size < long.size
    assert short.ramp >= 2 * short.window
    assert short.size > (short.ramp + short.window) * SEGMENT // 2
    flows = Plan(pair(), 1, 1.0).tcp_candidates()
    assert len({f.source_port for f in flows}) == len(flows) > 20
    assert {f.proto for f in flows} == {"tcp"}


@pytest.mark.parametrize("duration", [0.1, 61, -1])
def test_durations_have_bounds(duration):
    with pytest.raises(UsageError, match=r"--duration.*expected 0.2 to 60 s"):
        Plan(pair(), 1, duration)


def test_a_topology_without_a_pair_is_refused():
    topology = pair()
    alone = topology.model_copy(update={"machines": topology.machines[:1]})
    with pytest.raises(UsageError, match="two machines with containers of one tenant"):
        Plan(alone, 1, 1.0)


def test_steps_are_counted():
    assert Job.count(list(MAIN_JOB)) == 5 + 6 * 4 + 3
    assert Job.count(select(["host"])) == 9


# -- which flows -------------------------------------------------------------------------------


def candidate(port, gro, backlog, gro2, backlog2):
    first = {("napi", 2): 1, ("gro_cell", 5): gro, ("backlog", 7): backlog, ("socket", 7): 20}
    second = {("gro_cell", 5): gro2, ("backlog", 7): backlog2}
    return Candidate(Flow(0, *_ends(), port, 9000), first, second)


def test_a_spread_flow_shares_no_cpu():
    together, apart = candidate(1, 2, 2, 0, 0), candidate(2, 2, 4, 0, 0)
    assert choice.spread([together, apart]) is apart
    with pytest.raises(PartFailed, match="none of 1"):
        choice.spread([together])


def test_colliding_flows_share_one_cpu_and_may_leave_it():
    one = candidate(1, 2, 4, 8, 0)
    collides = candidate(2, 2, 6, 10, 0)
    stuck = candidate(3, 2, 6, 2, 0)  # its second choice is the first
    to_other = candidate(4, 2, 6, 4, 0)  # its second choice is taken
    twice = candidate(5, 4, 2, 8, 10)
    apart = candidate(6, 8, 10, 0, 0)
    assert choice.colliding([one, stuck, to_other, twice, apart, collides]) == (one, collides, 2)
    with pytest.raises(PartFailed, match="no two of 4 collide"):
        choice.colliding([one, stuck, to_other, twice])


# -- schedules that grow -----------------------------------------------------------------------


def test_a_ramp_grows_evenly():
    offsets = schedule.ramp(100, 1100, 2.0)
    assert len(offsets) == 1200
    quarters = np.bincount(offsets // 500_000_000, minlength=4)
    assert quarters.tolist() == pytest.approx([113, 238, 362, 487], abs=2)
    with pytest.raises(UsageError, match="a growing rate"):
        schedule.ramp(100, 100, 1.0)


def test_schedules_follow_each_other():
    joined = schedule.follow((np.array([0, 10]), 1.0), (np.array([0, 5]), 0.5), (np.array([3]), 1))
    assert joined.tolist() == [0, 10, 1_000_000_000, 1_000_000_005, 1_500_000_003]


# -- probes ------------------------------------------------------------------------------------


def test_pings_go_between_all_pairs_of_a_tenant():
    found = reach.pairs(pair())
    assert len(found) == 24
    assert all(a[:3] == b[:3] for a, b in found)


def test_probes_try_every_shared_address_and_every_foreign_mac():
    probes = isolation.probes(pair())
    meant = {(p.source.name, p.listener) for p in probes if p.listener}
    assert meant == {
        ("red1-1", "red2-1"),
        ("red1-1", "red2-2"),
        ("blue1-1", "blue2-1"),
        ("blue1-1", "blue2-2"),
    }
    strays = [p for p in probes if not p.listener]
    assert len(strays) == 4
    assert all(p.source.tenant != p.target.tenant for p in strays)
    assert len({p.name for p in probes}) == len(probes)
