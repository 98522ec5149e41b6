"""The points of a sweep in their fixed order, each with its load and knobs. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from falcon_ctl.sweeps.spec import CORES, File, Spec, default_bytes
from falcon_ctl.systems.system import System, merge_knobs
from falcon_ctl.virtual.loads import Closed, Load, Stream
from falcon_ctl.virtual.wire import most_frames
from rxpath.config import tomlfile
from rxpath.config.knobs import Knobs
from rxpath.errors import ConfigError

MOST_POINTS = 100_000
MOST_FRAMES = 2_000_000  # of a point: its trace is held in memory
# As in the figures: the kernel's 40 ms would not see a load within a run of some milliseconds.
LOAD_INTERVAL_NS = 500_000

Pairs = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Point:
    """One measurement; None: left to the host, or without meaning for the protocol."""

    system: str
    proto: str
    flows: int
    bytes: int
    message: int | None
    cores: int | None
    threshold: int | None
    rate: float | None
    window: int | None
    knobs: Pairs
    costs: Pairs
    seed: int
    ms: int
    warm_ms: int

    def columns(self) -> dict[str, Any]:
        """The columns of the table that identify the point."""
        names = ("system", "proto", "flows", "bytes", "message", "cores", "threshold", "rate")
        found = {name: getattr(self, name) for name in (*names, "window")}
        return {**found, **dict(self.knobs), **dict(self.costs), "seed": self.seed}

    def document(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return asdict(self)

    def host_knobs(self) -> dict[str, Any]:
        """The host's knobs beside those of the system."""
        falcon: dict[str, Any] = {"load_interval_ns": LOAD_INTERVAL_NS}
        found: dict[str, Any] = {"falcon": falcon}
        if self.cores is not None:
            falcon["cpus"] = found["rps_cpus"] = CORES[: self.cores]
        if self.threshold is not None:
            falcon["threshold"] = self.threshold
        for key, value in self.knobs:
            target, name = (falcon, key[7:]) if key.startswith("falcon.") else (found, key)
            target[name] = value
        if self.costs:
            found["cost_overrides"] = dict(self.costs)
        return found

    def load(self) -> Load:
        """What the figures' measurements take."""
        knobs, times = self.host_knobs(), (self.ms, self.warm_ms)
        if self.rate is not None:
            rates = (self.rate,) * self.flows
            if self.message:
                return Stream(rates, *times, message=self.message, knobs=knobs)
            return Stream(rates, *times, size=self.bytes, knobs=knobs)
        return Closed(
            self.flows,
            *times,
            window=self.window or 0,
            size=self.bytes,
            message=self.message or 0,
            knobs=knobs,
        )


def expand(file: File, systems: Mapping[str, System]) -> list[Point]:
    """All points, the last axis (seeds) fastest. Raises UsageError, as `read` of the spec does.

    `systems`: the systems by the names that the points have, in the spec's order.
    """
    spec = file.spec
    count = len(systems) * sum(_count(spec, proto) for proto in spec.proto)
    if count > MOST_POINTS:
        raise file.error((), f"{count} points", f"at most {MOST_POINTS}")
    _check_traces(file)
    points = list(_product(spec, systems))
    _check_knobs(file, points, systems)
    return points


def _axes(spec: Spec, proto: str) -> list[Sequence[Any]]:
    """The values of all axes but system and protocol, for one protocol."""
    return [
        spec.flows,
        spec.bytes or [default_bytes(proto)],
        spec.message or [None],
        spec.cores or [None],
        spec.threshold if spec.threshold is not None else [None],
        spec.rate if proto == "udp" else [None],
        spec.window if proto == "tcp" else [None],
        *spec.knobs.values(),
        *spec.costs.values(),
        spec.seeds,
    ]


def _count(spec: Spec, proto: str) -> int:
    return math.prod(len(axis) for axis in _axes(spec, proto))


def _product(spec: Spec, systems: Mapping[str, System]) -> Iterator[Point]:
    for system, proto in itertools.product(systems, spec.proto):
        for values in itertools.product(*_axes(spec, proto)):
            yield _point(spec, system, proto, values)


def _point(spec: Spec, system: str, proto: str, values: tuple[Any, ...]) -> Point:
    """The point of one value of each of `_axes`."""
    flows, size, message, cores, threshold, rate, window, *more, seed = values
    knobs = tuple(zip(spec.knobs, more[: len(spec.knobs)], strict=True))
    costs = tuple(zip(spec.costs, more[len(spec.knobs) :], strict=True))
    main = (system, proto, flows, size, message, cores, threshold, rate, window)
    return Point(*main, knobs, costs, seed, spec.ms, spec.warm_ms)


def _check_traces(file: File) -> None:
    spec = file.spec
    seconds = (spec.ms + spec.warm_ms) / 1000
    fragments = max(most_frames(message) for message in spec.message or [0])
    frames = max(spec.flows) * max(spec.rate) * seconds * fragments
    if "udp" in spec.proto and frames > MOST_FRAMES:
        expected = f"flows x rate x fragments x time of at most {MOST_FRAMES} packets a point"
        raise file.error(("rate",), f"{frames:.0f} packets", expected)


def _check_knobs(file: File, points: Sequence[Point], systems: Mapping[str, System]) -> None:
    """Check every host's knobs before the first point is run."""
    hosts = {(one.system, one.cores, one.threshold, one.knobs, one.costs): one for one in points}
    for point in hosts.values():
        _check_host(file, systems[point.system], point)


def _check_host(file: File, system: System, point: Point) -> None:
    for key, value in point.knobs:
        if str(value).endswith(tomlfile.SUFFIX):
            # Neither the journal nor a worker elsewhere knows the file's content.
            raise file.error(("knobs", key), repr(value), "a built-in one, not a file")
    try:
        Knobs.parse(merge_knobs(system.knobs, point.host_knobs()))
    except ConfigError as error:
        raise file.error(_key(error.key), repr(error.value), error.allowed) from None


def _key(key: str) -> tuple[str, ...]:
    """The key of a knob in the spec."""
    if key.startswith("cost_overrides."):
        return "costs", key.removeprefix("cost_overrides.")
    return "knobs", key
