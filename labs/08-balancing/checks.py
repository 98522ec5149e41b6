"""Lab 8: the checks."""

from __future__ import annotations

from typing import Any

from labs.checking import Draw, Student, check, expect, fail

FILE = "balance.py"
VXLAN, VETH = 5, 7  # ifindexes of the model's chain
HERE = 1  # the CPU that asks
# Seeds of the surge under which a better placement than FALCON's exists, of the first 60: two
# choices lose more than 4 % of the packets. (Under the others they lose less, or RSS itself has
# put too much on one core, which no policy behind the NIC can mend.)
SURGES = (3, 5, 6, 12, 16, 18, 21, 22, 23, 27, 31, 33, 35, 49, 52, 53, 54, 57, 60)
GAIN, KEPT, NOT_WORSE, HELD, IDLE_HELD = 1.02, 0.95, 0.97, 0.15, 0.03
MANY = 3  # stages that should not all go to one core
TICKS = 30  # measurements of the load that a policy may wait for


def parameters(draw: Draw) -> dict[str, Any]:
    """CPUs, flows, and the seeds of the model's loads."""
    flows = draw.named("flows")
    return {
        "falcon_cpus": [0, *sorted(draw.named("cpus").sample(range(2, 20, 2), 5))],
        "flows": [flows.integer(1, 2**32 - 1) for _ in range(24)],
        "surges": draw.named("surges").sample(SURGES, 3),
        "seeds": draw.named("seeds").sample(range(1, 25), 2),
    }


def _script(
    student: Student, given: dict[str, Any], steps: list[dict[str, Any]]
) -> list[list[int]]:
    found: list[list[int]] = student.trial(
        "script", policy=FILE, cpus=given["falcon_cpus"], steps=steps
    )
    return found


def _pairs(given: dict[str, Any]) -> list[list[int]]:
    return [[flow, device] for flow in given["flows"] for device in (VXLAN, VETH)]


def _steered(given: dict[str, Any], cpu: int) -> None:
    """Fail where a stage is on a CPU that FALCON may not use."""
    expect(
        cpu in given["falcon_cpus"],
        "a stage was sent to a CPU that FALCON may not use",
        seen=f"CPU {cpu}",
        expected=f"one of {', '.join(map(str, given['falcon_cpus']))}",
    )


def _loads(given: dict[str, Any], percent: int, **others: int) -> dict[str, int]:
    return {**{str(cpu): percent for cpu in given["falcon_cpus"]}, **others}


def _crowded(student: Student, given: dict[str, Any]) -> tuple[int, list[list[int]]]:
    """The CPU on which most stages are at rest, and these."""
    pairs = _pairs(given)
    steps = [{"load": _loads(given, 20 + tick), "packets": pairs} for tick in (0, 1)]
    rest = _script(student, given, steps)[-1]
    core = max(given["falcon_cpus"], key=rest.count)
    return core, [pair for pair, cpu in zip(pairs, rest, strict=True) if cpu == core]


def _model(student: Student, load: str, seed: int, player: str = FILE) -> dict[str, float]:
    """A run of the model. What ran before does not run again: it would give the same."""
    key = player, student.text(FILE) if player == FILE else "", load, seed
    if key not in _RAN:
        _RAN[key] = student.trial("run", player=player, load=load, seed=seed)
    return _RAN[key]


_RAN: dict[tuple[str, str, str, int], dict[str, float]] = {}  # player, its text, load, seed


def _ratio(student: Student, load: str, seed: int, base: str) -> float:
    """The policy's rate over that of a system."""
    return _model(student, load, seed)["pps"] / _model(student, load, seed, base)["pps"]


