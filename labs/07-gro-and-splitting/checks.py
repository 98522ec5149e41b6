"""Lab 7: the checks.  What is right, and the segments to try: `truth/`.

GRO's rule is compared with `rxpath.model.gro`, costs and rates with runs of the model.
"""

from __future__ import annotations

from typing import Any

from labs.checking import Draw, Student, beside, check, expect
from rxpath.config import costs as known
from rxpath.config import profiles
from rxpath.results import warm

segments = beside(__file__, "segments")
rule = beside(__file__, "rule")
costing = beside(__file__, "costing")
connection = beside(__file__, "connection")
answers = costing.answers

NEAR = 0.01  # of the right value, an answer by hand


def parameters(draw: Draw) -> dict[str, Any]:
    """Costs around those of a Xeon."""
    base, stages = known.load(costing.COSTS), []
    costs: dict[str, dict[str, Any]] = {}
    for stage in profiles.load()[costing.CHAIN].stages[:3]:
        stages.append({"device": stage.device, "functions": list(stage.costs)})
        for name in stage.costs:
            factor, cost = draw.named(name).number(0.85, 1.2), base[name]
            udp = 0 if cost.per == "complete" else round(cost.udp * factor)  # UDP is not merged
            per = "segment" if cost.per in costing.SEGMENTWISE else "skb"
            costs[name] = {"per": per, "tcp": round(cost.tcp * factor), "udp": udp}
    bridge = draw.named("bridge").choice([0.8, 1.7])  # decides which stage limits UDP
    costs["br_handle_frame"]["udp"] = round(costs["br_handle_frame"]["udp"] * bridge)
    crossing = {"send": draw.named("send").integer(60, 130)}
    crossing["receive"] = draw.named("receive").integer(60, 130)
    return {
        "merged": draw.named("merged").choice([20, 24, 30, 32, 40]),
        "stages": stages,
        "costs": costs,
        "crossing": crossing,
        "polls": draw.named("polls").integer(1, 10**6),
        "split_cpus": draw.named("cpus").sample([12, 13, 14, 15, 16, 17, 18, 19], 4),
    }


def _near(value: Any, right: float, share: float = 0.002) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value - right) <= share * abs(right)


# -- the checks --------------------------------------------------------------------------------


@check(
    "joins",
    "joins(): what may be merged",
    points=3,
    hints=(
        "The skb's end is the sequence number of its first segment plus the payload of all of its segments.",
        "Sequence numbers are modulo 2**32. Flags: compare as sets, and take P and F out of both.",
        "size = skb[0].length + payload of the others; with the new payload it must be < MAX_SIZE.",
    ),
)
def joins(student: Student, given: dict[str, Any]) -> None:
    """Task 1."""
    cases = segments.cases()
    asked = [[list(map(list, skb)), list(segment)] for _, _, skb, segment in cases]
    seen = student.trial("joined", cases=asked)
    for (what, right, _, _), answer in zip(cases, seen, strict=True):
        verb = "does not join, and it should" if right else "joins, and it must not"
        expect(answer == right, f"{what}: {verb}")


@check(
    "merging",
    "Gro merges the segments of a poll",
    points=4,
    after="joins",
    hints=(
        "Three questions, in this order: is an skb of this flow held? Does the segment join it? Is the skb complete now?",
        "Whatever is done is taken out of self.held, and returned. If the segment does not join, the "
        "held skb is returned first, and then the segment itself is either held or returned.",
        "flush(): done, self.held = self.held, []; return done.",
    ),
)
def merging(student: Student, given: dict[str, Any]) -> None:
    """Task 2."""
    for what, polls in segments.scenarios():
        found = _asked(student, polls)
        for poll, (released, flushed) in zip(polls, found, strict=True):
            done, held = rule.merged(poll)
            shown = f"receive: {released}, flush: {flushed}"
            in_order = rule.is_in_order(poll, released + flushed)
            up = [number for skb in released + flushed for number in skb]
            lost = sorted({one.number for one in poll} - set(up))
            twice = len(polls) == 1 and len(up) > len(set(up))
            message = f"{what.split(':')[0]}: a segment goes up twice"
            expect(not twice, message, shown, f"receive: {done}, flush: {held}")
            is_held = lost and len(polls) > 1  # until another poll: the scene says so
            message = (
                f"{what.split(':')[0]}: a segment goes up neither from receive() nor from flush()"
            )
            expect(
                is_held or not lost,
                message,
                f"{shown}: no {lost}",
                f"receive: {done}, flush: {held}",
            )
            message = f"{what.split(':')[0]}: a segment goes up before older data of its flow"
            expect(in_order, message, shown, f"receive: {done}, flush: {held}")
            is_right = released == done and sorted(flushed) == sorted(held)  # flows in any order
            expect(is_right, what, shown, f"receive: {done}, flush: {held}")


