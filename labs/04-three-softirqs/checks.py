"""What lab 4 asks for, and the checks.

The truth about a run is the model's, with the costs that the student was given.  How far it may be
from a prediction is computed in `_slack`: the model pays for what is done once in a poll of 64
packets, and the stages' costs have not got that in them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labs.checking import Draw, Student, check, expect
from rxpath.config import costs as known
from rxpath.config import profiles
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.host import Model
from rxpath.model.hashes import hash_32
from rxpath.results import Busy, counters, frames_until

FILE = "predict.py"
CHAIN, COSTS = "docker", "xeon-silver-4114"
EACH_PACKET = ("frame", "alloc", "gro", "skb")  # what UDP pays for
# The application spins on its socket; FALCON's packets pass the gro_cell's GRO by, others do not.
SPARED = ("wake_up.ns", "inner_gro_receive.udp", "inner_udp_gro_receive.udp")
OWN = ("vxlan_rcv", "br_handle_frame", "l4_rcv")  # a function of each stage's own
MS = 1_000_000  # ns
WARM_MS, MEASURED_MS = 15, 20
POLL = 64  # packets of a poll, NAPI_POLL_WEIGHT


def parameters(draw: Draw) -> dict[str, Any]:
    """Costs around those of a Xeon; one stage, drawn as well, is clearly the slowest."""
    base, stages = known.load(COSTS), []
    costs: dict[str, int] = {}
    for stage in profiles.load()[CHAIN].stages[:3]:
        paid = [n for n in stage.costs if base[n].per in EACH_PACKET and base[n].udp]
        stages.append({"device": stage.device, "kind": stage.kind, "functions": paid})
        for name in paid:
            if name not in costs:
                costs[name] = round(base[name].udp * draw.named(name).number(0.7, 1.4))
    sums, slowest = _sums(stages, costs), draw.named("slowest").integer(0, 2)
    others = max(ns for i, ns in enumerate(sums) if i != slowest)
    wanted = round(others * draw.named("factor").number(1.3, 1.6))
    costs[OWN[slowest]] += wanted - sums[slowest]
    if costs[OWN[slowest]] < 30:  # the stage is slow enough as it is
        costs[OWN[slowest]] += sums[slowest] - wanted
    return {
        "stages": stages,
        "costs": costs,
        "send_ns": draw.named("send").integer(60, 160),
        "receive_ns": draw.named("receive").integer(60, 160),
    }


def answers(given: dict[str, Any]) -> dict[str, Any]:
    """What belongs into answers.toml."""
    sums = _sums(given["stages"], given["costs"])
    alone = _core_costs(given, [1, 2, 3])
    slowest = given["stages"][max(alone, key=lambda core: alone[core]) - 1]["device"]
    cuts = {"vxlan0": [1, 2, 2], "veth0": [1, 1, 2]}
    rates = {name: _saturation(_core_costs(given, cores)) for name, cores in cuts.items()}
    best = max(rates, key=lambda name: rates[name])
    return {
        "overlay_kpps": round(1e6 / sum(sums), 2),
        "pipeline_kpps": round(_saturation(alone) / 1000, 2),
        "pipeline_slowest": slowest,
        "two_cores_cut_before": best,
        "two_cores_kpps": round(rates[best] / 1000, 2),
    }


# -- the truth ---------------------------------------------------------------------------------


def _sums(stages: list[dict[str, Any]], costs: dict[str, int]) -> list[int]:
    return [sum(costs[name] for name in stage["functions"]) for stage in stages]


def _core_costs(given: dict[str, Any], cores: list[int], crossing: bool = True) -> dict[int, int]:
    found = dict.fromkeys(cores, 0)
    for ns, core in zip(_sums(given["stages"], given["costs"]), cores, strict=True):
        found[core] += ns
    for one, following in zip(cores, cores[1:], strict=False):
        if crossing and one != following:
            found[one] += given["send_ns"]
            found[following] += given["receive_ns"]
    return found


def _saturation(core_ns: dict[int, int]) -> float:
    return 1e9 / max(core_ns.values())


def _slack(given: dict[str, Any], cores: list[int]) -> float:
    """The largest share by which a run may stay behind the prediction.

    At saturation, polls are of 64 packets.  In the worst case a core pays for each of them an
    interrupt, an entry into the softirq, three polls, an IPI that it sends and one that it handles.
    """
    base = known.load(COSTS)
    names = ("hardirq", "softirq_entry", "ipi_send", "ipi_handle")
    poll = sum(base[name].udp for name in names) + 3 * base["napi_poll"].udp
    return poll / POLL / max(_core_costs(given, cores).values())


def _edge(rate: float) -> float:
    """By which share a rate may be off because the run begins and ends within a poll."""
    return POLL / (rate * MEASURED_MS / 1000)


def _run(rate: float, cores: list[int], given: dict[str, Any]) -> dict[str, Any]:
    """The model at an offered rate, packets/s."""
    falcon_cpus = sorted(set(cores))
    overrides = {f"{name}.udp": ns for name, ns in given["costs"].items()}
    overrides |= {"remote_enqueue.ns": given["send_ns"], "cache_penalty.ns": given["receive_ns"]}
    knobs = {
        "queues": 1,
        "irq_cpus": cores[:1],
        "policy": "same_cpu" if len(falcon_cpus) == 1 else "falcon",
        "falcon": {"cpus": falcon_cpus, "balancing": False, "switch_off": False, "order": "none"},
        "cost_overrides": {**overrides, **dict.fromkeys(SPARED, 0)},
    }
    model = Model(Knobs.parse(knobs), slots=20_000, sockets=1, flows=1)
    rss_hash = next(
        value
        for value in range(1 << 16)
        if [falcon_cpus[hash_32(value + i, 16) % len(falcon_cpus)] for i in (5, 7)] == cores[1:]
    )
    times = np.arange(0, (WARM_MS + MEASURED_MS) * MS, 1e9 / rate).astype(np.int64)
    chain = model.chain("tunnel")
    trace = virtual.make_trace(times, rss_hash=rss_hash, chain=chain, wire_len=114)
    replay = virtual.Replay(model, trace)
    for _ in replay.run(WARM_MS * MS):
        pass
    before, received, waited = counters(model), 0, 0
    for frames in frames_until(model, replay, (WARM_MS + MEASURED_MS) * MS):
        received += int(frames.delivered.sum())
        waited += int(frames.latency[frames.delivered].sum())
    after, seconds = counters(model), MEASURED_MS / 1000
    lost = sum(after.drops.values()) - sum(before.drops.values())
    return {
        "offered_pps": rate,
        "received_pps": received / seconds,
        "lost_pps": lost / seconds,
        "latency_us": waited / received / 1000,
        "inside": after.queued,
        "busy": {cpu: _busy(after.busy[cpu], before.busy[cpu]) for cpu in falcon_cpus},
    }


def _busy(after: Busy, before: Busy) -> float:
    """Percent of the measured time with interrupts and softirqs."""
    kinds = ("hardirq", "softirq", "ksoftirqd")
    return sum(getattr(after, k) - getattr(before, k) for k in kinds) / MEASURED_MS / MS * 100


def _near(value: Any, right: float, share: float = 0.001) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and abs(value - right) <= share * abs(right) + 1e-9


def _kpps(rate: float) -> str:
    return f"{rate / 1000:.1f} kpps"


# -- the checks --------------------------------------------------------------------------------


@check(
    "hand",
    "Saturation by hand",
    points=3,
    hidden=False,
    hints=(
        "Add up the costs of the functions of each stage: three sums, in ns.",
        "One core does all three for each packet: it needs the sum of the sums. Three cores work at "
        "the same time: the slowest one decides. A core that sends a packet to another one pays "
        "send_ns more, a core that receives one receive_ns more; the middle one does both.",
        "A core that needs n ns for a packet does 1,000,000 / n thousand packets a second.",
    ),
)
def hand(student: Student, given: dict[str, Any]) -> None:
    """Tasks 1 and 2."""
    found, right = student.toml("answers.toml"), answers(given)
    sums, alone = _sums(given["stages"], given["costs"]), _core_costs(given, [1, 2, 3])
    overlay = _answer(found, "overlay_kpps", right)
    expect(
        not _near(overlay, 1e6 / max(sums), 0.01),
        "overlay_kpps counts the slowest softirq only, but one core has to do all three",
        seen=overlay,
    )
    expect(
        _near(overlay, right["overlay_kpps"], 0.01),
        "overlay_kpps is not what one core can do that needs all three softirqs for each packet",
        seen=overlay,
    )
    pipeline = _answer(found, "pipeline_kpps", right)
    expect(
        not _near(pipeline, 1e6 / max(sums), 0.004),
        "pipeline_kpps has no cost for going from core to core: nothing crosses for free",
        seen=pipeline,
    )
    expect(
        not _near(pipeline, 3e6 / sum(alone.values()), 0.004)
        and not _near(pipeline, 3e6 / sum(sums), 0.004),
        "pipeline_kpps is what three cores with the mean cost would do; a pipeline waits for its "
        "slowest stage",
        seen=pipeline,
    )
    expect(
        _near(pipeline, right["pipeline_kpps"], 0.01),
        "pipeline_kpps is not the rate of the slowest of the three cores",
        seen=pipeline,
    )
    slowest = found.get("pipeline_slowest")
    message = "pipeline_slowest is not the device whose core needs the most time for a packet"
    expect(slowest == right["pipeline_slowest"], message, seen=slowest)
    cut, rate = found.get("two_cores_cut_before"), _answer(found, "two_cores_kpps", right)
    message = "with this cut the busier of the two cores has more to do than with the other cut"
    expect(cut == right["two_cores_cut_before"], message, seen=cut)
    cores = {"vxlan0": [1, 2, 2], "veth0": [1, 1, 2]}[right["two_cores_cut_before"]]
    free = _saturation(_core_costs(given, cores, crossing=False)) / 1000
    message = "two_cores_kpps has no cost for going from core to core: nothing crosses for free"
    expect(not _near(rate, free, 0.004), message, seen=rate)
    message = "two_cores_kpps is not the rate of the busier of the two cores"
    expect(_near(rate, right["two_cores_kpps"], 0.01), message, seen=rate)


def _answer(found: dict[str, Any], name: str, right: dict[str, Any]) -> float:
    """A number of answers.toml in thousands of packets/s."""
    seen = found.get(name)
    quoted = isinstance(seen, str) and seen.strip()
    expect(not quoted, f"answers.toml: {name} is a text: write the number without quotes", seen)
    is_number = isinstance(seen, (int, float)) and not isinstance(seen, bool)
    expect(is_number and seen, f"{name} in answers.toml is not a number yet", seen=seen)
    thousand = (1000 * right[name], right[name] / 1000)
    message = f"{name} is wrong by a factor of 1000: it is in kpps, thousands of packets/s"
    expect(not any(_near(seen, one, 0.01) for one in thousand), message, seen=seen)
    return float(found[name])


@check(
    "stages",
    "stage_costs() adds up the functions of each stage",
    points=1,
    hints=(
        "given['stages'][0]['functions'] are the names of what the card's softirq calls.",
        "A function that several stages call, like netif_receive_skb, costs its ns in each.",
        "[sum(costs[name] for name in stage['functions']) for stage in stages]",
    ),
)
def stage_costs(student: Student, given: dict[str, Any]) -> None:
    """Task 1."""
    seen = student.call(FILE, "stage_costs", given["stages"], given["costs"], returns=list)
    right = _sums(given["stages"], given["costs"])
    counts = [len(stage["functions"]) for stage in given["stages"]]
    message = "this counts functions; a core is kept busy by their time, not by their number"
    expect(seen != counts, message, seen=seen)
    expect(seen == right, "not the sums of the functions' costs", seen=seen, expected=right)


PLACES = ([1, 1, 1], [1, 2, 3], [1, 2, 2], [1, 1, 2], [1, 2, 1], [4, 9, 2])


@check(
    "cores",
    "core_costs(): what each core has to do for a packet",
    points=2,
    hints=(
        "Begin with a dict of zeros, and add stage_ns[i] to the core cores[i].",
        "Then look at neighbours: zip(cores, cores[1:]). Only where the two differ does a packet "
        "cross; the first of the two pays send_ns, the second one receive_ns.",
        "On cores [1, 2, 1] a packet crosses twice, and core 1 pays send_ns once and receive_ns "
        "once.",
    ),
)
def core_costs(student: Student, given: dict[str, Any]) -> None:
    """Task 2."""
    sums, crossing = _sums(given["stages"], given["costs"]), (given["send_ns"], given["receive_ns"])
    for cores in PLACES:
        seen = student.call(FILE, "core_costs", sums, cores, *crossing, returns=dict)
        right = _core_costs(given, cores)
        where = f"three softirqs on cores {cores}"
        if seen == right:
            continue
        expect(set(seen) == set(right), f"{where}: not these cores", seen=sorted(seen))
        free = _core_costs(given, cores, crossing=False)
        message = f"{where}: crossing from core to core is free here; it costs both cores"
        expect(seen != free, message, seen=seen)
        last = {core: ns for ns, core in zip(sums, cores, strict=True)}
        message = f"{where}: a core with two softirqs has to do both for each packet"
        expect(not (len(right) < 3 and seen == last), message, seen=seen)
        expect(False, f"{where}: not the cost of a packet on each core", seen=seen, expected=right)


@check(
    "saturation",
    "saturation() agrees with the model",
    points=3,
    after="cores",
    hints=(
        "A core that needs 2,000 ns for a packet can do 500,000 packets/s.",
        "When the load grows, one core is the first to have no time left. Which?",
        "1e9 / max(core_ns.values())",
    ),
)
def saturation(student: Student, given: dict[str, Any]) -> None:
    """Task 2, against runs at 1.5 times the load that can be received.

    Not on cores [1, 2, 2]: there the backlog drops packets that core 2 has worked for already, and
    an overloaded host receives less than at saturation.
    """
    for cores in ([1, 1, 1], [1, 2, 3], [1, 1, 2]):
        core_ns = _core_costs(given, cores)
        seen = student.call(FILE, "saturation", core_ns, returns=(int, float))
        values, where = list(core_ns.values()), f"three softirqs on cores {cores}"
        right = _saturation(core_ns)
        run = _run(1.5 * right, cores, given)
        measured, said = run["received_pps"], f"{where}: {_kpps(seen)}"
        expect(
            not _near(seen * 1000, right) and not _near(seen / 1000, right),
            f"{where}: wrong by a factor of 1000; costs are ns, the result is packets/s",
            seen=seen,
        )
        if len(values) > 1 and not _near(seen, right):  # cores may happen to be equally busy
            mean = 1e9 * len(values) / sum(values)
            message = f"{where}: this takes the mean of the cores, but one of them is full first"
            expect(
                not _near(seen, mean), message, seen=said, expected=f"{_kpps(measured)} measured"
            )
            message = f"{where}: this adds the cores up as if there were one; they work in parallel"
            expect(not _near(seen, 1e9 / sum(values)), message, seen=said)
            message = f"{where}: this is the core with the least work; the others cannot keep up"
            expect(not _near(seen, 1e9 / min(values)), message, seen=said)
        edge, slack = _edge(right), _slack(given, cores) + _edge(right)
        expect(
            (1 - slack) * seen <= measured <= (1 + edge) * seen,
            f"{where}: the model receives another rate than predicted",
            seen=said,
            expected=f"{_kpps(measured)} measured, up to {100 * slack:.1f} % below the prediction",
        )


@check(
    "load",
    "received() and busy_percent() below and above saturation",
    points=2,
    after="cores",
    hints=(
        "What is dropped in the card's ring costs no softirq any time.",
        "Utilisation = packets/s that are worked on * seconds for a packet. Each core has its own.",
        "rate = received(offered, core_ns); {core: 100 * rate * ns / 1e9 for core, ns in ...}",
    ),
)
def load(student: Student, given: dict[str, Any]) -> None:
    """Task 3."""
    for cores in ([1, 2, 3], [1, 1, 1]):
        core_ns = _core_costs(given, cores)
        limit = _saturation(core_ns)
        for part in (0.5, 0.9, 2.0):
            offered, rate = part * limit, min(1.0, part) * limit
            seen = student.call(FILE, "received", offered, core_ns, returns=(int, float))
            what = f"{_kpps(offered)} offered, saturation at {_kpps(limit)}"
            message = f"{what}: more is received than the host can do"
            expect(seen <= limit * 1.001, message, seen=_kpps(seen))
            expect(_near(seen, rate), f"{what}: not the rate that is received", seen=_kpps(seen))
            busy = student.call(FILE, "busy_percent", offered, core_ns, returns=dict)
            right = {core: 100 * rate * ns / 1e9 for core, ns in core_ns.items()}
            _check_busy(busy, right, what)


def _check_busy(busy: dict[Any, Any], right: dict[int, float], what: str) -> None:
    are_numbers = all(isinstance(value, (int, float)) for value in busy.values())
    are_numbers = are_numbers and set(busy) == set(right)
    expect(are_numbers, f"{what}: not a number for each core", seen=busy)
    whole = sum(right.values())
    if len(right) > 1:
        message = f"{what}: each core has the sum of all cores; time of one core is not another's"
        expect(not all(_near(value, whole) for value in busy.values()), message, seen=busy)
        mean = whole / len(right)
        message = f"{what}: each core has the mean of all cores, which hides the one that is full"
        expect(not all(_near(value, mean) for value in busy.values()), message, seen=busy)
    message = f"{what}: a core is busy for more than 100 %: which packets does it work on?"
    expect(max(busy.values()) <= 100.1, message, seen=busy)
    message = f"{what}: not in percent"
    expect(not all(_near(100 * busy[core], value) for core, value in right.items()), message, busy)
    message = f"{what}: not the share of its time that each core works"
    expect(all(_near(busy[core], value) for core, value in right.items()), message, seen=busy)


@check(
    "curve",
    "curve() measures, and draw() shows it with the prediction",
    points=3,
    hints=(
        "host.measure(rate, cores, given) gives a dict; python host.py shows one. Make a row of it: "
        "{'offered_kpps': found['offered_pps'] / 1000, ...}.",
        "pd.DataFrame(list_of_rows). In draw: axes.plot(table['offered_kpps'], "
        "table['received_kpps']) and axes.axhline(predicted_kpps).",
        "axes.set(xlabel='offered load (kpps)', ylabel='received (kpps)'), and return figure.",
    ),
)
def curve(student: Student, given: dict[str, Any]) -> None:
    """Task 4."""
    _check_curve(student, given, [1, 1, 1])
    _check_curve(student, given, [1, 2, 3])
    _check_picture(student, _saturation(_core_costs(given, [1, 1, 1])) / 1000)


def _check_curve(student: Student, given: dict[str, Any], cores: list[int]) -> None:
    limit = _saturation(_core_costs(given, cores))
    rates = [float(round(part * limit)) for part in (0.4, 0.9, 1.5)]
    runs = [_run(rate, cores, given) for rate in rates]
    found = student.trial("curve", rates=rates, cores=cores, given=given, runs=runs)
    kind = found["kind"]
    expect(kind == "DataFrame", "curve() must return a pandas DataFrame", seen=kind)
    right = {
        "offered_kpps": [run["offered_pps"] / 1000 for run in runs],
        "received_kpps": [run["received_pps"] / 1000 for run in runs],
        "latency_us": [run["latency_us"] for run in runs],
        "busiest_percent": [max(run["busy"].values()) for run in runs],
    }
    missing = [name for name in right if name not in found["columns"]]
    expect(not missing, f"curve(): no column {', '.join(missing)}", seen=found["columns"])
    expect(not found["wrong"], "curve(): a value in the table is not a number", found["wrong"])
    expect(len(found["rows"]) == len(rates), "curve(): one row for each rate", seen=found["rows"])
    for name, values in right.items():
        seen = [row[found["columns"].index(name)] for row in found["rows"]]
        message = f"curve(): with cores {cores}, {name} is not what host.measure() gave"
        if name == "busiest_percent":
            message = f"curve(): with cores {cores}, {name} is not that of the busiest core"
        else:
            message += "; mind the unit"
        near = all(_near(one, two) for one, two in zip(seen, values, strict=True))
        expect(near, message, seen=seen, expected=values)


def _check_picture(student: Student, predicted: float) -> None:
    rows = [
        {"offered_kpps": x, "received_kpps": y, "latency_us": 50.0 * x, "busiest_percent": 7.0}
        for x, y in ((100.0, 100.0), (217.0, 216.0), (333.0, 251.0), (590.0, 252.0))
    ]
    found = student.trial("picture", rows=rows, predicted_kpps=predicted)
    expect(found["axes"] > 0, "draw() must return a Figure that has axes")
    xs, ys = [[row[name] for row in rows] for name in ("offered_kpps", "received_kpps")]
    curves = [list(map(list, line)) for line in found["lines"]]
    curves += [[[x for x, _ in one], [y for _, y in one]] for one in found["points"]]
    message = "the axes are swapped: what you choose (the offered load) belongs on the x axis"
    expect([ys, xs] not in curves, message)
    message = "no line with offered_kpps as x and received_kpps as y"
    expect([xs, ys] in curves, message, seen=f"{len(curves)} lines")
    marks = [y for x, y in curves if len(set(y)) == 1]
    has_mark = any(_near(y[0], predicted) for y in marks)
    message = "no horizontal line at the predicted saturation: a prediction that is not in the "
    expect(has_mark, message + "picture cannot be compared", seen=marks)
    for name in ("xlabel", "ylabel"):
        text = found[name]
        expect(text, f"the picture has no {name}: nobody knows what the numbers are")
        message = f"the {name} has no unit (kpps)"
        expect("kpps" in text or "packets/s" in text, message, seen=text)


@check(
    "little",
    "packets_inside(): Little's law",
    points=2,
    hints=(
        "L = lambda * W. W is the time that a received packet was in the host; lambda must be the "
        "rate of the same packets.",
        "At overload most packets are dropped at once by the full ring. They are never inside.",
        "received_pps * latency_us / 1e6",
    ),
)
def little(student: Student, given: dict[str, Any]) -> None:
    """Task 5, against the number of packets that the model holds."""
    limit = _saturation(_core_costs(given, [1, 1, 1]))
    run = _run(3 * limit, [1, 1, 1], given)
    measured = {name: run[name] for name in ("offered_pps", "received_pps", "latency_us")}
    seen = student.call(FILE, "packets_inside", measured, returns=(int, float))
    inside, what = run["inside"], f"{_kpps(3 * limit)} offered"
    message = f"{what}: this uses the offered rate, but dropped packets never were in the host"
    wrong = run["offered_pps"] * run["latency_us"] / 1e6
    expect(not _near(seen, wrong, 0.01), message, seen=seen, expected=f"{inside} in the model")
    message = f"{what}: wrong by a power of 10; µs are 1e-6 s"
    right = run["received_pps"] * run["latency_us"] / 1e6
    powers = [right * 10.0**power for power in (-6, -3, 3, 6)]
    expect(not any(_near(seen, one, 0.01) for one in powers), message, seen=seen)
    # Two polls of each of the three softirqs are in and out of step with the moment of counting.
    expect(
        abs(seen - inside) <= 3 * POLL,
        f"{what}: the model holds another number of packets",
        seen=round(seen, 1),
        expected=f"{inside}, within {3 * POLL}: three polls of {POLL} packets are in motion",
    )
    calm = _run(0.5 * limit, [1, 1, 1], given)
    measured = {name: calm[name] for name in ("offered_pps", "received_pps", "latency_us")}
    seen = student.call(FILE, "packets_inside", measured, returns=(int, float))
    few = calm["received_pps"] * calm["latency_us"] / 1e6
    message = f"{_kpps(0.5 * limit)} offered, below saturation: the host holds a few packets"
    expect(seen <= 20 * few, message, seen=seen, expected=f"{few:.1f}")