@check(
    "placed",
    "Stages are on CPUs of FALCON_CPUS, the driver's part stays",
    points=1,
    hints=(
        "As in lab 5: packet.here for the stage SPLIT, else one of host.falcon_cpus.",
        "host.load has an entry for every CPU of the host, by its number. host.falcon_cpus is a list of numbers.",
        "for cpu in host.falcon_cpus: … host.load[cpu] …; return a cpu of this loop.",
    ),
)
def placed(student: Student, given: dict[str, Any]) -> None:
    pairs = _pairs(given)
    steps: list[dict[str, Any]] = [
        {"load": _loads(given, percent), "packets": pairs} for percent in (0, 20, 40)
    ]
    steps.append({"load": _loads(given, 20), "packets": pairs, "split": 1, "at": 3})
    found = _script(student, given, steps)
    for cpu in (cpu for answers in found[:3] for cpu in answers):
        _steered(given, cpu)
    moved = next((cpu for cpu in found[3] if cpu != 3), 3)
    expect(
        moved == 3,
        "the driver's part of the work was moved",
        seen=f"stage SPLIT on CPU 3: to CPU {moved}",
        expected="CPU 3, packet.here",
    )


@check(
    "calm",
    "While no core is loaded, no flow moves",
    points=2,
    after="placed",
    hints=(
        "At 30 percent a core is not worth leaving, even if another is at 10. A move has a price.",
        "The least loaded core changes with every measurement. A flow that follows it never rests.",
        "Keep the flow's CPU in host.memory, and look for another only when its own load is above a threshold.",
    ),
)
def calm(student: Student, given: dict[str, Any]) -> None:
    cpus, pairs = given["falcon_cpus"], _pairs(given)
    steps = [
        {
            "load": {str(cpu): 10 + (7 * tick + 13 * place) % 35 for place, cpu in enumerate(cpus)},
            "packets": pairs,
        }
        for tick in range(TICKS)
    ]
    found = _script(student, given, steps)
    for tick, answers in enumerate(found):
        for (flow, device), first, now in zip(pairs, found[0], answers, strict=True):
            expect(
                first == now,
                "a flow moved although no core was loaded",
                seen=f"flow {flow:#010x}, device {device}: CPU {first} ({steps[tick]['load'][str(first)]}%), then CPU {now} ({steps[tick]['load'].get(str(now), '?')}%)",
                expected=f"CPU {first}: all cores are below 45%",
            )
    expect(
        found[0][::2] != found[0][1::2] or len(set(found[0])) == 1,  # devices take turns
        "both stages of every flow are on one CPU: a flow needs a place for each device",
        seen=f"flow {given['flows'][0]:#010x}: devices {VXLAN} and {VETH} on CPU {found[0][0]}",
        expected="two CPUs for most flows",
    )


@check(
    "leaves",
    "A flow leaves a core at 97 percent when others have room",
    points=2,
    after="placed",
    hints=(
        "The flow's core is at 97 percent, all others at 20, for a long time.",
        "host.load is indexed by the CPU's number, not by its place in host.falcon_cpus.",
        "if host.load[now] is above your threshold: look over host.falcon_cpus for the one with the least load.",
    ),
)
def leaves(student: Student, given: dict[str, Any]) -> None:
    core, crowd = _crowded(student, given)
    steps = [{"load": _loads(given, 20 + tick), "packets": _pairs(given)} for tick in (0, 1)]
    steps += [
        {"load": _loads(given, 20 + tick % 2, **{str(core): 97 + tick % 3}), "packets": crowd}
        for tick in range(TICKS)
    ]
    found = _script(student, given, steps)[2:]
    moved = [cpu for answers in found for cpu in answers if cpu != core]
    for cpu in moved:
        _steered(given, cpu)
    expect(
        moved,
        "no flow leaves a core that is full",
        seen=f"CPU {core} at 97 to 99%, the others at 20%: all {len(crowd)} stages stay",
        expected="some of them on other CPUs",
    )