def _asked(student: Student, polls: list[segments.Poll]) -> list[list[segments.Skbs]]:
    """What the student's Gro does with polls: for each, the skbs of receive(), those of flush()."""
    found = student.trial("polls", polls=[[list(one) for one in poll] for poll in polls])
    expect("wrong" not in found, found.get("wrong", ""), seen=found.get("seen"))
    return list(found["polls"])


@check(
    "gro-model",
    "Gro makes the skbs that the model's GRO makes",
    points=2,
    after="merging",
    hints=(
        "The polls here are longer, with five flows, holes, PSH, FIN, short segments, and ACKs.",
        "seen and expected are the skbs of the first poll that differs, as numbers of segments.",
    ),
)
def gro_model(student: Student, given: dict[str, Any]) -> None:
    """Task 2, against `rxpath.model.gro`."""
    polls = segments.random_polls(given["polls"])
    found = _asked(student, polls)
    for poll, model, (released, flushed) in zip(polls, rule.of_model(polls), found, strict=True):
        order: dict[str, list[int]] = {}
        flow_of = {one.number: one.flow for one in poll}
        for number in [number for skb in released + flushed for number in skb]:
            order.setdefault(flow_of.get(number, "?"), []).append(number)
        message = "segments of a flow go up in another order than they came, or not at all"
        right = {flow: [o.number for o in poll if o.flow == flow] for flow in set(flow_of.values())}
        expect(order == right, message, seen=order, expected=right)
        skbs = {frozenset(skb) for skb in released + flushed}
        message = "the model's GRO makes other skbs of these segments"
        expect(skbs == model, message, _sorted(skbs - model), _sorted(model - skbs))


def _sorted(skbs: set[frozenset[int]]) -> list[list[int]]:
    return sorted(sorted(skb) for skb in skbs)


@check(
    "hand",
    "What limits TCP, and where to cut",
    points=3,
    hidden=False,
    hints=(
        "Two sums for each stage: what is paid per segment, and what is paid per skb. Divide the second one by merged.",
        "For UDP each packet is an skb of its own: both sums count in full.",
        "Cut before gro_receive, for example: first = driver_poll + skb_alloc + send; second = the rest "
        "+ receive. The rate is 1,000,000 / the greater one, in kpps; mind the onward send / merged.",
    ),
)
def hand(student: Student, given: dict[str, Any]) -> None:
    """Tasks 3 and 4."""
    found, right = student.toml("answers.toml"), costing.answers(given)
    numbers = ("tcp_first_ns", "udp_first_ns", "tcp_whole_kpps", "tcp_cut_kpps")
    for name in numbers:
        is_number = isinstance(found.get(name), (int, float)) and found.get(name) is not True
        expect(is_number, f"{name} in answers.toml is not a number yet", seen=found.get(name))
    first, costs = given["stages"][0]["functions"], given["costs"]
    unmerged = costing.ns(first, costs, "tcp", 1)
    message = "tcp_first_ns: what is paid once per skb is counted for each segment"
    expect(not _near(found["tcp_first_ns"], unmerged), message, seen=found["tcp_first_ns"])
    one, other = costing.halves(given, right["tcp_cut_before"], "tcp", given["merged"])
    slips = {
        "tcp_whole_kpps": (right["tcp_first_ns"], "this is a time; the question asks for a rate"),
        "tcp_cut_kpps": (
            1e6 / (one + other),
            "the two cores work at the same time: the slower one limits, not their sum",
        ),
    }
    for name, (slip, what) in slips.items():
        is_slip = _near(found[name], slip, NEAR) and not _near(found[name], right[name], NEAR)
        expect(not is_slip, f"{name}: {what}", seen=found[name])
    messages = {
        "tcp_first_ns": "tcp_first_ns is not the time of a segment in the first softirq",
        "udp_first_ns": "udp_first_ns is not the time of a packet in the first softirq",
        "tcp_slowest": "tcp_slowest is not the device with the most time for a segment",
        "udp_slowest": "udp_slowest is not the device with the most time for a packet",
        "tcp_cut_before": "with this cut the slower of the two cores has more to do than with another",
        "tcp_whole_kpps": "tcp_whole_kpps is not the rate of the first softirq in one piece",
        "tcp_cut_kpps": "tcp_cut_kpps is not the rate of the slower half",
    }
    for name, message in messages.items():
        if name in numbers:
            expect(_near(found[name], right[name], NEAR), message, seen=found[name])
        else:
            expect(found.get(name) == right[name], message, seen=found.get(name))


