"""Measures one point of a sweep: the same row on any machine, or an error with its reason."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np

import rxpath
from falcon_ctl.errors import PartFailed
from falcon_ctl.sweeps import points
from falcon_ctl.sweeps.points import Point
from falcon_ctl.systems import catalogue, custom, system
from falcon_ctl.systems.catalogue import BY_NAME
from falcon_ctl.systems.system import System
from falcon_ctl.virtual import arrivals, loads, metrics, wire
from falcon_ctl.virtual import measure as measures
from falcon_ctl.virtual.measure import measure
from falcon_ctl.virtual.metrics import Metrics
from rxpath.policies.custom import from_source
from rxpath.results import DROP_REASONS

Row = dict[str, Any]
_OF_LOADS = (measures, arrivals, loads, metrics, wire)
_DECIDING = (*_OF_LOADS, catalogue, custom, system, points)  # modules that results depend on
RESULTS = (
    "pps",
    "messages_per_s",
    "gbit_per_s",
    "sent",
    "delivered",
    *(f"dropped_{reason}" for reason in DROP_REASONS),
    "queued",
    "reordered",
    "reordered_ratio",
    "cpu_ns_per_packet",
    "retransmits",
    "p50_us",
    "p99_us",
    "mean_us",
    "busiest_core_percent",
    "busy_cores",
)
"""The columns of a row; drops by reason."""


class Text(NamedTuple):
    """The text of a custom policy: a path would mean nothing on another machine."""

    path: str
    name: str
    source: str


@dataclass(frozen=True)
class Task:
    """A point to be measured; `policy`: its custom policy, if any; `code`: from `code_digest`."""

    point: Point
    policy: Text | None
    code: str

    @property
    def key(self) -> str:
        """A hash of all that decides the result: the point, the policy's text, and the code."""
        policy = None if self.policy is None else (self.policy.name, self.policy.source)
        whole = json.dumps([self.point.document(), policy, self.code], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()


def work(task: Task) -> Row:
    """Measure a point.

    Raises:
        PartFailed: this machine has another version of the code that decides results.
        PolicyError: the policy failed.
        ConfigError: the host cannot be run.
    """
    if task.code != code_digest():
        what = f"has another version of the model, numba or numpy ({code_digest()[:12]})"
        raise PartFailed("worker", f"{what} than the sweep ({task.code[:12]})")
    found = BY_NAME[task.point.system] if task.policy is None else custom_system(task.policy)
    return _row(measure(found, task.point.load(), task.point.seed))


@cache
def custom_system(policy: Text) -> System:
    """The system of a custom policy, compiled once per process."""
    return custom.of_policy(from_source(*policy))


@cache
def code_digest() -> str:
    """A hash of all files that decide results: the model without its live part, and the costs."""
    package = Path(rxpath.__file__).parent
    files = [path for kind in ("*.py", "*.toml") for path in package.rglob(kind)]
    names = {str(path.relative_to(package)): path for path in files}
    names = {name: path for name, path in names.items() if not name.startswith("live")}
    names |= {module.__name__: Path(str(module.__file__)) for module in _DECIDING}
    names[__name__] = Path(__file__)
    digest = hashlib.sha256(f"numba {numba.__version__} numpy {np.__version__}".encode())
    for name in sorted(names):
        digest.update(name.encode() + b"\0" + names[name].read_bytes())
    return digest.hexdigest()


def _row(found: Metrics) -> Row:
    """The results as plain values, rounded so that a sum's order does not show."""
    values = (
        round(found.pps, 3),
        _rounded(found.messages_per_s),
        _rounded(found.gbit_per_s),
        found.sent,
        found.delivered,
        *(int(found.drops[reason]) for reason in DROP_REASONS),
        found.queued,
        found.reordered,
        _rounded(found.reordered_ratio, 6),
        _rounded(found.cpu_ns),
        found.retransmits,
        _rounded(found.latency_us(0.5)),
        _rounded(found.latency_us(0.99)),
        _rounded(found.mean_us),
        _rounded(max(found.loads.values(), default=0.0)),
        _rounded(sum(found.loads.values()) / 100),
    )
    return dict(zip(RESULTS, values, strict=True))


def _rounded(value: float, digits: int = 3) -> float | None:
    """None for NaN: streams have no latency of requests."""
    return None if np.isnan(value) else round(float(value), digits)
