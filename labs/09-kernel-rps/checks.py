"""The checks of lab 9: texts in the kernel's form, recorded runs, and the real overlay as root."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from labs.checking import Draw, Student, check, expect, fail

FILE = "kernel_rps.py"
STAGES = ("l9nic", "l9vxlan", "l9eth")
RECORDINGS = Path(__file__).parent / "student/recordings"
OVERLAY = Path(__file__).parent / "student/overlay.py"
COUNTERS = {"processed": 0, "dropped": 1, "time_squeeze": 2, "received_rps": 9}
Table = dict[int, list[int]]  # the columns of softnet_stat by CPU


def parameters(draw: Draw) -> dict[str, Any]:
    """The student's recording, a computer with many CPUs, and what its kernel counted."""
    cpus = sorted(draw.sample(range(96), draw.integer(11, 23)))
    return {
        "recording": draw.integer(1, 8),
        "cpus": cpus,
        "irq_cpu": draw.choice(cpus),
        "before": [[draw.integer(2**31, 2**32 - 1) for _ in COUNTERS] for _ in cpus],
        "more": [[draw.integer(1, 2**31) for _ in COUNTERS] for _ in cpus],
        "steps": [draw.sample(cpus, 3) for _ in range(40)],
    }


def answers(given: dict[str, Any]) -> dict[str, Any]:
    """The right answers.toml."""
    folder = RECORDINGS / str(given["recording"])
    before, after = (recorded(folder / f"softnet-{when}.txt") for when in ("before", "after"))
    ran = ran_of((folder / "trace.txt").read_text())
    most = [max(ran[device], key=ran[device].__getitem__) for device in STAGES]

    def total(column: int) -> int:
        return sum((after[cpu][column] - before[cpu][column]) % 2**32 for cpu in after)

    return {
        "woken": total(COUNTERS["received_rps"]),
        "vxlan_cpu": most[1],
        "dropped": total(COUNTERS["dropped"]),
        "pipelined": most[0] != most[1] != most[2],
    }


def recorded(path: Path) -> Table:
    """A recorded softnet_stat."""
    rows = [[int(word, 16) for word in line.split()] for line in path.read_text().splitlines()]
    return {row[12]: row for row in rows}


def ran_of(trace: str) -> dict[str, dict[int, int]]:
    """The stages of a recorded trace: packets by CPU, by device."""
    ran: dict[str, dict[int, int]] = {device: {} for device in STAGES}
    for line in trace.splitlines():
        words = line.split(" netif_receive_skb: dev=")
        if len(words) == 2 and (device := words[1].split()[0]) in STAGES:
            cpu = int(line[line.index("[") + 1 : line.index("]")])
            ran[device][cpu] = ran[device].get(cpu, 0) + 1
    return ran