@check(
    "cost",
    "ns_per_segment() and slowest_device()",
    points=2,
    hints=(
        "costs[name]['per'] says whether a function is called for each segment or for each skb.",
        "A function per skb costs a segment its ns divided by merged.",
        "max(stages, key=lambda one: ns_per_segment(one['functions'], costs, proto, merged))['device']",
    ),
)
def cost(student: Student, given: dict[str, Any]) -> None:
    """Task 3."""
    stages, costs = given["stages"], given["costs"]
    for proto, merged in (("tcp", 1), ("tcp", given["merged"]), ("tcp", 5.5), ("udp", 1)):
        where = f"{proto}, {merged} segments per skb"
        for stage in stages:
            functions = stage["functions"]
            seen = student.call(
                "cost.py", "ns_per_segment", functions, costs, proto, merged, returns=(int, float)
            )
            right, what = costing.ns(functions, costs, proto, merged), f"{where}, {stage['device']}"
            if merged > 1:
                message = f"{what}: all costs are divided by the segments of an skb, but the driver and GRO see each segment"
                whole = sum(costs[name][proto] for name in functions)
                expect(not _near(seen, whole / merged), message, seen=seen)
                message = f"{what}: what is paid once per skb is counted for each segment"
                expect(not _near(seen, whole), message, seen=seen)
            expect(_near(seen, right), f"{what}: not the time of a segment", seen, round(right, 1))
        seen = student.call("cost.py", "slowest_device", stages, costs, proto, merged, returns=str)
        right_device = costing.slowest(given, proto, merged)
        expect(seen == right_device, f"{where}: another device needs more time", seen=seen)
        names = [stages[number - 1]["device"] for number in range(len(stages))]
        turned = [{**stage, "device": name} for stage, name in zip(stages, names, strict=True)]
        seen = student.call("cost.py", "slowest_device", turned, costs, proto, merged, returns=str)
        right_device = costing.slowest({**given, "stages": turned}, proto, merged)
        message = f"{where}: another device needs more time when the devices' names are exchanged"
        expect(seen == right_device, message, seen=seen)


