"""All built-in systems, by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

from falcon_ctl.errors import UsageError
from falcon_ctl.systems.system import System, Tunnel

ALL_PARTS = frozenset({"pipelining", "splitting", "balancing", "switch_off"})
_BOTH_ENDS = "; the testbed's applications use the sockets of their containers' kernels"
# A live run lasts milliseconds of model time: RSS++ would not look at its table once in 100 ms.
_RSSPP_LIVE = MappingProxyType(
    {
        "rebalance_interval_ns": 100_000,
        "falcon": {"load_interval_ns": 20_000, "order": "handover"},
    }
)


def _overlay(name: str, title: str, profile: str, policy: str = "same_cpu") -> System:
    return System(name, title, Tunnel.TO_HOST, profile, policy)


def _falcon(name: str, title: str, *parts: str) -> System:
    return System(name, title, Tunnel.TO_HOST, "docker", "falcon", frozenset(parts))


HOST = System("host", "host network", Tunnel.NONE, "host")
OVERLAY = _overlay("overlay", "container overlay", "docker")
PIPELINING = _falcon("falcon-pipelining", "FALCON pipelining", "pipelining")
SPLITTING = _falcon("falcon-splitting", "FALCON + splitting", "pipelining", "splitting")
FALCON = _falcon("falcon", "FALCON", *ALL_PARTS)
# As published a flow that is rehashed may overtake itself.
PUBLISHED = replace(FALCON, name="falcon-published", title="FALCON as published", order="none")
RFS_RULE = replace(FALCON, name="falcon-rfs", title="FALCON, order by RFS's rule", order="rfs")
ALWAYS_ON = _falcon("falcon-always-on", "FALCON, never off", *ALL_PARTS - {"switch_off"})
HOST_FALCON = System(
    "falcon-host", "FALCON on the host network", Tunnel.NONE, "host", "falcon", ALL_PARTS
)
# EuroSys'21 has RPS on in every test: its Host, its Con ("rps" below), Falcon and Host+.
HOST_RPS = System("host-rps", "host network with RPS", Tunnel.NONE, "host", "rps")
FALCON_RPS = replace(FALCON, name="falcon-rps", title="FALCON beside RPS", policy="falcon+rps")
HOST_FALCON_RPS = replace(
    HOST_FALCON,
    name="falcon-host-rps",
    title="FALCON on the host network, beside RPS",
    policy="falcon+rps",
)
# What an administrator can do with the kernel as it is: CPUs of its own for each device.
RPS_MASKS = System(
    "rps-masks",
    "overlay with RPS, a mask for each device",
    Tunnel.TO_HOST,
    "docker-rps",
    "rps",
    own_knobs=MappingProxyType({"rps_masks": {"eth0": [0, 6], "vxlan0": [2, 8], "veth0": [4, 10]}}),
)
# NAPI threads that are bound to CPUs, as Documentation/networking/napi.rst has it: those that the
# other systems use, and a gro_cell's thread beside that of the NIC's queue.
NAPI_THREADS = System(
    "napi-threads",
    "overlay with threaded NAPI",
    Tunnel.TO_HOST,
    "docker",
    own_knobs=MappingProxyType({"napi_threads": {"eth0": [0, 4, 8], "vxlan0": [2, 6, 10]}}),
)
# A table without a bound (ECON's, hash_add): more entries than the model has flows.
ECON = System(
    "econ", "ECON", Tunnel.TO_HOST, "econ", own_knobs=MappingProxyType({"cache_entries": 1 << 30})
)
ONCACHE = _overlay("oncache", "ONCache", "oncache")
REDIRECT_PEER = _overlay("redirect-peer", "bpf_redirect_peer / netkit", "redirect-peer")
_BY_NUMBER = "it gives priority to flows by number, and a live run's have none before they come"
PRISM = System(
    "prism",
    "PRISM",
    Tunnel.TO_HOST,
    "prism",
    own_knobs=MappingProxyType({"priority": [0]}),
    not_live=_BY_NUMBER,
)
PRISM_SYNC = replace(PRISM, name="prism-sync", title="PRISM, synchronous", profile="prism-sync")
OFFLOAD = System("offload", "hardware offload", Tunnel.TO_SWITCH, "offload")
BYPASS = System(
    "bypass",
    "kernel bypass",
    Tunnel.NONE,
    "bypass",
    not_live=f"mTCP replaces the TCP of both ends{_BOTH_ENDS}",
)
SLIM = System(
    "slim",
    "Slim / FreeFlow",
    Tunnel.NONE,
    "slim",
    connection_level=True,
    not_live=f"it replaces a connection's sockets by the hosts' at both ends{_BOTH_ENDS}",
)
SYSTEMS = (
    HOST,
    OVERLAY,
    PIPELINING,
    SPLITTING,
    FALCON,
    OFFLOAD,
    PUBLISHED,
    RFS_RULE,
    ALWAYS_ON,
    HOST_FALCON,
    HOST_RPS,
    FALCON_RPS,
    HOST_FALCON_RPS,
    _overlay("flannel", "Flannel", "flannel"),
    _overlay("calico", "Calico", "calico"),
    _overlay("weave", "Weave Net", "weave"),
    _overlay("rps", "overlay with RPS", "docker", "rps"),
    RPS_MASKS,
    NAPI_THREADS,
    _overlay("rfs", "overlay with RFS", "docker", "rfs"),
    System(
        "rss++",
        "overlay with RSS++",
        Tunnel.TO_HOST,
        "docker",
        "rss++",
        order="none",  # as published: a bucket moves while frames of it wait
        live_knobs=_RSSPP_LIVE,
    ),
    _overlay("mflow", "mFlow", "mflow", "mflow"),
    ECON,
    ONCACHE,
    REDIRECT_PEER,
    PRISM,
    PRISM_SYNC,
    BYPASS,
    SLIM,
)
_RENAMED = MappingProxyType({"falcon-balancing": "falcon"})
BY_NAME = MappingProxyType({system.name: system for system in SYSTEMS})
LIVE = tuple(system for system in SYSTEMS if not system.not_live)
MAIN_JOB = (HOST, OVERLAY, PIPELINING, SPLITTING, FALCON, OFFLOAD)  # measured by default


def select(names: Iterable[str]) -> list[System]:
    """Systems of these names, each once, in the order of `SYSTEMS`.

    Raises:
        UsageError: a name is unknown, or there is none.
    """
    wanted = set(names)
    unknown = sorted(wanted - set(BY_NAME))
    if unknown or not wanted:
        for name in unknown:
            if name in _RENAMED:
                raise UsageError("--systems", name, f"its new name, {_RENAMED[name]}")
        what = ", ".join(unknown) if unknown else "none given"
        raise UsageError("--systems", what, f"some of {', '.join(BY_NAME)}")
    return [system for system in SYSTEMS if system.name in wanted]


def select_live(names: Iterable[str]) -> list[System]:
    """As `select`, of the systems that can run on the live network.

    Raises:
        UsageError: as of `select`, or a system cannot run there.
    """
    systems = select(names)
    for system in systems:
        if system.not_live:
            expected = f"some of {', '.join(one.name for one in LIVE)} ({system.not_live})"
            raise UsageError("--systems", f"{system.name} cannot run live", expected)
    return systems
