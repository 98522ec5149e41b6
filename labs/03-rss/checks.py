"""What lab 3 asks for, and the checks.

The truth is `rxpath.wire.toeplitz`, the hash of this project's NIC, and the model's run;
Microsoft's vectors are facts of the page "Verifying the RSS Hash Calculation".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from ipaddress import IPv4Address
from typing import Any
from zlib import crc32

import numpy as np

from labs.checking import Draw, Student, check, expect
from rxpath.config.knobs import Knobs
from rxpath.drivers import virtual
from rxpath.host import Model
from rxpath.results import run
from rxpath.wire import toeplitz as nic

Flow = dict[str, Any]

FILE = "rss.py"
VXLAN_PORT = 4789
GAP_NS = 2500
OTHER_KEY = bytes((7 * i + 1) % 256 for i in range(40))
LONG_KEY = bytes((11 * i + 3) % 256 for i in range(52))  # as long as those of Intel's 40G cards
# Source, destination, hash of the addresses, hash of addresses and ports ("IPv4 with TCP").
MICROSOFT = (
    (("66.9.149.187", 2794), ("161.142.100.80", 1766), 0x323E8FC2, 0x51CCC178),
    (("199.92.111.2", 14230), ("65.69.140.83", 4739), 0xD718262A, 0xC626B0EA),
    (("24.19.198.95", 12898), ("12.22.207.184", 38024), 0xD2D0A5DE, 0x5C2B394A),
    (("38.27.205.30", 48228), ("209.142.163.6", 2217), 0x82989176, 0xAFC7327F),
    (("153.39.163.191", 44251), ("202.188.127.2", 1303), 0x5D1809C5, 0x10E828A2),
)


def parameters(draw: Draw) -> dict[str, Any]:
    """Flows of containers, the NIC's table, and the numbers of the small hash."""
    queues = draw.named("queues").choice([3, 5, 6, 7])
    return {
        "small_key": draw.named("small key").integer(0x8001, 0xFFFF) | 1,
        "small_input": draw.named("small input").choice([0b10010110, 0b01100101, 0b11010001]),
        "small_table": draw.named("small table").shuffle([0, 1, 2, 3, 0, 1, 2, 3]),
        "queues": queues,
        "table": _table(draw.named("table"), queues, 128),
        "irq_cpus": draw.named("irq cpus").sample([1, 3, 5, 7, 9, 11, 13, 15], 8),
        "vteps": [draw.named("vtep").ipv4("10.1.0.0/16"), draw.named("vtep 2").ipv4("10.2.0.0/16")],
        "flows": _flows(draw.named("flows")),
    }


