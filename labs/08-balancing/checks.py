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
TICKS = 30  # measurements of the load that a policy may wait for


def parameters(draw: Draw) -> dict[str, Any]:
    """CPUs, flows, and the seeds of the model's loads."""
    flows = draw.named("flows")
    return {
        "falcon_cpus": sorted(draw.named("cpus").sample(range(2, 20, 2), 6)),
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


def _loads(given: dict[str, Any], percent: int, **others: int) -> dict[str, int]:
    return {**{str(cpu): percent for cpu in given["falcon_cpus"]}, **others}


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
    cpus, pairs = given["falcon_cpus"], _pairs(given)
    steps: list[dict[str, Any]] = [
        {"load": _loads(given, percent), "packets": pairs} for percent in (0, 20, 40)
    ]
    steps.append({"load": _loads(given, 20), "packets": pairs, "split": 1, "at": 3})
    found = _script(student, given, steps)
    for cpu in (cpu for answers in found[:3] for cpu in answers):
        expect(
            cpu in cpus,
            "a stage was sent to a CPU that FALCON may not use",
            seen=f"CPU {cpu}",
            expected=f"one of {', '.join(map(str, cpus))}",
        )
    expect(
        set(found[3]) == {3},
        "the driver's part of the work was moved",
        seen=found[3][0],
        expected=3,
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


def _crowded(student: Student, given: dict[str, Any]) -> tuple[int, list[list[int]]]:
    """The CPU on which most stages are at rest, and these."""
    pairs = _pairs(given)
    steps = [{"load": _loads(given, 20 + tick), "packets": pairs} for tick in (0, 1)]
    rest = _script(student, given, steps)[-1]
    core = max(given["falcon_cpus"], key=rest.count)
    return core, [pair for pair, cpu in zip(pairs, rest, strict=True) if cpu == core]


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
    expect(
        moved,
        "no flow leaves a core that is full",
        seen=f"CPU {core} at 97 to 99%, the others at 20%: all {len(crowd)} stages stay",
        expected="some of them on other CPUs",
    )


@check(
    "better",
    "A flow moves only to a core that is better",
    points=2,
    after="leaves",
    hints=(
        "The flow's core is at 81 or 82 percent, all others are at 76.",
        "FALCON's second choice is taken whatever its load. What if it is as full as the first?",
        "Compare the loads of both, and stay unless the other has a good deal less (a margin).",
    ),
)
def better(student: Student, given: dict[str, Any]) -> None:
    core, crowd = _crowded(student, given)
    steps = [{"load": _loads(given, 20 + tick), "packets": _pairs(given)} for tick in (0, 1)]
    steps += [
        {"load": _loads(given, 76, **{str(core): 81 + tick % 2}), "packets": crowd}
        for tick in range(TICKS)
    ]
    found = _script(student, given, steps)[2:]
    for answers in found:
        for (flow, device), cpu in zip(crowd, answers, strict=True):
            expect(
                cpu in (core, HERE),  # or switched off already
                "a flow moved to a core that is as loaded as its own: a price without a gain",
                seen=f"flow {flow:#010x}, device {device}: CPU {core} at 81 or 82%, to CPU {cpu} at {76 if cpu in given['falcon_cpus'] else '?'}%",
                expected=f"CPU {core}",
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


@check(
    "back",
    "A flow does not go back as soon as its old core has room",
    points=2,
    after="leaves",
    hints=(
        "A core has less load *because* the flow left. If the flow goes back for that, it is loaded again: the flow swings.",
        "With two choices, the first is taken again as soon as it is below the threshold. Nothing remembers where the flow is.",
        "Keep the flow's CPU in host.memory[some hash of flow and device], and decide from there.",
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
        seen=f"all CPUs at 95%: {len(overload) - stay} of {len(overload)} stages went to another CPU",
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


def _model(student: Student, load: str, seed: int, base: str) -> dict[str, float]:
    found: dict[str, float] = student.trial("run", policy=FILE, load=load, seed=seed, base=base)
    return found


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
        found = _model(student, load, given["seeds"][0], "overlay")
        ratio = found["pps"] / found["base_pps"]
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
    runs = [_model(student, "overload", seed, "overlay") for seed in given["seeds"]]
    ratio = sum(one["pps"] / one["base_pps"] for one in runs) / len(runs)
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
        "`python look.py surge 3` and other seeds: how much is lost with `falcon`, and with yours?",
        "Two choices are blind: the second may be full. All cores are in host.load. And a first choice that counts stages is better than a hash.",
        "Place a new stage where the fewest are; let one stage at a time leave a core above 60 percent, for one with 30 percent less.",
    ),
)
def surge(student: Student, given: dict[str, Any]) -> None:
    runs = [_model(student, "surge", seed, "falcon") for seed in given["surges"]]
    ratio = sum(one["pps"] / one["base_pps"] for one in runs) / len(runs)
    seeds = ", ".join(map(str, given["surges"]))
    expect(
        ratio >= GAIN,
        "under the surge your policy is not better than two choices",
        seen=f"{ratio:.3f} times the rate of two choices, the mean of the seeds {seeds}",
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
    runs = [_model(student, "surge", seed, "falcon") for seed in given["surges"]]
    held = sum(one["held"] for one in runs) / len(runs)
    expect(
        held <= HELD,
        "order costs too much: too many packets are held because their flow moved",
        seen=f"{held:.2f} packets held for each one delivered",
        expected=f"at most {HELD}",
    )
