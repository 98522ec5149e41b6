"""Lab 6: the checks.  What is right, and calls and sequences made for them: `truth/`."""

from __future__ import annotations

from typing import Any

from labs.checking import Draw, Student, beside, check, expect, fail

metric = beside(__file__, "metric")
scenes = beside(__file__, "scenes")
guards = beside(__file__, "guards")
pricing = beside(__file__, "pricing")
answers = pricing.answers

METRIC, MOVING, GUARD, ANSWERS = "metric.py", "moving.py", "guard.py", "answers.toml"
SPLIT, GRO_CELL, BACKLOG = 2, 3, 4  # rxpath.model.state.codes
VXLAN, VETH = 5, 7  # ifindexes of the model's chain
BATCH = 64
LEAST = 0.05  # of the packets, that moving.py reorders


def parameters(draw: Draw) -> dict[str, Any]:
    """Sequences, CPUs and loads."""
    cpus = sorted(draw.named("cpus").sample(range(2, 20, 2), draw.named("count").choice([4, 5, 6])))
    return {
        "falcon_cpus": cpus,
        "flow": draw.named("flow").integer(1, 2**32 - 1),
        "rate": draw.named("rate").integer(60, 90) * 10_000,
        "shuffle_seed": draw.named("shuffle").integer(1, 2**31),
        "light": {"seed": draw.named("light").integer(1, 2**31), "share": 48, "moves": 60},
        "heavy": {
            "seed": draw.named("heavy").integer(1, 2**31),
            "share": draw.named("share").integer(78, 92),
            "moves": draw.named("moves").integer(20, 28),
        },
        "price_rate": draw.named("price rate").integer(225, 245) * 1000,
        "price_seed": draw.named("price seed").integer(1, 1000),
    }


# -- task 1: the metric ------------------------------------------------------------------------


@check(
    "reordered",
    "RFC 4737: which packets are reordered",
    points=2,
    hints=(
        "Keep the next number that is expected: 0 at the start. A packet below it is reordered.",
        "A packet at or above it is in order, and the next expected number is one more than its own. A gap only says that something is missing: lost, or still to come.",
        "expected = max(expected, number + 1) after each packet. Do not compare with the packet before.",
    ),
)
def reordered(student: Student, given: dict[str, Any]) -> None:
    late = "packet 2 came late: it is reordered, and no other is"
    cases = [
        ([0, 1, 2, 3], "in order: no packet is reordered"),
        ([0, 1, 4, 5, 6], "packets 2 and 3 are lost, none is late: a gap is not reordering"),
        ([0, 1, 3, 4, 2, 5], late),
        (
            [0, 5, 1, 2, 3, 4, 6],
            "packets 1 to 4 came after packet 5: each of them is reordered, although each comes after a smaller one",
        ),
        ([2, 0, 1, 3], "the first packet that came is 2: packets 0 and 1 are reordered"),
        (
            [0, 4, 5, 3, 6],
            "packet 3 came after packet 5; packets 1 and 2 are lost, so a packet's place in the list is not the number that is expected there",
        ),
    ]
    for arrived, what in cases:
        _compare(student, arrived, what)
    long = list(dict.fromkeys(metric.shuffled(given["shuffle_seed"])))
    _compare(student, long, "a long sequence: some packets late, some lost")


def _compare(student: Student, arrived: list[int], what: str) -> None:
    found, want = student.call(METRIC, "reordered", arrived), metric.reordered(arrived)
    expect(
        isinstance(found, list), "reordered() has to return a list", seen=found, expected="a list"
    )
    expect(
        len(found) == len(want),
        "reordered() has to return one value for each packet that arrived",
        seen=f"{len(found)} values for {len(want)} packets",
        expected=f"{len(want)} values",
    )
    marked = [number for number, flag in zip(arrived, found, strict=True) if flag]
    right = [number for number, flag in zip(arrived, want, strict=True) if flag]
    expect(
        marked == right,
        what,
        seen=f"{_few(arrived)}: reordered {_few(marked)}",
        expected=f"reordered {_few(right)}",
    )


