"""The operations ``observe`` and ``flow`` of a host's control socket.

The host notes CPUs' work and flows from the first request of a client until the last client that
made one has gone.  Counts never fall: what ``reset`` zeroes is added up here.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rxpath.config import apply
from rxpath.errors import ControlError
from rxpath.live import flows, seen
from rxpath.live.control import Caller
from rxpath.live.datapath import REASON_NAMES
from rxpath.live.host import Host
from rxpath.model import observed
from rxpath.model.state import codes

SLICE = np.dtype(
    [
        *(("start", "<i8"), ("end", "<i8"), ("queued", "<i8"), ("packet", "<i8")),
        *(("flow", "<i4"), ("stolen", "<i4"), ("activity", "<i2"), ("cpu", "<i2")),
    ]
)
"""One piece of work, as ``observe`` sends it; `rxpath.model.state.observed.Slice`."""

MOST_FLOWS, MOST_SLICES = 1024, codes.SLICES
_NAMES = ("container", "source", "target", "ports", "protocol")  # tenants may share addresses
_ASKED = ("flows", "slices", "since", "moves_since", "known")
_UPPER = seen.upper_bounds()
_COLUMNS = (
    *("arrived", "bytes", "delivered", "first", "last", "first_delivered", "last_delivered"),
    *("latency_sum", "latency_max"),
)
_COUNTED = (
    *("received", "delivered", "bytes", "reordered", "squeezed", "ksoftirqd", "ipis"),
    *("interrupts", "merged", "handovers", "held", "switched_off", "switched_on"),
)


class Observing:
    """The observers of one host, and the answers to them."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._observers: set[Caller] = set()
        self._counts: dict[str, int] = {}  # of what was zeroed since
        self._drops: dict[str, int] = {}
        self._changes = 0  # of knobs
        self._profile = host.model.knobs.profile

    def reset(self) -> None:
        """The counters are about to be zeroed: keep them. To be called in front of that."""
        counts, drops = self._totals()
        counts["received"] -= self._host.model.queued()  # the model goes on with these
        self._counts, self._drops = counts, drops
        if self._observers:
            tables = self._host.datapath.seen
            numbers = tables.numbers.array["flow"][: tables.sight.count]
            again = self._host.model.state.flows.array["reordered"][numbers]
            tables.flows.array["reordered"][numbers] += again

    def changed(self) -> None:
        """The host was given other knobs: its flows may take another chain of stages."""
        self._changes += 1
        profile = self._host.model.knobs.profile
        if profile != self._profile:
            self._profile = profile
            self._host.model.forget_places()

    def observe(self, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Answer an observer in full; the first request of a client sets the baseline.

        ``flows``: at most so many, those that were seen last. ``slices``: at most so many pieces
        of work, of those from number ``since`` on; ``moves_since`` likewise. ``known``: the profile
        whose activities the observer knows, which are not sent again.
        """
        _only(params)
        most_flows = _number(params, "flows", 64, MOST_FLOWS)
        most = _number(params, "slices", 0, MOST_SLICES)
        since = _number(params, "since", 0, 2**62)
        moves_since = _number(params, "moves_since", 0, 2**62)
        self._join(caller)
        host, state = self._host, self._host.model.state
        known, profile = params.get("known"), host.model.knobs.profile
        busy = observed.busy(state)
        cpus, columns = np.nonzero(busy)
        counts, drops = self._totals()
        moves, next_move = observed.moves(state, moves_since)
        pieces, next_slice = observed.slices(state, since, most)
        histogram = host.datapath.seen.sight.latencies.array
        return {
            "wall_ns": time.time_ns(),
            "model_ns": int(state.output.now),
            "dilation": int(host.datapath.clock.dilation),
            "profile": profile,
            "changes": self._changes,
            "busy": [cpus.tolist(), columns.tolist(), busy[cpus, columns].tolist()],
            "doing": observed.doing(state),
            "load": state.steering.loads.array[: state.knobs.cpus].tolist(),
            "average_load": int(state.knobs.average_load),
            "off": bool(state.usage.is_off),
            "depths": observed.depths(state),
            "memory": observed.memory(state),
            "limits": {
                "ring": int(state.knobs.ring),
                "backlog": int(state.knobs.max_backlog),
                "socket": int(state.knobs.rcvbuf[0]),
            },
            "irq_cpus": state.irq_cpus.array[: state.knobs.queues].tolist(),
            "queued": host.queued(),
            "counts": counts,
            "drops": drops,
            "latencies": _sparse(histogram),
            "flows": self._flows(self._numbers(most_flows)),
            "moves": [moves[name].tolist() for name in moves.dtype.names or ()],
            "next_move": int(next_move),
            "slices": _packed(pieces),
            "next_slice": int(next_slice),
            "activities": None if known == profile else _names(profile),
        }

    def flow(self, params: Mapping[str, Any], caller: Caller) -> dict[str, Any] | None:
        """One flow with its latencies, by the container that it is for, addresses and ports.

        None while no frame of it was seen.
        """
        wanted = [params.get(key) for key in _NAMES]
        self._join(caller)
        numbers = self._numbers(len(self._host.datapath.flows.rows))
        found = self._flows(numbers)
        names = zip(*(found[key] for key in _NAMES), strict=True)
        for at, name in enumerate(names):
            if list(name) == wanted:
                histogram = self._host.datapath.seen.latencies[int(numbers[at])].frames.array
                one = {key: column[at] for key, column in found.items()}
                return {**one, "latencies": _sparse(histogram)}
        return None

    def _join(self, caller: Caller) -> None:
        if caller in self._observers:
            return
        if not self._observers:
            self._host.observe(True)
        self._observers.add(caller)
        caller.at_close(lambda: self._leave(caller))

    def _leave(self, caller: Caller) -> None:
        self._observers.discard(caller)
        if not self._observers:
            self._host.observe(False)

    def _totals(self) -> tuple[dict[str, int], dict[str, int]]:
        """Counts and drops since the process began."""
        model, live = self._host.model.state.counters, self._host.datapath.counters
        counts = {name: int(getattr(model, name)) for name in _COUNTED}
        counts |= {"rx": int(live.rx), "tx": int(live.tx), "written": int(live.delivered)}
        counts = {name: n + self._counts.get(name, 0) for name, n in counts.items()}
        drops = {name: int(live.drops[code]) for code, name in REASON_NAMES.items()}
        drops = {name: n + self._drops.get(name, 0) for name, n in drops.items()}
        return counts, {name: n for name, n in drops.items() if n}

    def _numbers(self, most: int) -> NDArray[np.int64]:
        """The flows that were seen last, those of late first."""
        tables = self._host.datapath.seen
        numbers = tables.numbers.array["flow"][: tables.sight.count]
        last = tables.flows.array["last"][numbers]
        found: NDArray[np.int64] = numbers[np.argsort(-last, kind="stable")[:most]]
        return found

    def _flows(self, numbers: NDArray[np.int64]) -> dict[str, list[Any]]:
        """Columns: of each flow its number, who talks to whom, counts, times and places."""
        rows, state = self._host.datapath.seen.flows.array[numbers], self._host.model.state
        found = {name: rows[name].tolist() for name in _COLUMNS}
        return {
            **found,
            **flows.names(self._host.datapath.flows, numbers),
            "number": numbers.tolist(),
            "drops": [_reasons(drops) for drops in rows["drops"].tolist()],
            "reordered": (rows["reordered"] + state.flows.array["reordered"][numbers]).tolist(),
            "moves": state.places.array["moves"][numbers].tolist(),
            "places": [observed.places(state, number) for number in numbers.tolist()],
        }


@cache
def _names(profile: str) -> list[list[str]]:
    """By activity: the kind of the stage and its device; rows of stages that do not exist: []."""
    rows = [[stage.kind, stage.device] for stage in apply.rows(profile)]
    rows += [[] for _ in range(codes.MAX_CHAIN_ROWS - len(rows))]
    return rows + [[name, ""] for name in codes.ACTIVITY_NAMES]


def _reasons(drops: list[int]) -> dict[str, int]:
    """Frames by drop reason, of those that there are."""
    if not any(drops):
        return {}
    return {name: n for name, n in zip(codes.DROP_REASONS, drops, strict=True) if n}


def _sparse(histogram: NDArray[np.int64]) -> list[list[int]]:
    """The buckets that are not empty: their upper bounds in ns, and their counts."""
    (used,) = np.nonzero(histogram)
    return [_UPPER[used].tolist(), histogram[used].tolist()]


def _packed(pieces: NDArray[Any]) -> str:
    """`SLICE` rows in base64, which costs the host less than a list."""
    out = np.empty(len(pieces), SLICE)
    for name in SLICE.names or ():
        out[name] = pieces[name]
    return base64.b64encode(out.tobytes()).decode()


def _only(params: Mapping[str, Any]) -> None:
    for key in params:
        if key not in _ASKED:
            raise ControlError("bad_request", key, f"unknown, expected {', '.join(_ASKED)}")


def _number(params: Mapping[str, Any], key: str, default: int, most: int) -> int:
    value = params.get(key, default)
    if type(value) is not int or not 0 <= value <= most:
        raise ControlError("bad_request", key, f"got {value!r}, expected 0 to {most}")
    return value
