"""What a user may set of the host, validated together.

`Knobs.parse` takes a mapping as it comes from JSON or YAML; `Knobs.to_dict` gives it back.  A
wrong value is a `ConfigError` that names its key and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rxpath.config import costs, profiles
from rxpath.errors import ConfigError
from rxpath.model.state import codes
from rxpath.policies.registry import verify

RSS_ENTRIES = 128  # Microsoft's RSS: the indirection table's usual size
ORDERS = codes.GUARD_NAMES
_RENAMED = {"falcon.order_guard": f"its new name, falcon.order ({', '.join(ORDERS)})"}

Range = tuple[int, int]


@dataclass(frozen=True)
class FalconKnobs:
    """FALCON: its four parts, each alone, its CPUs and its thresholds [net/core/dev.c]."""

    pipelining: bool = True
    splitting: bool = True
    balancing: bool = True
    switch_off: bool = True
    order: str = "handover"  # of a flow that moves: none (as published), rfs or handover
    tcp_pipelining: bool = True  # the published kernel keeps TCP's later stages on the split CPU
    cpus: tuple[int, ...] = (0, 2, 4, 6, 8, 10)
    grosplit_cpus: tuple[int, ...] = (12, 14, 16, 18)
    threshold: int = 80  # percent
    load_interval_ns: int = 40_000_000  # 10 jiffies at HZ=250, the default of kernel/Kconfig.hz


@dataclass(frozen=True)
class Knobs:
    """The host's knobs; defaults are the kernel's and the mlx5 driver's."""

    profile: str = "docker"
    policy: str = "same_cpu"
    costs: str = "xeon-silver-4114"
    cost_overrides: Mapping[str, int] = field(default_factory=dict)
    cpus: int = 40
    queues: int = 8
    ring: int = 1024  # MLX5E_PARAMS_DEFAULT_LOG_RQ_SIZE 0xa
    moderation: str = "fixed"  # rx_usecs and rx_frames; or adaptive: net_dim sets them
    period_mode: str = "cqe"  # the timer restarts at each completion; or eqe: at each interrupt
    rx_usecs: int = 3  # MLX5E_PARAMS_DEFAULT_RX_CQ_MODERATION_USEC_FROM_CQE
    rx_frames: int = 32  # MLX5E_PARAMS_DEFAULT_RX_CQ_MODERATION_PKTS
    irq_cpus: tuple[int, ...] = (1, 3, 5, 7, 9, 11, 13, 15)  # queue q interrupts irq_cpus[q % n]
    app_cpus: tuple[int, ...] = tuple(range(20, 40))  # thread t runs on app_cpus[t % n]
    rps_cpus: tuple[int, ...] = (0, 2, 4, 6, 8, 10)
    # By device, in place of rps_cpus: /sys/class/net/DEVICE/queues/rx-*/rps_cpus.
    rps_masks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    # By device, in /sys/class/net/DEVICE/threaded: a thread polls RX queue q, or the gro_cell of
    # CPU q, on the device's CPUs[q % n], to which it is bound. Other devices have softirqs.
    napi_threads: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    rss_indirection: tuple[int, ...] = ()  # 128 queues; empty: entry i is i % queues
    napi_weight: int = 64  # NAPI_POLL_WEIGHT
    budget: int = 300  # net.core.netdev_budget
    budget_usecs: int = 2000  # net.core.netdev_budget_usecs
    max_backlog: int = 1000  # net.core.netdev_max_backlog
    rcvbuf: int = 212_992  # net.core.rmem_default
    tcp_rcvbuf: int = 6_291_456  # net.ipv4.tcp_rmem[2], which autotuning may reach
    gro: bool = True
    mflow_batch: int = 64  # frames of a micro-flow: NAPI_POLL_WEIGHT; the paper has 256
    rebalance_interval_ns: int = 100_000_000  # of rss++: 10 Hz
    rebalance_tolerance: int = 5  # percent between two CPUs; an assumption
    threads: int = 0  # socket s is read by thread s % threads; 0: a thread for each
    service_ns: int = 0  # what the application does with each message it read
    ipfrag_high_thresh: int = 4_194_304  # net.ipv4.ipfrag_high_thresh, bytes [ipv4_frags_init_net]
    ipfrag_time_ns: int = 30_000_000_000  # net.ipv4.ipfrag_time, IP_FRAG_TIME [include/net/ip.h]
    # Leaving an idle state: C1 2000, C1E 10000, C6 133000 for a Skylake server [skx_cstates of
    # drivers/idle/intel_idle.c]; 0: cores do not sleep.
    idle_exit_ns: int = 0
    denied: tuple[int, ...] = ()  # flows that the operator's policy drops where it is enforced
    priority: tuple[int, ...] = ()  # flows that go first, with a profile that has a low_path
    # The largest flow table of mlx5's firmware [Linux 5.7, mlx5/core/eswitch_offloads_chains.c].
    offload_entries: int = 4 << 20
    offload_functions: int = 127  # ConnectX: virtual functions a port [MLNX_OFED manual, SR-IOV]
    cache_entries: int = 4096  # of the host's flow cache: ONCache's filter cache [common: max_elem]
    falcon: FalconKnobs = field(default_factory=FalconKnobs)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Knobs:
        """Knobs from a mapping; what is absent keeps its default. Raises `ConfigError`."""
        return merge(cls(), raw)

    def to_dict(self) -> dict[str, Any]:
        """The knobs as plain JSON values."""
        plain = asdict(self)
        return {key: _plain(value) for key, value in plain.items()}


