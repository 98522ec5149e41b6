"""Numbers of flows: each has one of its own while there are fewer flows than numbers.

A flow is what goes from one address and port to another, by one protocol, to one container of one
tenant; frames without IP are told apart by their MAC addresses.  All of that is compared, so no
two flows share a number.  Numbers are given in the order in which flows are first seen, from 0 on.

When all are in use, a new flow gets the number of the flow that has had no frame in the host for
the longest time, and what was known of that one is forgotten: should it come again, it begins anew.
A flow with frames in the host keeps its number, so that these are never counted as another's.
There are more numbers than frame buffers (`count_for`): some flow always has none in the host.

Rows are found through buckets (chained hashing).  The hash is multilinear with random keys
[Lemire and Kaser, "Strongly universal string hashing is fast", 2014]: a sender that does not know
them cannot put its flows into one bucket.  Which number a flow gets does not depend on it.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rxpath.compile.groups import Group, table
from rxpath.compile.jit import entry, inner
from rxpath.compile.tables import Row, part, word, words
from rxpath.wire.frames import MAC_LEN, Parsed, be16, be32

LEAST = 1 << 14
NONE = -1
_KEYS = 12  # of the hash: one for each 32 bits of a flow's description, and one more
_MASK = (1 << 63) - 1
_HASH_BITS = 32


class NumberedFlow(Row):
    """A flow, in one cache line when it has IPv4 addresses; its row is its number."""

    who = word("tenant << 32 | container << 16 | IP protocol << 8 | bytes of an address")
    ports = word("source << 16 | target, or -1: it has none")
    ends = words(2, "source and target address: first 32 bits")
    next = word("row in its bucket's chain + 1, or 0")
    inside = word("its frames that the host holds")
    older = word("without frames inside: the row of which that has been so for longer")
    newer = word("likewise, for less long")
    rest = words(6, "the rest of the source address, then of the target's, 32 bits a word")


class Bucket(Row):
    """Flows with one hash."""

    first = word("row + 1, or 0")


class Use(Row):
    """The numbers, and how flows are found."""

    count = word("numbers that there are")
    used = word("of them, those that a flow has or had")
    taken = word("times that a flow took another's number")
    shift = word("from a hash to its bucket")
    keys = words(_KEYS, "of the hash")


class Flows(Group):
    """The table.  The last row has no number: the list of flows without frames begins there."""

    use = part(Use, "of the numbers")
    asked = part(NumberedFlow, "whose number `find` and `take` give")
    rows = table(NumberedFlow, "by number")
    buckets = table(Bucket, "by hash")


def count_for(slots: int) -> int:
    """How many numbers a host with so many frame buffers has."""
    return max(LEAST, slots + 1)


def make(count: int, seed: int) -> Flows:
    """A table of `count` numbers, all free; `seed`: of the hash, unknown to senders."""
    bits = max(1, (count - 1).bit_length())
    flows = Flows(rows=count + 1, buckets=1 << bits)
    flows.use.count, flows.use.shift = count, _HASH_BITS - bits
    flows.use.keys.array[:] = np.random.default_rng(seed).integers(0, _MASK, _KEYS)
    flows.rows[count].older = flows.rows[count].newer = count
    return flows


def names(flows: Flows, numbers: NDArray[np.int64]) -> dict[str, list[Any]]:
    """Columns that say who talks to whom: of each flow its container, protocol, addresses, ports.

    `ports` as in `NumberedFlow`; `address_len` is `MAC_LEN` for flows without IP.
    """
    rows = flows.rows.array[numbers]
    who = rows["who"]
    lengths = (who & 0xFF).tolist()
    source, target = (
        np.column_stack((rows["ends"][:, end], rows["rest"][:, 3 * end : 3 * end + 3])).tolist()
        for end in range(2)
    )
    return {
        "container": (who >> 16 & 0xFFFF).tolist(),
        "protocol": (who >> 8 & 0xFF).tolist(),
        "address_len": lengths,
        "source": [_address(tuple(one), n) for one, n in zip(source, lengths, strict=True)],
        "target": [_address(tuple(one), n) for one, n in zip(target, lengths, strict=True)],
        "ports": rows["ports"].tolist(),
    }


@lru_cache(LEAST)
def _address(parts: tuple[int, ...], length: int) -> str:
    """An address from 32 bits a part."""
    octets = b"".join(part.to_bytes(4, "big") for part in parts)[:length]
    return octets.hex(":") if length == MAC_LEN else str(ipaddress.ip_address(octets))


@inner
def ask(flows: Flows, frame: np.ndarray, parsed: Parsed, tenant: int, to: int) -> None:
    """Describe in `flows.asked` the flow of a parsed frame for container `to`."""
    asked, size = flows.asked, parsed.address_len
    source, target = parsed.addresses, parsed.addresses + size
    if size == 0:
        size, source, target = MAC_LEN, parsed.inner + MAC_LEN, parsed.inner
    asked.who = tenant << 32 | to << 16 | parsed.proto << 8 | size
    asked.ports = be32(frame, parsed.l4) if parsed.has_ports else NONE
    asked.ends[0], asked.ends[1] = be32(frame, source), be32(frame, target)
    if size == 16:
        for i in range(3):
            asked.rest[i] = be32(frame, source + 4 + 4 * i)
            asked.rest[3 + i] = be32(frame, target + 4 + 4 * i)
    elif size == MAC_LEN:
        for i in range(6):
            asked.rest[i] = 0
        asked.rest[0] = be16(frame, source + 4) << 16
        asked.rest[3] = be16(frame, target + 4) << 16


@inner
def _is_short(row: NumberedFlow) -> bool:
    """Whether its addresses are IPv4's: `rest` says nothing."""
    return row.who & 0xFF == 4