@check(
    "off",
    "When all cores are full, stages stay where they are, and are steered again afterwards",
    points=2,
    after="placed",
    hints=(
        "Under overload every hand-over to another core costs time that nobody has. FALCON switches itself off.",
        "host.knobs.average_load >= host.knobs.threshold: return packet.here.",
        "If you remember in host.memory that you are off, also remember to come on again, at an average well below the threshold.",
    ),
)
def off(student: Student, given: dict[str, Any]) -> None:
    pairs = _pairs(given)

    def phase(percent: int) -> list[dict[str, Any]]:
        return [
            {"load": _loads(given, percent + tick % 2), "packets": pairs} for tick in range(TICKS)
        ]

    found = _script(student, given, [*phase(20), *phase(95), *phase(20)])
    on, overload, after = found[TICKS - 1], found[2 * TICKS - 1], found[-1]
    stay = sum(cpu == HERE for cpu in overload)
    expect(
        stay == len(overload),
        "stages are still steered although all cores are full",
        seen=f"all of host.falcon_cpus at 95%: {len(overload) - stay} of {len(overload)} stages went to another CPU",
        expected=f"all stay on CPU {HERE}, packet.here",
    )
    expect(
        HERE not in on,
        "stages are not steered although the cores have room",
        seen=f"all CPUs at 20%: {on.count(HERE)} stages on packet.here",
        expected="0",
    )
    expect(
        HERE not in after,
        "steering never came on again after the overload",
        seen=f"all CPUs at 20% again: {after.count(HERE)} of {len(after)} stages stay on packet.here",
        expected="0",
    )


@check(
    "back",
    "A flow does not go back as soon as its old core has room",
    points=2,
    after="leaves",
    hints=(
        "A core has less load *because* the flow left. If the flow goes back for that, it is loaded again: the flow swings.",
        "With two choices, the first is taken again as soon as it is below the threshold. Nothing remembers where the flow is.",
        "Keep the flow's CPU + 1 in host.memory[some hash of flow and device], and decide from there. 0 means: not placed yet, and CPU 0 is a CPU, too.",
    ),
)
def back(student: Student, given: dict[str, Any]) -> None:
    core, crowd = _crowded(student, given)
    steps = [{"load": _loads(given, 20 + tick), "packets": _pairs(given)} for tick in (0, 1)]
    steps += [
        {"load": _loads(given, 20 + tick % 2, **{str(core): 95 + tick % 3}), "packets": crowd}
        for tick in range(TICKS)
    ]
    steps += [
        {"load": _loads(given, 50 + tick % 2, **{str(core): 40}), "packets": crowd}
        for tick in range(TICKS)
    ]
    found = _script(student, given, steps)[2:]
    away = found[TICKS - 1]
    for answers in found[TICKS:]:
        for (flow, device), then, now in zip(crowd, away, answers, strict=True):
            if then != core and now == core:
                fail(
                    "a flow went back to its old core at once: it will be loaded again, and so on",
                    seen=f"flow {flow:#010x}, device {device}: from CPU {core} to CPU {then}, and back when CPU {core} was at 40% and CPU {then} at 50%",
                    expected=f"CPU {then}",
                )