def merge(knobs: Knobs, raw: Mapping[str, Any]) -> Knobs:
    """``knobs`` with the given keys changed, validated as a whole. Raises `ConfigError`."""
    changes = dict(_mapping("knobs", raw))
    if "falcon" in changes:
        changes["falcon"] = _replace(knobs.falcon, _mapping("falcon", changes["falcon"]), "falcon.")
    merged: Knobs = _replace(knobs, changes, "")
    validate(merged)
    return merged


_RANGES: dict[str, Range] = {
    "cpus": (1, codes.MAX_CPUS),
    "queues": (1, codes.MAX_QUEUES),
    "ring": (1, 65_536),
    "rx_usecs": (0, 1_000_000),
    "rx_frames": (1, 65_536),
    "napi_weight": (1, 65_536),
    "budget": (1, 1_000_000),
    "budget_usecs": (1, 1_000_000),
    "max_backlog": (0, 1_000_000),
    "rcvbuf": (0, 2**31 - 1),
    "tcp_rcvbuf": (0, 2**31 - 1),
    "mflow_batch": (1, 65_536),
    "rebalance_interval_ns": (1, 10**15),
    "rebalance_tolerance": (0, 100),
    "threads": (0, 65_536),
    "service_ns": (0, costs.MOST),
    "ipfrag_high_thresh": (0, 2**31 - 1),
    "ipfrag_time_ns": (1, 10**12),
    "idle_exit_ns": (0, 10**9),
    "offload_entries": (0, 2**31 - 1),
    "offload_functions": (0, 65_536),
    "cache_entries": (0, 2**31 - 1),
    "falcon.threshold": (0, 100),
    "falcon.load_interval_ns": (1000, 10**15),
}


_WORDS = {
    "moderation": ("fixed", "adaptive"),
    "period_mode": ("cqe", "eqe"),
    "falcon.order": ORDERS,
}