def _table(draw: Draw, queues: int, entries: int) -> list[int]:
    """As `ethtool -X` leaves it: every queue has entries, one has more, in no order."""
    more = draw.integer(0, queues - 1)
    found = [i % queues for i in range(entries - entries // 8)] + [more] * (entries // 8)
    return list(draw.shuffle(found))


def _flows(draw: Draw, count: int = 10) -> list[Flow]:
    """Flows between two containers; two are heavy."""
    source, target = draw.ipv4("10.0.1.0/24"), draw.ipv4("10.0.2.0/24")
    port = draw.choice([80, 443, 5201, 8080])
    ports = draw.sample(range(32768, 60999), count)
    packets = [draw.integer(100, 400) for _ in range(count - 2)]
    heavy = [draw.integer(2000, 3000), draw.integer(1200, 1800)]
    return [
        {"source": source, "target": target, "ports": [one, port], "packets": amount}
        for one, amount in zip(ports, [heavy[0], *packets, heavy[1]], strict=True)
    ]


# -- the truth ---------------------------------------------------------------------------------


def _hash(data: bytes, key: bytes = nic.KEY) -> int:
    octets = np.frombuffer(data, np.uint8)
    used = key[: len(nic.KEY)]  # no window of an input of 36 bytes goes further
    return int(nic.toeplitz(_table_of(used), octets, 0, len(data), 0))


_table_of = cache(nic.key_table)


def _input(source: str, target: str, *ports: int) -> bytes:
    addresses = IPv4Address(source).packed + IPv4Address(target).packed
    return addresses + b"".join(port.to_bytes(2, "big") for port in ports)


def _of_flow(flow: Flow) -> bytes:
    return _input(flow["source"], flow["target"], *flow["ports"])


def _outer(flow: Flow, vteps: list[str]) -> bytes:
    return _input(*vteps, _entropy(flow), VXLAN_PORT)


def _entropy(flow: Flow) -> int:
    """The outer source port that vtep.py gives a flow."""
    return 49152 + crc32(_of_flow(flow)) % 16384


def _measured(given: dict[str, Any]) -> list[int]:
    """Packets of each queue, as the model's NIC gave them to the cores of the queues."""
    flows, cpus = given["flows"], given["irq_cpus"]
    names = ("queues", "irq_cpus")
    knobs = {"rss_indirection": given["table"], **{name: given[name] for name in names}}
    model = Model(Knobs.parse(knobs), slots=8192, sockets=1, flows=len(flows), records=True)
    owner = np.repeat(np.arange(len(flows)), [flow["packets"] for flow in flows])
    trace = virtual.make_trace(
        GAP_NS * np.arange(len(owner)),
        rss_hash=np.array([_hash(_of_flow(flow)) for flow in flows])[owner],
        flow=owner,
        chain=model.chain("plain"),
    )
    first = run(model, trace).stages.cpu[:, 0]
    return [int((first == cpu).sum()) for cpu in cpus[: given["queues"]]]


def _small(given: dict[str, Any], data: int) -> int:
    """The small hash, of 8 bits."""
    value = 0
    for place in range(8):
        if data & 0x80 >> place:
            value ^= given["small_key"] >> 8 - place & 0xFF
    return value


def answers(given: dict[str, Any]) -> dict[str, Any]:
    """What belongs into answers.toml."""
    value, table = _small(given, given["small_input"]), given["table"]
    first = _hash(_outer(given["flows"][0], given["vteps"]))
    return {
        "small_hash": value,
        "small_queue": given["small_table"][value & 7],
        "cores_of_first_flow": 1,
        "core_of_first_flow": given["irq_cpus"][table[first & len(table) - 1]],
        "cores_of_ten_times": 1,
    }


# -- recognising a mistake ---------------------------------------------------------------------


def _reversed_bits(data: bytes) -> bytes:
    return bytes(int(f"{octet:08b}"[::-1], 2) for octet in data)


def _never_shifted(data: bytes) -> int:
    """Each byte begins with the key's first 32 bits again."""
    value = 0
    for octet in data:
        value ^= _hash(bytes([octet]))
    return value


def _additive(data: bytes) -> int:
    """Parts of the key are added instead of XORed."""
    bits = int.from_bytes(nic.KEY, "big")
    chosen = [i for i in range(8 * len(data)) if data[i // 8] & 0x80 >> i % 8]
    return sum(bits >> 8 * len(nic.KEY) - 32 - i & 0xFFFFFFFF for i in chosen) & 0xFFFFFFFF


SHORT_INPUTS = {
    b"\x80": "only the first bit of this input is 1: its hash is the first 32 bits of the key",
    b"\x01": "only bit 7 of this input is 1: its hash is the 32 bits of the key from bit 7 on",
    b"\x00\x80": "only bit 8 of this input is 1: its hash is the 32 bits of the key from bit 8 on",
    b"\x42": "each of two bits gives its window, and both together do not give the XOR of the two",
}


HASH_MISTAKES: dict[str, Callable[[bytes], int]] = {
    (
        "each byte of the input is read from its other end: compare with the order of bits that "
        "the handout's picture shows"
    ): lambda data: _hash(_reversed_bits(data)),
    "the key is used from its last byte to its first: the NIC begins where the key begins": (
        lambda data: _hash(data, nic.KEY[::-1])
    ),
    (
        "every byte is hashed as if it were the first one: the key goes on being shifted over the "
        "whole input"
    ): _never_shifted,
    "the parts of the key are added; a NIC has no carry from bit to bit": _additive,
}


def _mistake(mistakes: dict[str, Callable[[Any], Any]], cases: list[Any], seen: list[Any]) -> str:
    """The mistake that explains all of the results, or ""."""
    for message, wrong in mistakes.items():
        if [wrong(case) for case in cases] == seen:
            return message
    return ""


# -- the checks --------------------------------------------------------------------------------


@check(
    "small",
    "The small hash by hand",
    points=2,
    hidden=False,
    hints=(
        "Write the 16 bits of small_key and the 8 bits of small_input below each other.",
        (
            "For the input's first (leftmost) bit the window is the leftmost 8 bits of the key; "
            "for each next bit it is one place further to the right."
        ),
        (
            "XOR the windows of the bits that are 1. small_table has 8 entries: the lowest 3 bits of "
            "the hash are the place in it."
        ),
    ),
)
def small(student: Student, given: dict[str, Any]) -> None:
    """Task 1."""
    found, right = student.toml("answers.toml"), answers(given)
    seen = found.get("small_hash")
    expect(type(seen) is int, "small_hash in answers.toml is not a number yet", seen=seen)
    other = _small(given, int(f"{given['small_input']:08b}"[::-1], 2))
    if other != right["small_hash"]:
        expect(seen != other, "the input's bits were taken from right to left", seen=bin(seen))
    message = "small_hash is not the Toeplitz hash of small_input"
    expect(seen == right["small_hash"], message, seen=bin(seen))
    queue, modulo = found.get("small_queue"), seen % 4
    if modulo != right["small_queue"]:
        expect(queue != modulo, "the hash modulo the number of queues is not RSS", seen=queue)
    message = "small_queue is not what small_table has for this hash"
    expect(queue == right["small_queue"], message, seen=queue)


@check(
    "toeplitz",
    "toeplitz() gives Microsoft's verification values",
    points=3,
    hints=(
        (
            "Check the first vector by hand for its first byte: 66 is 0b01000010, so only two "
            "windows of the key are XORed for it."
        ),
        (
            "int.from_bytes(key, 'big') is the whole key as one number of 320 bits. The window of bit "
            "i is its 32 bits from bit i on, counted from the left."
        ),
        (
            "window = (bits >> (8 * len(key) - 32 - i)) & 0xFFFFFFFF; bit i of the input is "
            "data[i // 8] & (0x80 >> i % 8)."
        ),
    ),
)
def toeplitz(student: Student, given: dict[str, Any]) -> None:
    """Task 2."""
    cases = [_input(a[0], b[0]) for a, b, _, _ in MICROSOFT]
    cases += [_input(a[0], b[0], a[1], b[1]) for a, b, _, _ in MICROSOFT]
    right = [two for *_, two, _ in MICROSOFT] + [four for *_, four in MICROSOFT]
    seen = [student.call(FILE, "toeplitz", nic.KEY, data, returns=int) for data in cases]
    if seen != right:
        for value in seen:
            expect(
                0 <= value < 2**32,
                "the hash has more than 32 bits: each window is 32 bits of the key",
                seen=hex(value),
            )
        at = next(i for i, value in enumerate(seen) if value != right[i])
        found = _mistake(HASH_MISTAKES, cases, seen)
        if not found:
            _short_inputs(student)
        expect(
            False,
            found or "not the hash that Microsoft publishes for these bytes",
            seen=f"0x{seen[at]:08x} of {cases[at].hex(' ')}",
            expected=f"0x{right[at]:08x}",
        )
    long = bytes(range(1, 37))
    for key, data, message in (
        (
            OTHER_KEY,
            cases[-1],
            "with another key the hash is wrong: is KEY used in place of the argument key?",
        ),
        (nic.KEY, long, "the hash of 36 bytes (IPv6) is wrong: every byte of data counts"),
        (LONG_KEY, cases[-1], "with a key of 52 bytes the hash is wrong: not every key has 40"),
    ):
        value = student.call(FILE, "toeplitz", key, data, returns=int)
        expect(
            value == _hash(data, key),
            message,
            seen=f"0x{value:08x}",
            expected=f"0x{_hash(data, key):08x}",
        )


def _short_inputs(student: Student) -> None:
    """Fail with the shortest input whose hash is wrong, if there is one of these."""
    for data, message in SHORT_INPUTS.items():
        value = student.call(FILE, "toeplitz", nic.KEY, data, returns=int)
        expect(
            value == _hash(data),
            message,
            seen=f"0x{value:08x} of {data.hex(' ')} under KEY",
            expected=f"0x{_hash(data):08x}",
        )


@check(
    "input",
    "rss_input() gives the bytes that the NIC reads",
    points=2,
    hints=(
        (
            "Compare with the frame in Wireshark: source address, destination address, source "
            "port, destination port stand next to each other in the packet."
        ),
        "In a packet, numbers are in network byte order: the most significant byte comes first.",
        "port.to_bytes(2, 'big'); and where ports is None, the addresses are all.",
    ),
)
def rss_input(student: Student, given: dict[str, Any]) -> None:
    """Task 3."""
    for (source, source_port), (target, target_port), *_ in MICROSOFT:
        ports = [source_port, target_port]
        seen = student.call(FILE, "rss_input", source, target, ports, returns=bytes)
        right = _input(source, target, *ports)
        little = right[:8] + b"".join(port.to_bytes(2, "little") for port in ports)
        expect(
            seen != little,
            "the ports are in your computer's byte order, not in the packet's",
            seen=seen.hex(" "),
        )
        expect(
            seen
            not in (
                _input(target, source, target_port, source_port),
                _input(target, source, source_port, target_port),
                _input(source, target, target_port, source_port),
            ),
            "source and destination are in the other order than in a packet",
            seen=seen.hex(" "),
        )
        expect(
            seen == right,
            "not the bytes of the packet: 4 + 4 bytes of addresses, 2 + 2 bytes of ports",
            seen=seen.hex(" "),
        )
        alone = student.call(FILE, "rss_input", source, target, returns=bytes)
        expect(
            alone == right[:8],
            "without ports the NIC hashes the two addresses and nothing else",
            seen=alone,
        )


QUEUE_MISTAKES: dict[str, Callable[[Any], Any]] = {
    (
        "the queue is the hash modulo the number of queues: where is the indirection table? The "
        "administrator changes it with ethtool -X"
    ): lambda case: case[0] % (max(case[1]) + 1),
    "every table is taken for one of 128 entries; NICs have longer and shorter ones": (
        lambda case: case[1][(case[0] & 127) % len(case[1])]
    ),
    "the high bits of the hash are used": (lambda case: case[1][(case[0] * len(case[1])) >> 32]),
    "the mask is one too large, so the place is 0 or the end of the table": (
        lambda case: case[1][(case[0] & len(case[1])) % len(case[1])]
    ),
    "this is the place in the table, and not what the table has there": (
        lambda case: case[0] & len(case[1]) - 1
    ),
}


@check(
    "queue",
    "queue_of() looks into the indirection table",
    points=2,
    hints=(
        "The handout's first picture: the hash does not name a queue, but a place in a table.",
        "A table of 128 entries has the places 0 to 127: seven bits of the hash, the lowest ones.",
        "The mask of the low bits of n = len(table) is n - 1; the answer is table[hash & mask].",
    ),
)
def queue(student: Student, given: dict[str, Any]) -> None:
    """Task 4."""
    hashes = [_hash(_of_flow(flow)) for flow in given["flows"]]
    for table in (given["table"], _table(Draw("512"), 7, 512), _table(Draw("64"), 5, 64)):
        _check_queues(student, table, hashes)


def _check_queues(student: Student, table: list[int], hashes: list[int]) -> None:
    cases = [(value, table) for value in hashes]
    seen = [student.call(FILE, "queue_of", value, table, returns=int) for value, table in cases]
    right = [table[value & len(table) - 1] for value, table in cases]
    if seen != right:
        at = next(i for i, value in enumerate(seen) if value != right[i])
        value, table = cases[at]
        expect(
            False,
            _mistake(QUEUE_MISTAKES, cases, seen) or "this is not the queue of this hash",
            seen=f"queue {seen[at]} for 0x{value:08x} and a table of {len(table)} entries",
        )


@check(
    "packets",
    "packets_by_queue() agrees with the model's NIC",
    points=2,
    after="queue",
    hints=(
        "python measure.py shows which core ran the softirqs of each flow.",
        "All packets of a flow have the same hash, so all of them go to one queue.",
        "Begin with [0] * queues, and add flow['packets'] in the place queue_of(...).",
    ),
)
def packets(student: Student, given: dict[str, Any]) -> None:
    """Task 5."""
    flows, queues = given["flows"], given["queues"]
    seen = student.call(
        FILE, "packets_by_queue", flows, nic.KEY, given["table"], queues, returns=list
    )
    right, counts = _measured(given), [0] * queues
    for flow in flows:
        counts[given["table"][_hash(_of_flow(flow)) & 127]] += 1
    total = sum(right)
    expect(
        seen != counts,
        "these are flows, not packets: RSS spreads flows, and the cores work for packets",
        seen=seen,
        expected=f"{total} packets in all",
    )
    even = [round(total / queues)] * queues
    are_counts = len(seen) == queues and all(type(count) is int for count in seen)
    expect(are_counts, f"expected {queues} integers, one for each queue", seen=seen)
    is_even = all(abs(a - b) <= len(flows) for a, b in zip(seen, even, strict=True))
    expect(
        not is_even,
        "the packets are spread evenly, as if RSS could divide a flow among queues",
        seen=seen,
    )
    if seen != right:
        _parts_are_right(student, "packets_by_queue()")
    expect(
        seen == right,
        "the model's NIC gave the queues other numbers of packets",
        seen=seen,
        expected=f"{total} packets in all, {max(right)} in the fullest queue",
    )
    # Another key, and one queue more, which the table does not name.
    seen = student.call(
        FILE, "packets_by_queue", flows, OTHER_KEY, given["table"], queues + 1, returns=list
    )
    expect(
        len(seen) == queues + 1,
        "a queue that the table never names gets 0 packets, and has its place in the list",
        seen=f"{len(seen)} numbers",
        expected=f"{queues + 1}: the argument queues",
    )
    right = [0] * (queues + 1)
    for flow in flows:
        right[_place(_hash(_of_flow(flow), OTHER_KEY), given["table"])] += flow["packets"]
    expect(seen == right, OTHER_KEY_MESSAGE, seen=seen)


OTHER_KEY_MESSAGE = "with another key the queues are wrong: is KEY used in place of the argument?"


def _place(value: int, table: list[int]) -> int:
    """The queue of a hash."""
    return table[value & len(table) - 1]


def _parts_are_right(student: Student, built: str) -> None:
    """Fail if what a function is built on is not right, so that it is not blamed itself."""
    (source, source_port), (target, target_port), _, right = MICROSOFT[0]
    data = _input(source, target, source_port, target_port)
    made = student.call(FILE, "rss_input", source, target, [source_port, target_port])
    expect(made == data, f"{built} is built on rss_input(), which is not right yet")
    value = student.call(FILE, "toeplitz", nic.KEY, data)
    expect(value == right, f"{built} is built on toeplitz(), which is not right yet")


@check(
    "one-core",
    "How many cores one flow has",
    points=2,
    hidden=False,
    hints=(
        "Run python measure.py vxlan and read the line of the first flow.",
        "A queue interrupts one core, irq_cpus[queue]; the softirqs run where the interrupt came.",
        "More packets of the same flow have the same addresses and ports, so the same hash.",
    ),
)
def one_core(student: Student, given: dict[str, Any]) -> None:
    """Task 6, by hand."""
    found, right = student.toml("answers.toml"), answers(given)
    messages = {
        "cores_of_first_flow": (
            "measure.py vxlan shows another number of cores for the first flow's softirqs"
        ),
        "core_of_first_flow": "this is not the core that the first flow's queue interrupts",
        "cores_of_ten_times": (
            "RSS does not look at how many packets there are: what changes in what it hashes?"
        ),
    }
    for name in messages:
        seen = found.get(name)
        expect(type(seen) is int, f"{name} in answers.toml is not a number yet", seen=seen)
    core, table, cpus = found["core_of_first_flow"], given["table"], given["irq_cpus"]
    first = given["flows"][0]
    in_tunnel = _place(_hash(_outer(first, given["vteps"])), table)
    outside = cpus[_place(_hash(_of_flow(first)), table)]
    for name, message in messages.items():
        if name == "core_of_first_flow" and core != right[name]:
            expect(
                core != in_tunnel or core in cpus,
                "this is the number of the queue; irq_cpus says which core it interrupts",
                seen=core,
            )
            expect(
                core != outside,
                "this is the flow's core without the tunnel: measure.py vxlan shows it in VXLAN",
                seen=core,
            )
        expect(found[name] == right[name], message, seen=found[name])


@check(
    "vxlan",
    "vxlan_queue() hashes what the NIC sees",
    points=2,
    after="queue",
    hints=(
        (
            "Which addresses stand at the front of the frame that arrives, the containers' or the "
            "VTEPs'?"
        ),
        "The outer ports are the entropy port (source) and VXLAN's port (destination).",
        "rss_input(vteps[0], vteps[1], [entropy_port(inner), VXLAN_PORT]), then as before.",
    ),
)
def vxlan(student: Student, given: dict[str, Any]) -> None:
    """Task 6."""
    flows, table, vteps = given["flows"], given["table"], given["vteps"]
    seen = [
        student.call(FILE, "vxlan_queue", flow, vteps, nic.KEY, table, returns=int)
        for flow in flows
    ]
    mistakes: dict[str, Callable[[Any], Any]] = {
        "the inner headers are hashed: the NIC sees a packet between two VTEPs": _of_flow,
        "the containers' ports are hashed with the VTEPs' addresses": (
            lambda flow: _input(*vteps, *flow["ports"])
        ),
        "the VTEPs are swapped: the packet comes from the first one, vteps[0]": (
            lambda flow: _input(*vteps[::-1], _entropy(flow), VXLAN_PORT)
        ),
        "the outer ports are swapped: 4789 is the destination port": (
            lambda flow: _input(*vteps, VXLAN_PORT, _entropy(flow))
        ),
        "the container's source port stands where the sending VTEP puts its entropy port": (
            lambda flow: _input(*vteps, flow["ports"][0], VXLAN_PORT)
        ),
    }
    queues = {text: _queue_after(data, table) for text, data in mistakes.items()}
    right = [table[_hash(_outer(flow, vteps)) & len(table) - 1] for flow in flows]
    found = "" if seen == right else _mistake(queues, flows, seen)
    if seen != right:
        _parts_are_right(student, "vxlan_queue()")
    expect(
        len(set(map(str, seen))) > 1,
        "all flows between the two hosts get one queue: what do two of their packets differ in?",
        seen=seen,
    )
    expect(
        seen == right,
        found or "not the queues of these flows' VXLAN packets",
        seen=seen,
    )
    seen = [
        student.call(FILE, "vxlan_queue", flow, vteps, OTHER_KEY, table, returns=int)
        for flow in flows
    ]
    right = [_place(_hash(_outer(flow, vteps), OTHER_KEY), table) for flow in flows]
    expect(seen == right, OTHER_KEY_MESSAGE, seen=seen)


def _queue_after(data: Callable[[Flow], bytes], table: list[int]) -> Callable[[Any], Any]:
    return lambda flow: table[_hash(data(flow)) & len(table) - 1]


@check(
    "symmetric",
    "With symmetric_key() a packet and its answer have one hash",
    points=2,
    hints=(
        (
            "Swap the addresses: a bit of the source moves by 32 places. What must hold for the "
            "windows of the key at two places that are 32 apart? And for the ports?"
        ),
        (
            "The ports are 16 bits each: a bit of a port moves by 16 places. The period must suit "
            "both, 16 and 32."
        ),
        "Two bytes, repeated 20 times; Woo and Park use 0x6d5a. Not all bits may be equal.",
    ),
)
def symmetric(student: Student, given: dict[str, Any]) -> None:
    """Task 7."""
    key = student.call(FILE, "symmetric_key", returns=bytes)
    expect(len(key) == 40, "an RSS key has 40 bytes", seen=len(key))
    flows = given["flows"]
    pairs = [
        (_hash(_of_flow(f), key), _hash(_input(f["target"], f["source"], *f["ports"][::-1]), key))
        for f in flows
    ]
    if all(there == back for there, back in pairs):
        many = _flows(Draw("symmetric"), 400)
        spread = len({_hash(_of_flow(flow), key) for flow in many})
        expect(
            spread > len(many) * 3 // 4,  # a key that repeats every byte has 256 hashes at most
            "all flows have the same few hashes now: symmetric, but nothing is spread any more",
            seen=f"{spread} hashes of {len(many)} flows",
        )
        return
    addresses = all(
        _hash(_input(f["source"], f["target"]), key) == _hash(_input(f["target"], f["source"]), key)
        for f in flows
    )
    expect(
        not addresses,
        "symmetric in the addresses, but not in the ports: a port has not as many bits",
        seen=[f"0x{there:08x} and 0x{back:08x}" for there, back in pairs[:2]],
    )
    expect(
        False,
        "a packet and its answer have two hashes with this key",
        seen=[f"0x{there:08x} and 0x{back:08x}" for there, back in pairs[:2]],
    )


@check(
    "sharing",
    "The chance that two flows share a queue",
    points=2,
    hints=(
        "It is the birthday problem: 365 days, 23 people, more than one half.",
        (
            "Compute the chance that no two share: the first flow may have any queue, the second "
            "one of queues - 1, and so on; multiply."
        ),
        "1 - (q/q) * ((q-1)/q) * ((q-2)/q) * ..., a factor for each flow.",
    ),
)
def sharing(student: Student, given: dict[str, Any]) -> None:
    """Task 8."""
    cases = [(2, 8), (3, 8), (4, 2), (4, 8), (8, 8), (23, 365), (9, 8), (1, 8)]
    cases.append((4, given["queues"] + 8))
    seen = [student.call(FILE, "chance_of_sharing", *case, returns=(int, float)) for case in cases]
    for (flows, queues), value in zip(cases, seen, strict=True):
        alone, pairs = 1.0, flows * (flows - 1) / 2 / queues
        for already in range(flows):
            alone *= max(0, queues - already) / queues
        if abs(value - (1 - alone)) < 1e-9:
            continue
        what = f"{flows} flows and {queues} queues: {value:.4f}"
        expect(
            not _is_one_of(value, alone),
            "this is the chance that no two flows share a queue",
            seen=what,
        )
        expect(
            not _is_one_of(value, pairs, min(1.0, pairs)),
            "this counts pairs of flows and takes their number for a probability",
            seen=what,
        )
        expect(
            not _is_one_of(value, flows / queues, (flows - 1) / queues, flows > queues),
            "fewer flows than queues does not mean that each flow has a queue of its own",
            seen=what,
        )
        expect(
            not _is_one_of(value, 100 * (1 - alone)),
            "a probability is a number from 0 to 1; this is in percent",
            seen=what,
        )
        expect(False, "not the chance that two or more flows share a queue", seen=what)


def _is_one_of(value: float, *others: float) -> bool:
    return any(abs(value - other) < 1e-9 for other in others)