@check(
    "better",
    "A flow moves only to a core that is better",
    points=2,
    after="leaves",
    hints=(
        "The flow's core is at 81 or 82 percent, all others are at 76.",
        "FALCON's second choice is taken whatever its load. What if it is as full as the first?",
        "Find the least loaded of host.falcon_cpus by host.load[cpu], where cpu is its number. Move if it has less by a margin; else stay on the CPU that host.memory names.",
    ),
)
def better(student: Student, given: dict[str, Any]) -> None:
    core, crowd = _crowded(student, given)
    pairs = _pairs(given)
    rest = [{"load": _loads(given, 20 + tick), "packets": pairs} for tick in (0, 1)]
    steps = [
        {"load": _loads(given, 76, **{str(core): 81 + tick % 2}), "packets": pairs}
        for tick in range(TICKS)
    ]
    for answers in _script(student, given, [*rest, *steps])[2:]:
        if set(answers) == {HERE}:  # switched off already
            continue
        for pair, cpu in zip(pairs, answers, strict=True):
            if pair not in crowd or cpu == core:
                continue
            flow = f"flow {pair[0]:#010x}, device {pair[1]}: CPU {core} at 81 or 82%"
            if cpu == HERE:
                fail(
                    "a flow without a better core does not stay: it goes to packet.here",
                    seen=f"{flow}, to CPU {HERE}, while others are steered",
                    expected=f"CPU {core}, where the flow is",
                )
            fail(
                "a flow moved to a core that is as loaded as its own: a price without a gain",
                seen=f"{flow}, to CPU {cpu} at {76 if cpu in given['falcon_cpus'] else '?'}%",
                expected=f"CPU {core}",
            )
    room = next(cpu for cpu in reversed(given["falcon_cpus"]) if cpu != core)
    steps = [
        {"load": _loads(given, 85, **{str(core): 97, str(room): 20 + tick % 2}), "packets": crowd}
        for tick in range(TICKS)
    ]
    found = _script(student, given, [*rest, *steps])[2:]
    first = next((cpu for one in found for cpu in one if cpu not in (core, HERE)), room)
    expect(
        first == room,
        "a flow left a full core, and not for the one that has room",
        seen=f"from CPU {core} at 97% to CPU {first} at 85%",
        expected=f"CPU {room} at 20 or 21%",
    )