def mask(cpus: Sequence[int]) -> str:
    """CPUs in the form of sysfs."""
    digits = f"{sum(1 << cpu for cpu in cpus):x}"
    digits = digits.zfill(-(-len(digits) // 8) * 8)
    return ",".join(digits[at : at + 8] for at in range(0, len(digits), 8)).lstrip("0,") or "0"


def padded(text: str) -> str:
    """A mask as sysfs shows it on a computer with up to 128 CPUs."""
    words = [word.zfill(8) for word in text.split(",")]
    return ",".join(["00000000"] * (4 - len(words)) + words) + "\n"


def bits(text: object) -> int:
    """A mask as a number, or a failure that says why the kernel would refuse it."""
    if not isinstance(text, str):
        fail("a mask is a string of hexadecimal digits", seen=text, expected="for example '2a'")
    if text.strip().lower().startswith("0x"):
        fail(
            "a mask has no 0x in front: the kernel refuses the letter x",
            seen=text,
            expected="for example '2a'",
        )
    words = text.strip().split(",")
    if any(len(word) > 8 for word in words):
        fail(
            "a word of more than 8 digits: the kernel takes words of 32 bits, with commas",
            seen=text,
            expected="a comma after every 8 digits from the right",
        )
    if any(len(word) < 8 for word in words[1:]):
        fail(
            "a word behind a comma has to be complete: 8 digits, zeros included",
            seen=text,
            expected="for example '1,00000000' for CPU 32",
        )
    try:
        return int("".join(words), 16)
    except ValueError:
        fail("the mask is not a hexadecimal number", seen=text, expected="for example '2a'")


def softnet_text(counters: Table, columns: int) -> str:
    """/proc/net/softnet_stat as a kernel with so many columns writes it."""
    lines = []
    for cpu, values in counters.items():
        row = [0] * 15
        for column, value in zip(COUNTERS.values(), values, strict=True):
            row[column] = value
        row[12] = cpu
        lines.append(" ".join(f"{value:08x}" for value in row[:columns]) + "\n")
    return "".join(lines)


def tables(given: dict[str, Any]) -> tuple[Table, Table]:
    """The counters before and after, without and with wrapping at 32 bits."""
    before = dict(zip(given["cpus"], given["before"], strict=True))
    after = {
        cpu: [(value + more) % 2**32 for value, more in zip(before[cpu], many, strict=True)]
        for cpu, many in zip(given["cpus"], given["more"], strict=True)
    }
    return before, after


def named(values: list[int]) -> dict[str, int]:
    """Counters by name."""
    return dict(zip(COUNTERS, values, strict=True))


@check(
    "mask",
    "CPUs as a mask that sysfs takes",
    points=2,
    hints=(
        "CPU n is bit n. CPU 3 alone is binary 1000, so hexadecimal 8, not 3.",
        "f'{number:x}' prints hexadecimal; f'{number:08x}' keeps zeros in front, up to 8 digits.",
        "Cut the number into words: number & 0xffffffff is the last one, number >> 32 the rest.",
    ),
)
def masks_written(student: Student, given: dict[str, Any]) -> None:
    """mask_of() for few and many CPUs."""
    for cpus in ([3], [0, 1, 2, 3], [], [31], given["cpus"][:3], [32], [64], given["cpus"]):
        seen = student.call(FILE, "mask_of", cpus)
        if bits(seen) != sum(1 << cpu for cpu in cpus):
            message = f"mask_of({cpus}) names other CPUs"
            if len(cpus) == 1 and seen == str(cpus[0]):
                message = "that is the CPU's number; the file takes a mask with a bit for each CPU"
            elif seen == ",".join(str(cpu) for cpu in cpus):
                message = "that is a list of CPUs; the file takes a mask with one bit for each CPU"
            elif seen.isdigit() and int(seen) == sum(1 << cpu for cpu in cpus):
                message = "the mask is right but decimal: the kernel reads hexadecimal"
            fail(message, seen=f"{seen}: CPUs {members(bits(seen))}", expected=f"CPUs {cpus}")


@check(
    "cpus",
    "A mask as the CPUs that it names",
    points=1,
    hints=(
        "A file may show several words: '00000001,00000000' is CPU 32.",
        "Without its commas a mask is one long hexadecimal number.",
    ),
)
def masks_read(student: Student, given: dict[str, Any]) -> None:
    """cpus_of() of what sysfs shows."""
    for cpus in ([0], [3, 5], [], [32], given["cpus"]):
        for text in (mask(cpus), mask(cpus) + "\n", padded(mask(cpus))):
            seen = student.call(FILE, "cpus_of", text)
            expect(seen == cpus, f"cpus_of({text!r}) names other CPUs", seen=seen, expected=cpus)


@check(
    "softnet",
    "Counters of each CPU from /proc/net/softnet_stat",
    points=2,
    hints=(
        "net-procfs.c prints each column with %08x.",
        "A CPU that is offline has no line: the third line need not be CPU 2.",
        "Column 12, counted from 0, is the CPU; where there are fewer columns, count lines.",
    ),
)
def counters_read(student: Student, given: dict[str, Any]) -> None:
    """softnet() of a new kernel with CPUs offline, and of old ones."""
    before, _ = tables(given)
    seen = student.call(FILE, "softnet", softnet_text(before, 15))
    compare_counters(seen, {cpu: named(values) for cpu, values in before.items()}, before)
    for columns in (10, 11):
        first = dict(enumerate(list(before.values())[:4]))
        seen = student.call(FILE, "softnet", softnet_text(first, columns))
        wanted = {cpu: named(values) for cpu, values in first.items()}
        expect(
            seen == wanted,
            f"a kernel before 5.10 has {columns} columns and does not name the CPU",
            seen=seen,
            expected=wanted,
        )


def compare_counters(seen: object, wanted: dict[int, dict[str, int]], before: Table) -> None:
    """Fail with what is most likely behind other counters than those wanted."""
    if not isinstance(seen, dict):
        fail("softnet() returns {cpu: {counter: value}}", seen=seen, expected=wanted)
    if list(seen) == list(range(len(before))) and list(seen) != list(before):
        fail(
            "the line's number is not the CPU: CPUs that are offline have no line",
            seen=f"CPUs {list(seen)}",
            expected=f"CPUs {list(before)}",
        )
    for cpu, values in wanted.items():
        expect(cpu in seen, f"CPU {cpu} is missing", seen=list(seen), expected=list(wanted))
        for name, value in values.items():
            expect(
                seen[cpu].get(name) == value,
                f"{name} of CPU {cpu} is another number",
                seen=seen[cpu].get(name),
                expected=value,
            )


@check(
    "increase",
    "What the counters went up by",
    points=1,
    after="softnet",
    hints=(
        "The kernel prints unsigned numbers of 32 bits: behind ffffffff comes 00000000.",
        "(after - before) % 2**32 is right with and without a new beginning.",
    ),
)
def counters_subtracted(student: Student, given: dict[str, Any]) -> None:
    """increase() over a wrap, and of a CPU that came online."""
    before, after = tables(given)
    online = given["cpus"][1:]
    seen = student.call(
        FILE,
        "increase",
        {cpu: named(before[cpu]) for cpu in online},
        {cpu: named(values) for cpu, values in after.items()},
    )
    wanted = {cpu: named(many) for cpu, many in zip(given["cpus"], given["more"], strict=True)}
    wanted[given["cpus"][0]] = named(after[given["cpus"][0]])
    for cpu, values in wanted.items():
        got = seen.get(cpu) if isinstance(seen, dict) else None
        if got is None:
            what = f"CPU {cpu} is missing: it came online between the two readings"
            fail(what, seen=seen, expected=values)
        expect(
            min(got.values()) >= 0,
            "a counter went down: it has 32 bits and started again at 0",
            seen=f"CPU {cpu}: {got}",
            expected=values,
        )
        expect(got == values, f"another increase of CPU {cpu}", seen=got, expected=values)


def event(task: str, number: int, cpu: int, what: str) -> str:
    """A line of a trace, as the kernel writes it."""
    return f"{task:>16}-{number:<7} [{cpu:03}] ..s.. {what} skbaddr=000000004e0e588d len=86\n"


@check(
    "stages",
    "Where each stage ran, from the trace",
    points=2,
    hints=(
        "The CPU stands in square brackets, behind the task's name, which may contain spaces.",
        "netif_rx says who queued a packet; netif_receive_skb says who processed it.",
        "Other devices than the three of STAGES do not count: l9eth0 is not l9eth.",
    ),
)
def trace_counted(student: Student, given: dict[str, Any]) -> None:
    """stages() of a trace made of the kernel's lines."""
    wanted: dict[str, dict[int, int]] = {device: {} for device in STAGES}
    lines = ["# tracer: nop\n", "#\n"]
    for number, cpus in enumerate(given["steps"]):
        queued = given["irq_cpu"]
        for device, cpu in zip(STAGES, cpus, strict=True):
            at = f"{47553 + number}.{number:06}"
            lines.append(event("python3", number, queued, f"{at}: netif_rx: dev={device}"))
            task = ("<idle>", "Web Content")[number % 2]
            lines.append(event(task, 0, cpu, f"{at}: netif_receive_skb: dev={device}"))
            wanted[device][cpu] = wanted[device].get(cpu, 0) + 1
            queued = cpu
        others = ("eth0", f"{STAGES[number % 3]}0")
        lines += [event("<idle>", 0, 0, f"{at}: netif_receive_skb: dev={one}") for one in others]
    seen = student.call(FILE, "stages", "".join(lines))
    if not isinstance(seen, dict):
        fail("stages() returns {device: {cpu: packets}}", seen=seen, expected=wanted)
    expect(
        set(seen) == set(STAGES),
        "exactly the three devices of the stages are counted",
        seen=sorted(map(str, seen)),
        expected=sorted(STAGES),
    )
    packets = {str(device): sum(cpus.values()) for device, cpus in seen.items()}
    count = len(given["steps"])
    expect(
        not all(count < one < 2 * count for one in packets.values()),
        "packets of other devices are counted, whose names only begin like those of the stages",
        seen=packets,
        expected=f"{count} of each",
    )
    total = sum(packets.values())
    expect(
        total >= count * len(STAGES),
        "packets are missing: a task's name may contain spaces, so count no words from the left",
        seen=packets,
        expected=f"{count} of each",
    )
    expect(
        total != 2 * len(given["steps"]) * len(STAGES),
        "each packet is counted twice: netif_rx is where it was queued, not where its stage ran",
        seen=f"{total} packets",
        expected=f"{len(given['steps']) * len(STAGES)} packets",
    )
    expect(
        seen["l9nic"] != {given["irq_cpu"]: len(given["steps"])},
        "that is where packets were queued (netif_rx), before RPS had its effect",
        seen=seen["l9nic"],
        expected=wanted["l9nic"],
    )
    for device in STAGES:
        what = f"{device}'s stage ran on other CPUs"
        expect(seen[device] == wanted[device], what, seen=seen[device], expected=wanted[device])
    first = [line for line in lines if "dev=l9nic " in line]
    seen = student.call(FILE, "stages", "".join(first))
    expect(
        seen == {"l9nic": wanted["l9nic"]},
        "a device that the trace does not show has no entry",
        seen=seen,
        expected={"l9nic": wanted["l9nic"]},
    )
    for number in range(1, 9):
        trace = (RECORDINGS / str(number) / "trace.txt").read_text()
        seen = student.call(FILE, "stages", trace)
        wanted = ran_of(trace)
        expect(seen == wanted, f"another count in recording {number}", seen=seen, expected=wanted)


@check(
    "pipelined",
    "Is it a pipeline?",
    points=1,
    hints=(
        "A few packets on another CPU (ARP, say) make no pipeline: look at the CPU of most.",
        "With two CPUs stage 1 and stage 3 may share one: only neighbours have to differ.",
    ),
)
def pipeline_recognised(student: Student, given: dict[str, Any]) -> None:
    """pipelined() of the kinds of runs that there are."""
    one, two, three = given["cpus"][:3]
    few = [{one: 900, three: 2}, {one: 898, two: 2}, {two: 900}]
    cases = (
        ("all stages on one CPU", [{one: 900}, {one: 900}, {one: 900}], False),
        ("each stage on a CPU of its own", [{one: 900}, {two: 900}, {three: 900}], True),
        ("stages 1 and 3 share a CPU, neighbours none", [{one: 900}, {two: 900}, {one: 900}], True),
        ("two packets of 900 went elsewhere", few, False),
        (
            "neighbours differ, and two packets of 900 of each went to one more CPU",
            [{one: 898, three: 2}, {two: 898, three: 2}, {one: 900}],
            True,
        ),
        ("the first two share a CPU", [{one: 900}, {one: 900}, {two: 900}], False),
        ("the last two share a CPU", [{one: 900}, {two: 900}, {two: 900}], False),
    )
    for what, ran, wanted in cases:
        seen = student.call(FILE, "pipelined", dict(zip(STAGES, ran, strict=True)))
        expect(seen is wanted, f"{what}: is that a pipeline?", seen=seen, expected=wanted)
    mixed = {"l9nic": {one: 900}, "l9eth": {one: 900}, "l9vxlan": {two: 900}}
    expect(
        student.call(FILE, "pipelined", mixed) is True,
        "neighbours are those of STAGES, in whatever order the trace shows the devices",
        seen=f"{mixed}: not a pipeline",
        expected="l9nic and l9vxlan differ, and l9vxlan and l9eth: True",
    )


@check(
    "choose",
    "Masks that make a pipeline",
    points=3,
    after="mask",
    hints=(
        "VXLAN keeps the flow's hash: the same mask at each device means the same CPU at each.",
        "Take the interrupts' CPU out, and deal the others in turn: others[0::3], others[1::3], …",
        "With fewer than three others give each device one CPU, in turn, the interrupts' last.",
    ),
)
def masks_chosen(student: Student, given: dict[str, Any]) -> None:
    """choose_masks() on large and on small computers."""
    large = (given["cpus"], given["irq_cpu"])
    middle = (given["cpus"][:5], given["cpus"][2])
    for cpus, irq in (large, middle, ([0, 1, 2, 3], 0)):
        seen = chosen(student, cpus, irq)
        expect(
            len(set(seen.values())) > 1,
            "the same mask everywhere: the flow has one hash, so RPS picks one CPU for all",
            seen={device: mask(members(value)) for device, value in seen.items()},
            expected="a set of CPUs of its own for each device",
        )
        for place, device in enumerate(STAGES):
            expect(
                not seen[device] >> irq & 1,
                f"{device}'s stage may run on CPU {irq}, which has the interrupts",
                seen=members(seen[device]),
                expected=f"without CPU {irq}",
            )
            for other in STAGES[:place]:
                both = members(seen[device] & seen[other])
                expect(not both, f"{other} and {device} share CPUs", seen=both, expected="none")
        used = seen["l9nic"] | seen["l9vxlan"] | seen["l9eth"]
        unused = [cpu for cpu in cpus if cpu != irq and not used >> cpu & 1]
        expect(not unused, "CPUs are left without work", seen=unused, expected="none")
        sizes = [value.bit_count() for value in seen.values()]
        expect(
            max(sizes) - min(sizes) <= 1,
            "one stage has many more CPUs than another",
            seen=dict(zip(seen, sizes, strict=True)),
            expected="sizes that differ by one at most",
        )
    for cpus, irq in (([0, 1], 0), ([4, 9], 9), ([0, 1, 2], 1)):
        seen = chosen(student, cpus, irq)
        for one, two in pairwise(STAGES):
            both = members(seen[one] & seen[two])
            expect(
                not both,
                f"with {len(cpus)} CPUs {one} and {two} share one, although they need not",
                seen=both,
                expected="none",
            )


def chosen(student: Student, cpus: list[int], irq: int) -> dict[str, int]:
    """The student's masks as numbers, all of them of CPUs that are there."""
    seen = student.call(FILE, "choose_masks", cpus, irq)
    if not isinstance(seen, dict) or set(seen) != set(STAGES):
        fail("not a mask for each device of STAGES", seen=seen, expected=list(STAGES))
    masks = {device: bits(seen[device]) for device in STAGES}
    for device, value in masks.items():
        expect(value, f"{device} has the mask 0: RPS is off there", seen=seen[device])
        strange = [cpu for cpu in members(value) if cpu not in cpus]
        what = f"{device}'s mask has CPUs that are not online"
        expect(not strange, what, seen=strange, expected=cpus)
    return masks


def members(value: int) -> list[int]:
    """The CPUs of a mask that is a number."""
    return [cpu for cpu in range(value.bit_length()) if value >> cpu & 1]


@check(
    "recording",
    "What happened in your recording",
    points=2,
    hidden=False,
    hints=(
        "python kernel_rps.py report recordings/N prints all that is asked for.",
        "woken is the sum of received_rps over all CPUs. It is not a number of packets: one waking "
        "may bring many.",
    ),
)
def recording_read(student: Student, given: dict[str, Any]) -> None:
    """answers.toml."""
    given_answers, right = student.toml("answers.toml"), answers(given)
    for name, value in right.items():
        seen = given_answers.get(name)
        if seen is None or seen == -1 or seen == "?":
            fail(f"{name} is not answered yet", seen=seen)
        expect(
            not isinstance(seen, str),
            f"{name} is text, because it stands in quotes",
            seen=f'"{seen}"',
            expected="true or false" if isinstance(value, bool) else "a number",
        )
        expect(
            type(seen) is type(value) and seen == value,
            f"{name} of recording {given['recording']} is something else",
            seen=seen,
            expected="what your own functions say of it",
        )


@check(
    "live",
    "The real overlay runs as a pipeline",
    points=0,
    hidden=False,
    after="choose",
    needs=("root",),
    hints=("sudo python3 overlay.py up; run one flow without masks and one with them; compare.",),
)
def steered(student: Student, given: dict[str, Any]) -> None:  # nothing is drawn here
    """The student's masks on the real overlay of this computer."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        fail("a pipeline needs two CPUs", seen=f"{len(cpus)} CPU", expected="2 CPUs or more")
    asked = chosen(student, cpus, cpus[0])
    masks = {device: mask(members(value)) for device, value in asked.items()}
    with tempfile.TemporaryDirectory() as folder:
        overlay("up")
        try:
            for device, text in masks.items():
                overlay("rps", device, text)
            overlay("run", folder, "--frames", "200", "--cpu", str(cpus[0]))
            trace = (Path(folder) / "trace.txt").read_text()
            flow = json.loads((Path(folder) / "udp.json").read_text())
        finally:
            overlay("down")
    ran = ran_of(trace)
    for device in STAGES:
        most = max(ran[device], key=ran[device].__getitem__)
        allowed = members(bits(masks[device]))
        expect(most in allowed, f"{device}'s stage ran elsewhere", seen=most, expected=allowed)
    expect(
        flow["reordered"] == 0, "packets overtook each other", seen=flow, expected="none reordered"
    )


def overlay(*words: str) -> None:
    """Run overlay.py; its error is the check's."""
    done = subprocess.run(
        [sys.executable, str(OVERLAY), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        fail(
            "the overlay could not be used",
            seen=done.stderr.strip(),
            expected="see the handout, task 5",
        )