def _few(numbers: list[int]) -> str:
    more = ", …" if len(numbers) > 24 else ""
    return f"[{', '.join(map(str, numbers[:24]))}{more}]"


@check(
    "copies",
    "A second copy of a packet is not looked at",
    points=1,
    after="reordered",
    hints=(
        "The network may deliver a packet twice. RFC 4737 looks at the first copy only.",
        "Keep a set of the numbers that you have seen.",
        "A number that is in the set is not reordered, and ratio() does not count it among the packets.",
    ),
)
def copies(student: Student, given: dict[str, Any]) -> None:
    _compare(
        student, [0, 1, 2, 1, 3], "packet 1 came twice: its second copy is no reordered packet"
    )
    arrived = metric.shuffled(given["shuffle_seed"])
    _compare(student, arrived, "a long sequence with copies")
    right = sum(metric.reordered(arrived)) / len(set(arrived))
    found = student.call(METRIC, "ratio", arrived, returns=float)
    of_sent = sum(metric.reordered(arrived)) / (max(arrived) + 1)
    expect(
        abs(found - of_sent) > 1e-9 or of_sent == right,
        "ratio() divides by the packets that were sent; those that are lost never arrived",
        seen=found,
        expected=f"{right:.6f}: {sum(metric.reordered(arrived))} of {len(set(arrived))}",
    )
    expect(
        abs(found - right) < 1e-9,
        "ratio() has to be the reordered packets over the packets that arrived, copies not counted",
        seen=found,
        expected=f"{right:.6f}: {sum(metric.reordered(arrived))} of {len(set(arrived))}",
    )
    expect(
        student.call(METRIC, "ratio", [], returns=float) == 0,
        "the ratio of no packets at all is 0.0",
    )


@check(
    "extent",
    "The extent of each reordered packet",
    points=2,
    after="reordered",
    hints=(
        "The extent is a distance in the order of arrival, in packets, not a difference of numbers.",
        "Look for the *first* packet that arrived before and has a greater number; the extent is how many places before it came.",
        "For [0, 2, 3, 4, 1]: packet 1 is at place 4, the first greater one (2) at place 1: extent 3.",
    ),
)
def extent(student: Student, given: dict[str, Any]) -> None:
    cases = [
        ([0, 9, 1, 2], "the extent is counted in places of arrival, not in sequence numbers"),
        (
            [0, 2, 3, 4, 1],
            "the extent goes back to the first packet that arrived with a greater number",
        ),
        ([0, 1, 2], "nothing is reordered: no extents"),
        ([0, 3, 3, 1], "a second copy is no arrival: it makes no extent greater"),
        ([0, 2, 1, 1], "a second copy has no extent of its own"),
        (metric.shuffled(given["shuffle_seed"]), "a long sequence with copies"),
    ]
    for arrived, what in cases:
        found, want = (
            student.call(METRIC, "extents", arrived, returns=list),
            metric.extents(arrived),
        )
        expect(found == want, what, seen=f"{_few(arrived)}: {found}", expected=want)


# -- task 2: a policy that reorders ------------------------------------------------------------