@check(
    "cut",
    "halves() and best_cut() agree with the model",
    points=3,
    after="cost",
    hints=(
        "at = functions.index(before); the first core runs functions[:at], the second one functions[at:].",
        "Both pay for crossing, per segment; behind GRO only skbs cross, so it is divided by merged.",
        "best_cut: min(places, key=lambda before: max(halves(functions, before, ...)))",
    ),
)
def cut(student: Student, given: dict[str, Any]) -> None:
    """Task 4, against runs of one TCP connection in one piece and cut before GRO."""
    functions, costs, crossing = given["stages"][0]["functions"], given["costs"], given["crossing"]
    for proto, merged in (("tcp", given["merged"]), ("tcp", 4), ("udp", 1)):
        for before in costing.PLACES:
            arguments = (functions, before, costs, proto, merged, crossing)
            seen = student.call("cost.py", "halves", *arguments, returns=list)
            right, what = (
                costing.halves(given, before, proto, merged),
                f"{proto}, cut before {before}",
            )
            free = costing.ns(functions, costs, proto, merged)
            are_two = len(seen) == 2 and all(isinstance(one, (int, float)) for one in seen)
            expect(are_two, f"{what}: expected two numbers, one for each core", seen=seen)
            message = f"{what}: crossing is free here; both cores pay for it"
            expect(not _near(sum(seen), free, 1e-6), message, seen=seen)
            each = list(right)
            each[0] += crossing["send"] * (1 - 1 / merged)
            each[1] += crossing["receive"] * (1 - 1 / merged)
            if before == costing.BEHIND_GRO and merged > 1:
                message = f"{what}: behind GRO skbs cross, and not each segment"
                expect(not all(map(_near, seen, each)), message, seen=seen)
            for message, slip in costing.slips_of_halves(given, before, proto, merged):
                is_slip = all(map(_near, seen, slip)) and not all(map(_near, seen, right))
                expect(not is_slip, f"{what}: {message}", seen)
            expect(all(map(_near, seen, right)), f"{what}: not the two halves", seen, right)
        arguments = (functions, costing.PLACES, costs, proto, merged, crossing)
        seen_place = student.call("cost.py", "best_cut", *arguments, returns=str)
        sums = {place: sum(costing.halves(given, place, proto, merged)) for place in costing.PLACES}
        best = costing.best(given, proto, merged)
        cheapest = min(costing.PLACES, key=lambda place: sums[place])
        if cheapest != best:
            message = f"{proto}: this cut costs least in all, but its slower half is slower than that of another cut"
            expect(seen_place != cheapest, message, seen=seen_place)
        expect(
            seen_place == best, f"{proto}: another cut has a faster slower half", seen=seen_place
        )
    dear = {"send": 600, "receive": 600}
    arguments = (functions, costing.PLACES, costs, "tcp", given["merged"], dear)
    seen_place = student.call("cost.py", "best_cut", *arguments, returns=str)
    message = "when crossing is dear, the cut with the most equal halves is not the best: compare the slower halves"
    best = costing.best({**given, "crossing": dear}, "tcp", given["merged"])
    expect(
        seen_place == best, message, seen=f"{seen_place}, with 600 ns to send and 600 to receive"
    )
    _check_rates(student, given)


def _check_rates(student: Student, given: dict[str, Any]) -> None:
    functions, costs, crossing = given["stages"][0]["functions"], given["costs"], given["crossing"]
    whole, split = (
        connection.measured("falcon-pipelining", given),
        connection.measured("falcon-splitting", given),
    )
    onward = crossing["send"]
    arguments = (functions, costs, "tcp", whole.merged)
    ns = student.call("cost.py", "ns_per_segment", *arguments, returns=(int, float))
    arguments = (functions, "gro_receive", costs, "tcp", split.merged, crossing)
    first, second = student.call(
        "cost.py", "halves", *arguments, returns=list
    )  # two numbers: above
    predictions = (
        ("in one piece", ns + onward / whole.merged, whole.kpps),
        ("cut before GRO", max(first, second + onward / split.merged), split.kpps),
    )
    for what, each, kpps in predictions:
        expect(
            1e6 / (each + connection.slack()) * 0.995 <= kpps <= 1e6 / each * 1.005,
            f"{what}: the model receives another rate than your functions say",
            seen=f"{1e6 / each:.1f} kpps predicted",
            expected=f"{kpps:.1f} kpps in the model, which pays up to {connection.slack():.0f} ns more a segment",
        )