def validate(knobs: Knobs) -> None:
    """Check names, ranges and what must fit together. Raises `ConfigError` naming the key."""
    profiles.chains(knobs.profile)
    verify(knobs.policy)
    costs.load(knobs.costs, knobs.cost_overrides)
    for key, (low, high) in _RANGES.items():
        value = _get(knobs, key)
        if not low <= value <= high:
            raise ConfigError(key, value, f"an integer from {low} to {high}")
    for key, allowed in _WORDS.items():
        if _get(knobs, key) not in allowed:
            raise ConfigError(key, _get(knobs, key), "one of " + ", ".join(allowed))
    for key in ("irq_cpus", "app_cpus", "rps_cpus", "falcon.cpus", "falcon.grosplit_cpus"):
        _check_cpus(key, _get(knobs, key), knobs.cpus)
    stages = profiles.chains(knobs.profile)[knobs.profile].stages
    _check_devices("rps_masks", knobs, [stage.device for stage in stages])
    _check_devices("napi_threads", knobs, profiles.napi_devices(knobs.profile))
    for key in ("denied", "priority"):
        for flow in _get(knobs, key):
            if flow < 0:
                raise ConfigError(key, flow, "numbers of flows")
    table = knobs.rss_indirection
    if table and len(table) != RSS_ENTRIES:
        raise ConfigError("rss_indirection", len(table), f"{RSS_ENTRIES} entries, or none")
    for entry in table:
        if not 0 <= entry < knobs.queues:
            raise ConfigError("rss_indirection", entry, f"queues from 0 to {knobs.queues - 1}")


def _check_devices(name: str, knobs: Knobs, devices: Iterable[str]) -> None:
    """A knob of CPUs by device, of some of ``devices``."""
    known = list(dict.fromkeys(devices))
    for device, cpus in _get(knobs, name).items():
        key = f"{name}.{device}"
        if device not in known:
            allowed = f"devices of {knobs.profile}: {', '.join(known) or 'none'}"
            raise ConfigError(key, cpus, allowed)
        _check_cpus(key, _integers(key, cpus), knobs.cpus)


def _check_cpus(key: str, cpus: tuple[int, ...], count: int) -> None:
    if not cpus:
        raise ConfigError(key, [], f"at least one CPU from 0 to {count - 1}")
    if len(cpus) > codes.MAX_SET:
        raise ConfigError(key, len(cpus), f"at most {codes.MAX_SET} CPUs")
    for cpu in cpus:
        if not 0 <= cpu < count:
            raise ConfigError(key, cpu, f"CPUs from 0 to {count - 1}")


def _get(knobs: Knobs, key: str) -> Any:
    value: Any = knobs
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _replace(old: Any, raw: Mapping[str, Any], prefix: str) -> Any:
    """A copy of the dataclass ``old`` with ``raw``'s values, each of the old one's type."""
    known = {f.name: getattr(old, f.name) for f in fields(old)}
    for key, value in raw.items():
        if key not in known:
            allowed = _RENAMED.get(f"{prefix}{key}", "one of " + ", ".join(sorted(known)))
            raise ConfigError(prefix + str(key), value, allowed)
        known[key] = _typed(prefix + key, value, known[key])
    return type(old)(**known)


def _typed(key: str, value: Any, like: Any) -> Any:
    if isinstance(like, bool):
        return _expect(key, value, isinstance(value, bool), "true or false")
    if isinstance(like, int):
        good = isinstance(value, int) and not isinstance(value, bool)
        return _expect(key, value, good, "an integer")
    if isinstance(like, str):
        return _expect(key, value, isinstance(value, str), "a name")
    if isinstance(like, tuple):
        return _integers(key, value)
    if isinstance(like, Mapping):
        return dict(_mapping(key, value))
    return value


def _integers(key: str, value: Any) -> tuple[int, ...]:
    good = isinstance(value, list | tuple) and all(type(item) is int for item in value)
    return tuple(_expect(key, value, good, "a list of integers"))


def _mapping(key: str, value: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _expect(key, value, isinstance(value, Mapping), "a mapping")
    return found


def _expect(key: str, value: Any, good: bool, allowed: str) -> Any:
    if not good:
        raise ConfigError(key, value, allowed)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
