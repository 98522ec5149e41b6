"""Lab 5: the checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from labs.checking import Draw, Student, check, expect, fail

FILE = "choose.py"
SPLIT, GRO_CELL, BACKLOG = 2, 3, 4  # rxpath.model.state.codes
VXLAN, VETH = 5, 7  # ifindexes of the model's chain
QUEUES = 8
COUNTS = (4, 6, 8)  # CPUs
FLOWS = 1200
FEW = 400  # flows, where many pairs of devices are tried
PAIRS = 8
APART = (1, 2, 4, 8, 16, 32)  # ifindexes: powers of two, by which a formula may repeat itself
GOLDEN = 0x61C88647


def parameters(draw: Draw) -> dict[str, Any]:
    """CPUs, flows, devices and a rate."""
    count = draw.named("count").choice(COUNTS)
    cpus = sorted(draw.named("cpus").sample(range(2, 20, 2), count))
    flows = draw.named("flows")
    return {
        "falcon_cpus": cpus,
        "app_cpu": draw.named("app").integer(20, 39),
        "flow": flows.integer(1, 2**32 - 1),
        "salt": flows.integer(1, 2**32 - 1),
        "queue": draw.named("queue").integer(0, QUEUES - 1),
        "devices": _neighbours(draw.named("devices").integer(2, 30), count),
        "pairs": [draw.named(f"pair {n}").sample(range(2, 60), 2) for n in range(PAIRS)],
        "rate": draw.named("rate").integer(85, 95) * 10_000,
    }


def _neighbours(first: int, cpus: int) -> list[int]:
    """A device, and the later one whose choices by one multiplication differ from its the least."""
    sample = list(_flows(1, 200))

    def apart(other: int) -> int:
        return sum(_once(one + first) % cpus != _once(one + other) % cpus for one in sample)

    return [first, min(range(first + 1, first + 60), key=apart)]


def _once(value: int) -> int:
    return (value % 2**32 * GOLDEN % 2**32) >> 16


def _flows(salt: int, count: int = FLOWS) -> Iterator[int]:
    """Evenly distributed 32-bit hashes, as Toeplitz makes them of random ports (SplitMix64)."""
    state = salt
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        mixed = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB % 2**64
        yield (mixed ^ mixed >> 31) >> 32


def _table(student: Student, given: dict[str, Any], packets: list[dict[str, int]]) -> list[int]:
    answer: list[int] = student.trial(
        "table", policy=FILE, cpus=given["falcon_cpus"], packets=packets
    )
    return answer


def _at(device: int, flow: int, **more: int) -> dict[str, int]:
    stage = BACKLOG if device == VETH else GRO_CELL
    return {"hash": flow, "ifindex": device, "stage": stage, **more}


@check(
    "mask",
    "Stages run on the CPUs of FALCON_CPUS, and on no others",
    points=2,
    hints=(
        "host.falcon_cpus is the list of the CPUs that you may use.",
        (
            "A remainder `n % len(host.falcon_cpus)` is a place in the list: 0, 1, 2 … The CPU's "
            "number "
            "stands at that place."
        ),
        "return host.falcon_cpus[n % len(host.falcon_cpus)], with n made of packet.hash.",
    ),
)
def mask(student: Student, given: dict[str, Any]) -> None:
    cpus, app = given["falcon_cpus"], given["app_cpu"]
    flows = [given["flow"], *list(_flows(given["salt"], 100))]
    packets = [_at(device, flow, app=app) for flow in flows for device in (VXLAN, VETH)]
    for packet, cpu in zip(packets, _table(student, given, packets), strict=True):
        if cpu in cpus:
            continue
        allowed = f"one of FALCON_CPUS, {', '.join(map(str, cpus))}"
        if cpu == 1:
            fail(
                "the packet stays on the CPU where it is: nothing is steered, as in the kernel",
                seen="CPU 1, packet.here",
                expected=allowed,
            )
        if cpu == app:
            fail(
                "the stage runs where the application runs: all stages meet there and slow it down",
                seen=f"CPU {cpu}, packet.app",
                expected=allowed,
            )
        if 0 <= cpu < len(cpus):
            fail(
                "choose() returned a place in the list of CPUs instead of the CPU's number",
                seen=f"{cpu} for the flow {packet['hash']:#010x}",
                expected=allowed,
            )
        fail("choose() returned a CPU that FALCON may not use", seen=cpu, expected=allowed)


@check(
    "driver",
    "The driver's part of the work stays where the interrupt is",
    points=1,
    after="mask",
    hints=(
        "choose() is asked for the driver's work, too: look at packet.stage.",
        "Splitting the driver's work is for TCP, and lab 7. Here it stays on packet.here.",
        "if packet.stage == SPLIT: return packet.here, before anything else.",
    ),
)
def driver(student: Student, given: dict[str, Any]) -> None:
    packets = [
        {"hash": flow, "ifindex": 2, "stage": SPLIT, "here": here, "protocol": protocol}
        for flow, here, protocol in zip(
            _flows(given["salt"], 60), (1, 3, 5) * 20, (6, 17) * 30, strict=True
        )
    ]
    for packet, cpu in zip(packets, _table(student, given, packets), strict=True):
        expect(
            cpu == packet["here"],
            "the driver's part of the work was moved: that costs an interrupt of another core for "
            "each packet, before anything is gained",
            seen=f"CPU {cpu} at the stage SPLIT",
            expected=f"CPU {packet['here']}, where the packet is",
        )


@check(
    "steady",
    "A flow has one core at a device, whatever else changes",
    points=2,
    after="mask",
    hints=(
        "Packets of one flow that are on two cores at the same device can overtake each other.",
        "The choice may depend on packet.hash and packet.ifindex. What else does yours depend on?",
        "Not on packet.number, packet.here, packet.app, host.load; not on what was chosen before.",
    ),
)
def steady(student: Student, given: dict[str, Any]) -> None:
    variants: list[tuple[str, dict[str, int]]] = [
        ("the next packet of the flow (packet.number)", {"number": 1}),
        ("the 65th packet of the flow (packet.number)", {"number": 64}),
        ("a packet that comes from CPU 3 (packet.here)", {"here": 3}),
        ("the same packet while the application is on CPU 38 (packet.app)", {"app": 38}),
        ("the same packet while all CPUs are at 95 percent (host.load)", {"load": 95}),
        ("the same packet, asked for again", {}),
    ]
    flows = [given["flow"], *list(_flows(given["salt"], 40))]
    places = [(flow, device) for flow in flows for device in (VXLAN, VETH)]
    changes: list[dict[str, int]] = [{}, *[change for _, change in variants]]
    packets = [_at(device, flow, **change) for change in changes for flow, device in places]
    found = _table(student, given, packets)
    before = found[: len(places)]
    for number, (what, _) in enumerate(variants, start=1):
        after = found[number * len(places) : (number + 1) * len(places)]
        for (flow, device), old, new in zip(places, before, after, strict=True):
            _expect_same(flow, device, old, new, what)
    there = [
        _at(device, flow, here=cpu) for (flow, device), cpu in zip(places, before, strict=True)
    ]
    for (flow, device), old, new in zip(places, before, _table(student, given, there), strict=True):
        _expect_same(flow, device, old, new, f"a packet that comes from CPU {old} (packet.here)")


def _expect_same(flow: int, device: int, old: int, new: int, what: str) -> None:
    expect(
        old == new,
        "packets of one flow were sent to two cores at the same device: they can overtake each "
        "other",
        seen=f"flow {flow:#010x}, device {device}: CPU {old}, then CPU {new} for {what}",
        expected=f"CPU {old} for all of them",
    )


@check(
    "stages",
    "The two stages of a flow are on two cores",
    points=2,
    after="mask",
    hints=(
        "Two stages on one core still wait for each other: that is the overlay's problem.",
        "The hash is made of the flow. What is different between the two stages of one flow?",
        "Add packet.ifindex before you hash: hash_32(packet.hash + packet.ifindex, 16).",
    ),
)
def stages(student: Student, given: dict[str, Any]) -> None:
    _expect_apart(student, given, (VXLAN, VETH), "too many flows have both stages on one core")


def _expect_apart(
    student: Student,
    given: dict[str, Any],
    devices: tuple[int, int],
    message: str,
    count: int = FLOWS,
) -> None:
    one, other = devices
    flows = list(_flows(given["salt"], count))
    packets = [_at(device, flow) for flow in flows for device in (one, other)]
    found = _table(student, given, packets)
    pairs = list(zip(found[::2], found[1::2], strict=True))
    apart = sum(first != second for first, second in pairs) / len(pairs)
    fair = 1 - 1 / len(given["falcon_cpus"])
    expected = f"at least {0.9 * fair:.0%}; an even hash gives {fair:.0%}"
    if apart == 0:
        fail(
            "every flow has both its stages on one core: for these two devices the choice is equal",
            seen=f"devices {one} and {other}: 0% of {len(flows)} flows have two cores",
            expected=expected,
        )
    expect(
        apart >= 0.9 * fair,
        message,
        seen=f"devices {one} and {other}: {apart:.0%} of {len(flows)} flows have two cores",
        expected=expected,
    )


@check(
    "spread",
    "Flows spread evenly over the cores, at each device",
    points=2,
    after="mask",
    hints=(
        "One core for each device is a pipeline for one flow. What do ten flows do there?",
        (
            "The choice has to depend on the flow as well as on the device, and each core has to get "
            "its share."
        ),
        "Use the remainder of a hash of packet.hash and packet.ifindex together.",
    ),
)
def spread(student: Student, given: dict[str, Any]) -> None:
    flows = list(_flows(given["salt"]))
    for device in (VXLAN, VETH):
        shares = _shares(student, given, device, flows)
        what = f"device {device}, {len(flows)} flows: {_percent(shares)}"
        if len([share for share in shares.values() if share]) == 1:
            fail(
                "all flows run on one core at a device: the choice does not depend on the flow",
                seen=what,
                expected=f"all {len(shares)} CPUs used",
            )
        fair = 1 / len(shares)
        expect(
            all(0.7 * fair <= share <= 1.3 * fair for share in shares.values()),
            "the flows are not spread evenly over the cores: the fullest core limits them all",
            seen=what,
            expected=f"about {fair:.0%} each",
        )


@check(
    "queue",
    "The flows of one RX queue spread, too",
    points=1,
    after="spread",
    hints=(
        (
            f"The NIC chose the RX queue by the lowest bits of the same hash: flows of one queue have "
            f"equal remainders by {QUEUES}."
        ),
        (
            "The lowest bits of packet.hash are used up. A multiplicative hash takes the highest bits "
            "of a product, which depend on all bits."
        ),
        "Take hash_32(…, 16) of the flow and the device before you take the remainder.",
    ),
)
def queue(student: Student, given: dict[str, Any]) -> None:
    flows = [flow // 128 * 128 + flow % 128 // QUEUES * QUEUES for flow in _flows(given["salt"])]
    flows = [flow + given["queue"] for flow in flows]
    for device in (VXLAN, VETH):
        shares = _shares(student, given, device, flows)
        fair = 1 / len(shares)
        expect(
            all(share >= 0.5 * fair for share in shares.values()),
            "the flows of one RX queue crowd on a few cores: the NIC has used these bits of the "
            "hash already",
            seen=f"RX queue {given['queue']}, device {device}: {_percent(shares)}",
            expected=f"about {fair:.0%} each",
        )


def _shares(
    student: Student, given: dict[str, Any], device: int, flows: list[int]
) -> dict[int, float]:
    counts = Counter(_table(student, given, [_at(device, flow) for flow in flows]))
    return {cpu: counts[cpu] / len(flows) for cpu in given["falcon_cpus"]}


def _percent(shares: dict[int, float]) -> str:
    return ", ".join(f"CPU {cpu} {share:.0%}" for cpu, share in shares.items())


@check(
    "rate",
    "One flow is received faster than by the overlay",
    points=2,
    after="stages",
    hints=(
        "Look at timeline.png of `python look.py`: which core is busy all the time?",
        (
            "The slowest core decides. Two stages on one core, or one with the driver, are slower than "
            "three cores."
        ),
        "When all checks before this one pass, this one does. Does one of them fail?",
    ),
)
def rate(student: Student, given: dict[str, Any]) -> None:
    flows = list(_flows(given["salt"], 50))
    found = student.trial(
        "one_flow", policy=FILE, cpus=given["falcon_cpus"], hashes=flows, rate=given["rate"]
    )
    ratio = found["pps"] / found["overlay_pps"]
    busy = ", ".join(f"CPU {cpu} {percent}%" for cpu, percent in found["busy"].items())
    expect(
        ratio >= 1.4,
        "the flow is not much faster than without steering",
        seen=f"{found['pps']:,} packets/s, {ratio:.2f} times the overlay's; busy: {busy}",
        expected="at least 1.40 times",
    )
    expect(
        found["reordered"] == 0,
        "packets of the flow overtook each other",
        seen=f"{found['reordered']} reordered",
        expected="0",
    )


@check(
    "order",
    "No flow of many is reordered",
    points=1,
    after="mask",
    hints=(
        "One flow at one device must have one core, for all of its packets.",
        "See the check `steady`.",
        (
            "The model asks choose() compiled and with real packets: a memory or a number that counts "
            "packets shows here."
        ),
    ),
)
def order(student: Student, given: dict[str, Any]) -> None:
    flows = list(_flows(given["salt"], 12))
    found = student.trial(
        "many_flows", policy=FILE, cpus=given["falcon_cpus"], hashes=flows, rate=60_000
    )
    expect(
        found["reordered"] == 0,
        "packets of a flow overtook each other in the model",
        seen=f"{found['reordered']} of {found['delivered']} packets reordered",
        expected="0",
    )


@check(
    "neighbours",
    "Two stages are on two cores for any pair of devices",
    points=1,
    after="stages",
    hints=(
        (
            "hash_32 multiplies. (hash + 9) * G is hash * G plus the constant 9 * G, for every flow: "
            "the two devices' choices differ by the same amount for all flows. When is that amount bad?"
        ),
        (
            "Mix more than once, and fold high bits into low ones in between (an exclusive or with "
            "itself, shifted), so that the difference depends on the flow."
        ),
        "mixed = hash_32(packet.hash + packet.ifindex, 32); then hash_32(mixed ^ mixed >> 15, 16).",
    ),
)
def neighbours(student: Student, given: dict[str, Any]) -> None:
    what = "too many flows have both stages on one core for another pair of devices"
    one, other = given["devices"]
    _expect_apart(student, given, (one, other), what)
    pairs = [*given["pairs"], *((one, one + step) for step in APART)]
    pairs += [_neighbours(one, number) for number in COUNTS]
    for number in COUNTS:
        host = {**given, "falcon_cpus": list(range(number))}
        for first, second in pairs:
            _expect_apart(student, host, (first, second), f"{what}, with {number} CPUs", FEW)