@check(
    "choose",
    "choose() cuts TCP in front of GRO, by flow",
    points=2,
    hints=(
        "All packets of a flow must have the same answer; packet.number is different for each of them.",
        "packet.stage == SPLIT is the place in front of GRO; packet.protocol == TCP. Otherwise: packet.here.",
        "host.split_cpus[hash_32(packet.hash, 16) % len(host.split_cpus)]",
    ),
)
def choose(student: Student, given: dict[str, Any]) -> None:
    """Task 5, in plain Python."""
    from rxpath.model.state.codes import BACKLOG, GRO_CELL, SPLIT

    cpus, draw = given["split_cpus"], Draw(f"hashes {given['polls']}")
    hashes = [draw.integer(0, 2**32 - 1) for _ in range(80)]
    usual = {"ifindex": 2, "stage": SPLIT, "protocol": 6, "here": 1, "app": 21, "number": 0}

    def asked(changes: list[dict[str, int]], among: list[int] = cpus) -> list[int]:
        packets = [{**usual, **change} for change in changes]
        found = list(student.trial("chosen", packets=packets, split_cpus=among))
        wrong = next((one for one in found if type(one) is not int), 0)
        expect(type(wrong) is int, "choose() must return the number of a core", seen=wrong)
        return found

    seen = asked([{"hash": value, "protocol": 17} for value in hashes])
    message = "UDP is cut, too: there is nothing that GRO merges, and crossing costs"
    expect(set(seen) == {1}, message, seen=sorted(set(seen)))
    for stage, name in ((GRO_CELL, "the VXLAN device"), (BACKLOG, "the veth")):
        seen = asked([{"hash": value, "stage": stage, "here": 14} for value in hashes])
        message = f"a TCP packet is moved before {name}: only GRO's half was to be cut off here"
        expect(set(seen) == {14}, message, seen=sorted(set(seen)))
    numbers = [*range(40), *range(64, 64 * 40, 64), 10**6]
    one_flow = asked([{"hash": hashes[0], "number": number} for number in numbers])
    message = "packets of one flow go to several cores, and overtake each other there"
    first_other = next((i for i, cpu in enumerate(one_flow) if cpu != one_flow[0]), 0)
    shown = (
        f"packet 0: CPU {one_flow[0]}, packet {numbers[first_other]}: CPU {one_flow[first_other]}"
    )
    expect(len(set(one_flow)) == 1, message, seen=shown)
    seen = asked([{"hash": value} for value in hashes])
    message = "TCP stays where it is: nothing is cut"
    expect(
        set(seen) != {1}, message, seen="CPU 1, where the driver runs", expected=f"one of {cpus}"
    )
    message = "a core that is none of host.split_cpus"
    expect(set(seen) <= set(cpus), message, seen=sorted(set(seen)), expected=sorted(cpus))
    message = "all flows have the same core: a second connection gets no second one"
    expect(len(set(seen)) > 1, message, seen=sorted(set(seen)), expected=sorted(cpus))
    for among in (cpus[:3], [*cpus, 11]):
        seen_among = set(asked([{"hash": value} for value in hashes], among))
        message = f"with {len(among)} cores in host.split_cpus, some are never used"
        expect(seen_among >= set(among), message, sorted(seen_among), sorted(among))
    low = [cpus[value % len(cpus)] for value in hashes]
    message = "the low bits of the hash are used: RSS has used them already, and all flows of a queue have the same ones"
    expect(seen != low, message, seen=seen[:8])


@check(
    "order",
    "Four connections through your cut: in order, and still merged",
    points=2,
    after="choose",
    hints=(
        "python measure.py split.py shows what your policy does to one connection.",
        "Where packets of a flow are on two cores, GRO sees holes, and TCP sees them as losses.",
    ),
)
def order(student: Student, given: dict[str, Any]) -> None:
    """Task 5, in the model, without the order guard."""
    warm()  # the kernels are in the cache on disk then, and the student's time is not for them
    knobs = connection.knobs(given)
    hashes = [connection.HASH + 7919 * number for number in range(4)]
    seen = student.trial("connections", knobs=knobs, hashes=hashes)
    message = "segments overtake each other behind the cut"
    expect(seen["reordered"] == 0, message, seen=f"{seen['reordered']} reordered")
    message = "TCP sends segments again that were not lost: they came in another order"
    expect(seen["retransmits"] == 0, message, seen=f"{seen['retransmits']} retransmits")
    message = "GRO merges almost nothing behind the cut"
    expect(seen["merged"] > 2, message, seen=f"{seen['merged']:.1f} segments per skb")
    used = set(seen["busy"]) & set(given["split_cpus"])
    expect(used, "none of split_cpus did any work", seen=seen["busy"])
