"""The packets of a run as columns: what every builder of a timeline starts from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rxpath.results import STAGE_KINDS

Integers = NDArray[np.int64]
IN_HOST = "queued"  # reason of a packet that the host still had when the recording ended


class Hops(NamedTuple):
    """Stages that packets went through, arrays [hops]; times in model ns.

    Attributes:
        packet: row of `Packets`.
        kind: index into `rxpath.results.STAGE_KINDS`.
        choice: how the CPU was chosen: 0 not steered, 1 first choice, 2 second choice, 3 steering
            was off, 4 kept by the order guard.
        enqueue: when the packet came into the queue in front of the stage, which ran from `start`
            to `end`. `held`: for how long the order guard held it.
    """

    packet: Integers
    kind: Integers
    ifindex: Integers
    cpu: Integers
    choice: Integers
    enqueue: Integers
    start: Integers
    end: Integers
    held: Integers

    def where(self, chosen: NDArray[Any]) -> Hops:
        """Those that a mask or indices choose."""
        return Hops._make(column[chosen] for column in self)


def works(hops: Hops) -> tuple[Integers, Integers]:
    """Indices of one hop of each work, and of each hop the number of its work.

    Frames in one skb pass its stages together: that is one work.
    """
    keys = (hops.ifindex, hops.kind, hops.end, hops.start, hops.cpu)
    order = np.lexsort(keys)
    begins = np.zeros(len(order), bool)
    begins[:1] = True
    for key in keys:
        begins[1:] |= np.diff(key[order]) != 0
    which = np.empty(len(order), np.int64)
    which[order] = np.cumsum(begins) - 1
    return order[begins], which


class Packets(NamedTuple):
    """Packets, arrays [n]; times in model ns.

    Attributes:
        number: of each in its run.
        ended: when the application had it or it was dropped; -1 where that is not known.
        flow: index into `Origin.flows`.
        queue: of the NIC, -1 where it is not known.
        socket: index into `Origin.sockets`, -1: none.
        reason: index into `Origin.reasons`: why it was dropped.
        place: the CPU where it was, of a full queue the queue's; -1: at the NIC, or not dropped.
        hops: of all packets, those of one packet in the order in which it passed them.
    """

    number: Integers
    arrival: Integers
    ended: Integers
    flow: Integers
    queue: Integers
    socket: Integers
    reason: Integers
    place: Integers
    hops: Hops

    @property
    def size(self) -> int:
        """How many there are; `len` is that of the tuple."""
        return len(self.number)

    def where(self, chosen: NDArray[np.bool_]) -> Packets:
        """Only the chosen ones; `chosen`: a mask."""
        places = np.cumsum(chosen) - 1
        hops = self.hops.where(chosen[self.hops.packet])
        hops = hops._replace(packet=places[hops.packet])
        return Packets._make((*(column[chosen] for column in self[:-1]), hops))


def joined(parts: Sequence[Packets]) -> Packets:
    """All parts, one after the other."""
    counts = [part.size for part in parts]
    offsets = np.cumsum([0, *counts[:-1]])
    moved = [
        part.hops._replace(packet=part.hops.packet + offset)
        for part, offset in zip(parts, offsets, strict=True)
    ]
    hops = Hops._make(map(np.concatenate, zip(*moved, strict=True)))
    columns = zip(*(part[:-1] for part in parts), strict=True)
    return Packets._make((*map(np.concatenate, columns), hops))


@dataclass(frozen=True)
class Origin:
    """Where the packets of a run come from.

    Attributes:
        group: on whose tracks the run is: a machine, or a system under the virtual clock.
        label: of the run.
        flows: names, by number.
        devices: ifindex → name.
        sockets: names, by number.
        reasons: why packets are dropped, by number; the first is "": it was not.
        order: the order guard: none, rfs or handover.
        interval: ns between two measurements of the load, at which FALCON is switched off or on.
        about: what else is to be said of the run, such as its clock.
    """

    group: str
    label: str
    flows: Sequence[str]
    devices: Mapping[int, str]
    sockets: Sequence[str]
    reasons: Sequence[str]
    order: str = "none"
    interval: int = 0
    about: Mapping[str, str] = field(default_factory=dict)

    def device(self, ifindex: int) -> str:
        """The name of a device."""
        return self.devices.get(ifindex, f"if{ifindex}")


@dataclass(frozen=True)
class Recorded:
    """A run: where its packets come from, and what became of each."""

    origin: Origin
    packets: Packets

    @cached_property
    def slices(self) -> int:
        """How many slices all of its packets have: their arrivals and the work."""
        return self.packets.size + len(works(self.packets.hops)[0])


def kind_name(code: int) -> str:
    """The name of a stage's kind."""
    return STAGE_KINDS[code]