@inner
def _bucket_of(flows: Flows, row: NumberedFlow) -> int:
    keys = flows.use.keys
    value = keys[0] + keys[1] * (row.who & 0xFFFFFFFF) + keys[2] * (row.who >> 32)
    value += keys[3] * (row.ports & 0xFFFFFFFF)
    value += keys[4] * row.ends[0] + keys[5] * row.ends[1]
    if not _is_short(row):
        value += keys[6] * row.rest[0] + keys[7] * row.rest[1] + keys[8] * row.rest[2]
        value += keys[9] * row.rest[3] + keys[10] * row.rest[4] + keys[11] * row.rest[5]
    return (value & _MASK) >> (63 - _HASH_BITS) >> flows.use.shift


@inner
def _same(one: NumberedFlow, other: NumberedFlow) -> bool:
    if one.who != other.who or one.ports != other.ports:
        return False
    if one.ends[0] != other.ends[0] or one.ends[1] != other.ends[1]:
        return False
    if _is_short(one):
        return True
    difference = 0
    for i in range(6):
        difference |= one.rest[i] ^ other.rest[i]
    return difference == 0


@entry
def find(flows: Flows) -> int:
    """The number of the flow that was asked for, or NONE."""
    number = flows.buckets[_bucket_of(flows, flows.asked)].first - 1
    while number != NONE and not _same(flows.rows[number], flows.asked):
        number = flows.rows[number].next - 1
    return number


@entry
def take(flows: Flows) -> int:
    """Give the flow that was asked for, and not found, a number; if need be, another's."""
    end = flows.use.count
    if flows.use.used < end:
        number = flows.use.used
        flows.use.used += 1
    else:
        number = flows.rows[end].newer
        flows.use.taken += 1
        _leave_list(flows, number)
        _leave_bucket(flows, number)
    row, asked = flows.rows[number], flows.asked
    row.who, row.ports = asked.who, asked.ports
    for i in range(2):
        row.ends[i] = asked.ends[i]
    for i in range(6):
        row.rest[i] = asked.rest[i]
    bucket = flows.buckets[_bucket_of(flows, row)]
    row.next = bucket.first
    bucket.first = number + 1
    _join_list(flows, number)
    return number


@entry
def entered(flows: Flows, number: int) -> None:
    """The host took a frame of the flow."""
    row = flows.rows[number]
    if row.inside == 0:
        _leave_list(flows, number)
    row.inside += 1


@entry
def left(flows: Flows, number: int) -> None:
    """A frame of the flow is no more in the host."""
    row = flows.rows[number]
    row.inside -= 1
    if row.inside == 0:
        _join_list(flows, number)


@entry
def refused(flows: Flows, number: int) -> None:
    """A frame of the flow was seen, and the host did not take it."""
    if flows.rows[number].inside == 0:
        _leave_list(flows, number)
        _join_list(flows, number)


@inner
def _leave_bucket(flows: Flows, number: int) -> None:
    bucket = flows.buckets[_bucket_of(flows, flows.rows[number])]
    if bucket.first == number + 1:
        bucket.first = flows.rows[number].next
        return
    before = flows.rows[bucket.first - 1]
    while before.next != number + 1:
        before = flows.rows[before.next - 1]
    before.next = flows.rows[number].next


@inner
def _leave_list(flows: Flows, number: int) -> None:
    older, newer = flows.rows[number].older, flows.rows[number].newer
    flows.rows[older].newer = newer
    flows.rows[newer].older = older


@inner
def _join_list(flows: Flows, number: int) -> None:
    """As the last one."""
    end = flows.use.count
    newest = flows.rows[end].older
    flows.rows[number].older, flows.rows[number].newer = newest, end
    flows.rows[newest].newer = flows.rows[end].older = number