@check(
    "moving",
    "moving.py moves the last stage of a flow, and nothing else",
    points=1,
    hints=(
        "packet.number is 0 for a flow's first packet. Whole-number division makes a batch's number of it.",
        "Only at packet.stage == BACKLOG: place += …",
        "place += packet.number // BATCH",
    ),
)
def moving(student: Student, given: dict[str, Any]) -> None:
    cpus, flow = given["falcon_cpus"], given["flow"]
    counts = [0, 1, BATCH - 1, BATCH, 2 * BATCH - 1, 2 * BATCH]

    def asked(packets: list[dict[str, int]]) -> list[int]:
        found: list[int] = student.trial("choices", policy=MOVING, cpus=cpus, packets=packets)
        return found

    at_veth = {"ifindex": VETH, "stage": BACKLOG, "hash": flow}
    at_tunnel = {"ifindex": VXLAN, "stage": GRO_CELL, "hash": flow}
    last = asked([{**at_veth, "number": number} for number in counts])
    tunnel = asked([{**at_tunnel, "number": number} for number in counts])
    strange = [cpu for cpu in last + tunnel if cpu not in cpus]
    allowed = f"CPUs {', '.join(map(str, cpus))}"
    expect(
        not strange,
        "a stage was sent to a CPU that FALCON may not use",
        seen=strange[:1],
        expected=allowed,
    )
    expect(
        len(set(tunnel)) == 1,
        "the stage of the VXLAN device moved: only the last one is to",
        seen=f"CPUs {tunnel}",
    )
    what = f"for the packets number {', '.join(map(str, counts))}: CPUs {', '.join(map(str, last))}"
    expect(
        len(set(last)) > 1,
        "the last stage never moves",
        seen=what,
        expected="another CPU from packet 64 on",
    )
    places = [cpus.index(cpu) for cpu in last]
    turns = [(place - places[0]) % len(cpus) for place in places]
    expect(
        turns == [0, 0, 0, 1, 1, 2],
        "the last stage has to stay for 64 packets and then go to the next CPU of the list",
        seen=what,
        expected=", ".join(
            str(cpus[(places[0] + turn) % len(cpus)]) for turn in [0, 0, 0, 1, 1, 2]
        ),
    )
    firsts = asked([{**at_veth, "hash": flow ^ other, "number": 0} for other in range(1, 21)])
    expect(
        len(set(firsts)) > 1,
        "all flows begin on the same CPU: add to the place that the hash gives, do not replace it",
        seen=f"CPU {firsts[0]} for the first packet of each of 20 flows",
    )


@check(
    "measured",
    "Without a guard the flow is reordered, and your metric says how much",
    points=2,
    after="moving",
    hints=(
        "`python look.py moving` shows what the model counts.",
        "The numbers of the packets in their order of arrival go through your ratio() here.",
        "Make the checks of task 1 pass first.",
    ),
)
def measured(student: Student, given: dict[str, Any]) -> None:
    found = student.trial(
        "arrivals", policy=MOVING, cpus=given["falcon_cpus"], flow=given["flow"], rate=given["rate"]
    )
    numbers: list[int] = found["numbers"]
    share = found["reordered"] / len(numbers)
    expect(
        share >= LEAST,
        "moving.py hardly reorders the flow in the model",
        seen=f"{share:.1%} of {len(numbers)} packets",
        expected=f"at least {LEAST:.0%}",
    )
    ratio = student.call(METRIC, "ratio", numbers, returns=float)
    expect(
        abs(ratio - share) < 1e-9,
        "your ratio() differs from what the model counted",
        seen=ratio,
        expected=f"{share:.6f}: {found['reordered']} of {len(numbers)} packets",
    )


# -- tasks 3 and 4: guards ---------------------------------------------------------------------


def _play(student: Student, scene: tuple[Any, ...], kind: str) -> None:
    """Ask the student's guard step by step, and judge the answers of one kind."""
    found = student.trial("scene", steps=[list(step.call) for step in scene])
    for number, (step, answer) in enumerate(zip(scene, found, strict=True)):
        name, *arguments = step.call
        if name == "handover":
            is_pair = isinstance(answer, list) and len(answer) == 2
            expect(is_pair, "handover() has to return two values: the core, and held", seen=answer)
            answer = [answer[0], bool(answer[1])]
        if answer == step.want and type(answer) is type(step.want):
            continue
        if step.kind == kind:
            before = f", call {number + 1} of this table" if number else ""
            shown = ", ".join(map(str, arguments))
            shown = f"{name}(table, {shown}) returned {_told(answer)}{before}"
            fail(step.what, seen=shown, expected=_told(step.want))
        return  # told by another check; what comes behind follows from it


def _told(answer: Any) -> str:
    return f"({answer[0]}, {answer[1]})" if isinstance(answer, list) else str(answer)