@check(
    "herd",
    "Not all flows of a loaded core leave it at once",
    points=2,
    after="leaves",
    hints=(
        "Loads are measured from time to time. Between two measurements all flows see the same numbers, and the same idle core.",
        "When one stage has moved, its old core will have less load, and its new core more. Nobody has measured it yet.",
        "Keep an estimate in host.memory: at a move, add some percent to the new CPU and take it from the old one. Forget it when host.load changes.",
    ),
)
def herd(student: Student, given: dict[str, Any]) -> None:
    core, crowd = _crowded(student, given)
    steps = [{"load": _loads(given, 20 + tick), "packets": _pairs(given)} for tick in (0, 1)]
    steps += [
        {"load": _loads(given, 30 + tick % 2, **{str(core): 95 + tick % 3}), "packets": crowd}
        for tick in range(TICKS)
    ]
    found = _script(student, given, steps)[2:]
    before = [core] * len(crowd)
    for answers in found:
        left = sum(old == core != now for old, now in zip(before, answers, strict=True))
        allowed = max(1, len(crowd) // 2)
        expect(
            left <= allowed,
            "the flows of a loaded core left it all at once: the next core is loaded then",
            seen=f"{left} of {len(crowd)} stages of CPU {core} between two measurements",
            expected=f"at most {allowed}",
        )
        before = answers
    stay = before.count(core)
    expect(
        stay <= len(crowd) // 2,
        "flows stop leaving a core that is measured full again and again: is the estimate forgotten?",
        seen=f"after {TICKS} measurements of 95% and more, {stay} of {len(crowd)} stages are on CPU {core}",
        expected=f"at most {len(crowd) // 2}, for the others are at 30%",
    )
    _apart(student, given, core)


def _apart(student: Student, given: dict[str, Any], core: int) -> None:
    """Two full cores at once: their flows do not all go to one that is idle."""
    pairs = _pairs(given)
    steps = [{"load": _loads(given, 20 + tick), "packets": pairs} for tick in (0, 1)]
    rest = _script(student, given, steps)[-1]
    others = [cpu for cpu in given["falcon_cpus"] if cpu != core]
    full = {core: 97, max(others, key=rest.count): 97}
    crowd = [pair for pair, cpu in zip(pairs, rest, strict=True) if cpu in full]
    loads = _loads(given, 30, **{str(cpu): percent for cpu, percent in full.items()})
    found = _script(student, given, [*steps, {"load": loads, "packets": crowd}])[-1]
    went = [cpu for cpu in found if cpu not in full]
    expect(
        len(went) < MANY or len(set(went)) > 1,
        "the flows of two full cores all went to one core: it has more load by each that came",
        seen=f"{len(went)} stages, all to CPU {(went or [0])[0]}",
        expected="more than one of the cores that are at 30%",
    )


@check(
    "harmless",
    "Steady load, many small flows: no worse than no steering, and hardly a move",
    points=2,
    after="placed",
    hints=(
        "`python look.py steady` and `python look.py many` show rate and held packets.",
        "Nothing is to be gained here. Does a flow move although its core is not loaded?",
        "A higher threshold, or a wider margin between the two cores.",
    ),
)
def harmless(student: Student, given: dict[str, Any]) -> None:
    for load in ("steady", "many"):
        seed = given["seeds"][0]
        found, ratio = _model(student, load, seed), _ratio(student, load, seed, "overlay")
        expect(
            ratio >= KEPT,
            "your policy receives less than the container overlay without any steering",
            seen=f"load {load}: {ratio:.2f} times the overlay's rate",
            expected=f"at least {KEPT:.2f} times",
        )
        expect(
            found["held"] <= IDLE_HELD,
            "flows move under a load that needs no moves",
            seen=f"load {load}: {found['held']:.2f} packets held for each one delivered",
            expected=f"at most {IDLE_HELD}",
        )


@check(
    "overload",
    "Overload: never worse than no steering",
    points=3,
    after="placed",
    hints=(
        "`python look.py overload`: forty flows on six cores. Compare packets/s with the line of the overlay.",
        "Each hand-over to another core costs an interrupt and cold caches. When all cores are full, that is lost.",
        "Switch off at host.knobs.threshold of the average load; come back only well below it.",
    ),
)
def overload(student: Student, given: dict[str, Any]) -> None:
    runs = [_ratio(student, "overload", seed, "overlay") for seed in given["seeds"]]
    ratio = sum(runs) / len(runs)
    expect(
        ratio >= NOT_WORSE,
        "under overload your policy is worse than doing nothing",
        seen=f"{ratio:.2f} times the overlay's rate, the mean of {len(runs)} runs",
        expected=f"at least {NOT_WORSE:.2f} times",
    )


@check(
    "surge",
    "A surge: better than FALCON's two choices",
    points=4,
    after="placed",
    hints=(
        "`python look.py surge SEED`, with the seeds that the message names: how much is lost with `falcon`, and with yours?",
        "Two choices are blind: the second may be full. All cores are in host.load. And a first choice that counts stages is better than a hash.",
        "Place a new stage where the fewest are; let one stage at a time leave a core above 60 percent, for one with 30 percent less.",
    ),
)
def surge(student: Student, given: dict[str, Any]) -> None:
    runs = {seed: _ratio(student, "surge", seed, "falcon") for seed in given["surges"]}
    ratio = sum(runs.values()) / len(runs)
    each = ", ".join(f"{one:.2f} with seed {seed}" for seed, one in runs.items())
    expect(
        ratio >= GAIN,
        "under the surge your policy is not better than two choices",
        seen=f"{ratio:.3f} times the rate of two choices: {each}",
        expected=f"at least {GAIN} times",
    )


@check(
    "price",
    "A surge: the moves are few",
    points=1,
    after="surge",
    hints=(
        "Each move under load makes a hand-over, and packets are held meanwhile (lab 6).",
        "`python look.py surge 3` prints `held`. Which flows move again and again?",
        "A wider margin, or fewer moves between two measurements.",
    ),
)
def price(student: Student, given: dict[str, Any]) -> None:
    runs = [_model(student, "surge", seed) for seed in given["surges"]]
    held = sum(one["held"] for one in runs) / len(runs)
    expect(
        held <= HELD,
        "order costs too much: too many packets are held because their flow moved",
        seen=f"{held:.2f} packets held for each one delivered",
        expected=f"at most {HELD}",
    )