def _answers(student: Student, way: str, load: dict[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = student.trial("guarded", way=way, **load)
    if "wrong" in found:
        fail("a guard's answer makes no sense", seen=found["wrong"])
    return found


@check(
    "rfs",
    "RFS's rule: no packet leaves its core while others of the flow are there",
    points=2,
    hints=(
        "Write down, for each flow, at which core its last packet was queued and the core's tail then.",
        "The old core is done with the flow when its head has come to that tail: heads[core] >= tail. The tail changes with every packet of the flow, not only with a move.",
        "table[flow] = core, tails[core] + 1 at each packet, and core = wanted only if heads[core] >= tail.",
    ),
)
def rfs(student: Student, given: dict[str, Any]) -> None:
    _play(student, scenes.RFS_SCENE, "early")
    for name in ("light", "heavy"):
        _rfs(student, given[name], stays=False)


@check(
    "rfs-moves",
    "RFS's rule: a flow moves as soon as its old core is done with it",
    points=1,
    after="rfs",
    hints=(
        "The order is kept, but the flow does not move although nothing of it is on the old core.",
        "The core need not be idle: other flows' packets may be in its queue, behind the flow's last one.",
        "Compare heads[core] with the tail that you noted for this flow, not with tails[core].",
    ),
)
def rfs_moves(student: Student, given: dict[str, Any]) -> None:
    _play(student, scenes.RFS_SCENE, "late")
    for name in ("light", "heavy"):
        _rfs(student, given[name], stays=True)


def _rfs(student: Student, load: dict[str, int], stays: bool) -> None:
    """Replay the decisions of rfs(); look for flows that leave too early, or stay too long."""
    given = iter(_answers(student, "rfs", load)["decisions"])
    last: dict[int, tuple[int, int]] = {}
    told: dict[int, int] = {}

    def arrive(flow: int, wanted: int, heads: list[int], tails: list[int]) -> tuple[int, bool]:
        core: int = _core(next(given, (-1, False))[0])
        old, tail = last.get(flow, (wanted, 0))
        number = told[flow] = told.get(flow, -1) + 1
        where = f"flow {flow}, packet {number}: core {core}; the one before is at core {old}"
        if heads[old] < tail and core != old and not stays:
            fail(
                "a flow moved while packets of it were still on its old core",
                seen=f"{where}, which has finished {heads[old]} of the {tail} packets up to it",
                expected=f"core {old}, until {tail} are finished",
            )
        if heads[old] >= tail and core != wanted and stays:
            fail(
                "a flow stays on its old core although that has finished all packets of the flow",
                seen=f"{where}, which has finished {heads[old]} packets, the flow's last was number {tail}",
                expected=f"core {wanted}, where the policy wants it",
            )
        last[flow] = core, tails[core] + 1
        return core, False

    cores = guards.cores()
    packets, costs = cores.load(**load)
    cores.run(packets, costs, arrive, lambda core, heads, tails: None)


def _core(core: Any) -> int:
    return (
        core
        if isinstance(core, int) and core in range(3)
        else fail("a guard's answer is no core", seen=core)
    )  # type: ignore[func-returns-value]


def _outcome(student: Student, load: dict[str, int]) -> Any:
    """What the decisions of handover() and release() come to, by the checker's own model."""
    found = _answers(student, "handover", load)
    decisions, releases = iter(found["decisions"]), iter(found["releases"])
    return guards.run(
        load,
        lambda flow, wanted, heads, tails: tuple(next(decisions, (-1, False))),
        lambda core, heads, tails: next(releases, None),
    )


@check(
    "handover",
    "Hand-over: no packet overtakes another, even if a flow moves again",
    points=2,
    hints=(
        "A flow is being handed over from its first held packet until its packets are released. Packets that come meanwhile are held as well, behind the others.",
        "What if the policy wants a third core, or the old one again, before the hand-over is done? And after release(): where is the flow's last packet then?",
        "While a flow is handed over, return (its new core, True), whatever is wanted. On release its tail is tails[new core] plus the number of its held packets.",
    ),
)
def handover(student: Student, given: dict[str, Any]) -> None:
    for scene in scenes.HANDOVER_SCENES:
        _play(student, scene, "early")
    hasty = {**given["heavy"], "moves": 3}  # moves again while packets are held
    for load in (given["light"], given["heavy"], hasty):
        outcome = _outcome(student, load)
        for flow in range(5):
            numbers = outcome.numbers(flow)
            count = sum(metric.reordered(numbers))
            if not count:
                continue
            late = next(
                number
                for number, flag in zip(numbers, metric.reordered(numbers), strict=True)
                if flag
            )
            packet = next(p for p in outcome.packets if p.flow == flow and p.number == late)
            fail(
                "packets of a flow overtook each other although they were handed over",
                seen=f"flow {flow}: {count} of {len(numbers)} packets reordered, first packet {late}, which ran on core {packet.core}",
                expected="0",
            )


@check(
    "released",
    "Hand-over: all held packets are released",
    points=1,
    hints=(
        "release(core, …) is asked when `core` has finished a packet: which flows wait for that core?",
        "A flow waits for its *old* core. Its packets are held at the new one.",
        "Return the flow if its old core is `core` and heads[core] has come to the tail that you noted.",
    ),
)
def released(student: Student, given: dict[str, Any]) -> None:
    for scene in scenes.HANDOVER_SCENES:
        _play(student, scene, "stuck")
    for name in ("light", "heavy"):
        outcome = _outcome(student, given[name])
        expect(
            outcome.stuck == 0,
            "packets are held for ever: nothing releases them",
            seen=f"{outcome.stuck} of {len(outcome.packets)} packets are still held at the end",
            expected="0",
        )


@check(
    "held",
    "Hand-over: packets go to the new core at once, and are held no longer than they must",
    points=2,
    after="handover",
    hints=(
        "`python look.py` prints where packets ran and how long they were held.",
        "A flow that waits for nothing is queued where the policy wants it. A flow waits for packets of its own, not until the old core is idle.",
        "Hold only if wanted is another core and heads[old] < the flow's tail there; release as soon as heads[old] has come to it.",
    ),
)
def held(student: Student, given: dict[str, Any]) -> None:
    for scene in scenes.HANDOVER_SCENES:
        _play(student, scene, "late")
    for name in ("light", "heavy"):
        outcome, best = _outcome(student, given[name]), guards.best(given[name])
        ours, right = guards.there(outcome), guards.there(best)
        expect(
            ours >= 0.9 * right,
            "the moving flows do not go where the policy wants them",
            seen=f"{ours:.0%} of their packets ran on the wanted core",
            expected=f"about {right:.0%}",
        )
        hold, least = guards.hold(outcome), guards.hold(best)
        expect(
            hold <= 1.5 * least + 200,
            "packets are held longer than order needs",
            seen=f"{hold / 1000:.1f} us for each packet of the moving flows, on the average",
            expected=f"about {least / 1000:.1f} us",
        )


# -- task 5: the price -------------------------------------------------------------------------


@check(
    "price",
    "What order costs, read from the model",
    points=2,
    hidden=False,
    hints=(
        "Run `python price.py` in your work folder: it takes your own load from given.toml.",
        "Reordered: a share of the packets that were delivered. Rate kept: packets/s with the guard over packets/s without. Held: the sum of the holds over their number.",
        "Divide the columns of the table; percent only for reordered_percent.",
    ),
)
def price(student: Student, given: dict[str, Any]) -> None:
    theirs, right = student.toml(ANSWERS), pricing.answers(given)
    for key, value in right.items():
        answer = theirs.get(key)
        expect(
            isinstance(answer, int | float) and not isinstance(answer, bool),
            f"{ANSWERS}: {key} has to be a number",
            seen="missing" if answer is None else answer,
        )
        expect(answer >= 0, f"{ANSWERS}: {key} has no answer yet", seen=answer)
        is_right = pricing.near(answer, value)
        for name, wrong, what in pricing.slips(given):
            if name == key and not is_right and abs(answer - wrong) <= pricing.WITHIN * wrong:
                fail(f"{ANSWERS}: {key}: {what}", seen=answer)
        expect(
            is_right,
            f"{ANSWERS}: {key} is not what your table says",
            seen=answer,
            expected=f"the value of your own table, within {pricing.WITHIN:.0%}",
        )
