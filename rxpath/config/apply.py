"""Write the configuration (knobs, costs, chains of stages) into the state of a host.

The rows of all profiles' stages are always there, each chain in rows of its own: a frame in
flight keeps its row when the host is given another profile, and new costs hold from now on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rxpath.compile.tables import Row, Rows, Words
from rxpath.config import costs, profiles
from rxpath.config.costs import Cost
from rxpath.config.costs import Costs as Amounts
from rxpath.config.knobs import RSS_ENTRIES, Knobs
from rxpath.config.profiles import Profile, Stage
from rxpath.errors import ConfigError
from rxpath.model import bypass, cache, masks, moderation
from rxpath.model.state import codes
from rxpath.model.state.host import State
from rxpath.model.state.settings import Chain, Costs
from rxpath.model.state.settings import Stage as StageRow
from rxpath.policies.policy import Policy

_FIRST_STAGE = ("frame", "alloc", "gro", "complete")  # what only it does
KIB = {"frame": "frame_kib", "skb": "skb_kib"}  # what is per KiB of what a cost is per


def write_knobs(state: State, knobs: Knobs, policy: Policy) -> None:
    """The knobs' row, the lists of CPUs and the indirection table."""
    row, falcon = state.knobs, knobs.falcon
    row.cpus = knobs.cpus
    row.ring = knobs.ring
    row.weight = knobs.napi_weight
    row.budget = knobs.budget
    row.budget_ns = knobs.budget_usecs * 1000
    row.max_backlog = knobs.max_backlog
    row.rcvbuf[0], row.rcvbuf[1] = knobs.rcvbuf, knobs.tcp_rcvbuf
    row.gro = knobs.gro
    row.service_ns = knobs.service_ns
    row.frag_memory = knobs.ipfrag_high_thresh
    row.frag_ns = knobs.ipfrag_time_ns
    row.idle_exit_ns = knobs.idle_exit_ns
    row.queues = knobs.queues
    row.offload_entries = knobs.offload_entries
    row.offload_functions = knobs.offload_functions
    row.cache_entries = knobs.cache_entries
    row.pipelining = falcon.pipelining
    row.splitting = falcon.splitting
    row.balancing = falcon.balancing
    row.switch_off = falcon.switch_off
    row.tcp_pipelining = falcon.tcp_pipelining
    row.threshold = falcon.threshold
    row.load_ns = falcon.load_interval_ns
    _write_moderation(state, knobs)
    _write_policy(state, knobs, policy)
    _write_cpus(state, knobs)
    _write_rules(state, knobs)


def _write_moderation(state: State, knobs: Knobs) -> None:
    """Interrupt moderation; queues that net_dim has in hand keep what it has found."""
    row, mode = state.knobs, moderation.MODES.index(knobs.period_mode)
    adaptive, same = knobs.moderation == "adaptive", mode == row.period_mode
    if adaptive and not (row.adaptive and same):
        moderation.set_adaptive(state, mode)
    elif not adaptive:
        moderation.set_fixed(state, knobs.rx_usecs * 1000, knobs.rx_frames)
    row.adaptive, row.period_mode = adaptive, mode


def _write_policy(state: State, knobs: Knobs, policy: Policy) -> None:
    """What the policy needs of the host."""
    row = state.knobs
    row.order = _order(knobs, policy)
    row.nic_steering = _switch(row.nic_steering, policy.at_nic)
    host = profiles.chains(knobs.profile)[knobs.profile]
    if row.prism == codes.OFF:
        state.slots.array["priority"] = 0  # what is in flight has none
    row.prism = _switch(row.prism, bool(host.low_path))
    row.resequence = _switch(row.resequence, policy.resequenced)
    row.mflow_batch = knobs.mflow_batch
    row.before_alloc = policy.before_alloc
    row.rebalance_ns = knobs.rebalance_interval_ns if policy.rebalances else 0
    row.tolerance = knobs.rebalance_tolerance * 100
    state.rss.array["wanted"] = 0


def _write_cpus(state: State, knobs: Knobs) -> None:
    """CPU sets, interrupts' and threads' CPUs, the indirection table, polling CPUs."""
    row, steering, falcon = state.knobs, state.steering, knobs.falcon
    row.falcon_cpus = _fill(steering.falcon_cpus.array, falcon.cpus)
    row.split_cpus = _fill(steering.split_cpus.array, falcon.grosplit_cpus)
    row.rps_cpus = _fill(steering.rps_cpus.array, knobs.rps_cpus)
    _fill(state.irq_cpus.array, _cycle(knobs.irq_cpus, codes.MAX_QUEUES))
    spread = _cycle(range(knobs.queues), RSS_ENTRIES)
    state.rss.array["queue"] = knobs.rss_indirection or spread
    kinds = [stage.kind for stage in profiles.chains(knobs.profile)[knobs.profile].stages]
    used = state.irq_cpus.array[: knobs.queues].tolist()
    bypass.set_polling(state, set(used) if kinds[0] == "poll" else set())
    threads = state.tasks.array["cpu"][codes.THREADS :]
    threads[:] = _cycle(knobs.app_cpus, len(threads))
    _write_napi_threads(state, knobs)


def _write_napi_threads(state: State, knobs: Knobs) -> None:
    """Which NAPI instances a thread polls, and where; a poll that has begun goes on as it is.

    The NIC's devices share its RX queues here, and tunnel devices a CPU's gro_cell: of those the
    first that has threads decides.
    """
    napis, tasks = state.napis.array, state.tasks.array
    cells = slice(codes.CELL_NAPI, codes.BACKLOG_NAPI)
    instances = {"napi": slice(codes.QUEUE_NAPI, codes.CELL_NAPI), "gro_cell": cells}
    napis["threaded"] = 0
    napis["cpu"][cells] = range(codes.MAX_CPUS)
    for device, kind in reversed(profiles.napi_devices(knobs.profile).items()):
        if device in knobs.napi_threads:
            these = instances[kind]
            cpus = _cycle(knobs.napi_threads[device], these.stop - these.start)
            napis["threaded"][these] = 1
            napis["cpu"][these] = cpus
            tasks["cpu"][codes.NAPI_THREADS :][these] = cpus


def _write_rules(state: State, knobs: Knobs) -> None:
    """The operator's policy and flows with priority; NIC's table and flow cache begin empty."""
    cache.empty(state)
    rules = state.flows.array["rule"]
    rules[:] = codes.RULE_NONE
    rules[list(knobs.denied)] = codes.RULE_DENIED
    state.flows.array["priority"] = 0
    state.flows.array["priority"][list(knobs.priority)] = 1
    state.usage.offload_entries = state.usage.offload_functions = 0
    state.tasks.array["function"] = 0


def write_stages(state: State, knobs: Knobs) -> None:
    """The costs' row and the stages of all profiles."""
    amounts = costs.load(knobs.costs, knobs.cost_overrides)
    chains = profiles.chains(knobs.profile)
    table = _table(tuple(chains.values()), frozenset(amounts.items()))
    for name in Costs.FIELDS:
        setattr(state.costs, name, amounts[name].udp)
    count = len(table.devices)
    state.stages.array[:count] = table.stages
    state.chains.array[: len(chains)] = table.chains
    for row, device in enumerate(table.devices):
        state.steering.rps_masks[row] = masks.of_cpus(knobs.rps_masks.get(device, ()))
    state.knobs.chains = len(chains)


class _Table(NamedTuple):
    """Rows of all chains, and of their stages with the device of each."""

    chains: NDArray[Any]
    stages: NDArray[Any]
    devices: tuple[str, ...]


@lru_cache(maxsize=32)  # most hosts have the profiles and costs of another
def _table(chains: tuple[Profile, ...], costs: frozenset[tuple[str, Cost]]) -> _Table:
    """The rows of `chains`, in the order of their numbers. Raises `ConfigError`."""
    amounts = dict(costs)
    of_chains, of_stages = Rows.new(Chain, len(chains)), Rows.new(StageRow, codes.MAX_CHAIN_ROWS)
    devices: list[str] = []
    for number, profile in enumerate(chains):
        chain = of_chains[number]
        chain.first = chain.denied = chain.fragments = len(devices)
        chain.slow_path = chain_number(profile.slow_path) + 1 if profile.slow_path else 0
        chain.low_path = chain_number(profile.low_path) + 1 if profile.low_path else 0
        _add_chain(of_stages, devices, profile, amounts)
        if profile.reassembles is not None:
            chain.fragments = len(devices)
            _add_chain(of_stages, devices, profile.of_fragments(), amounts)
        if profile.hook is not None:
            chain.denied = len(devices)
            _add_chain(of_stages, devices, profile.denied(), amounts)
    _write_first_paths(of_chains, chains)
    return _Table(of_chains.array, of_stages.array[: len(devices)], tuple(devices))


def rows(profile: str) -> Iterator[Stage]:
    """The stages of all chains of a host, in the order of `State.stages`."""
    for chain in profiles.chains(profile).values():
        yield from chain.stages
        if chain.reassembles is not None:
            yield from chain.of_fragments().stages
        if chain.hook is not None:
            yield from chain.denied().stages


def _write_first_paths(rows: Rows[Chain], chains: Iterable[Profile]) -> None:
    """With a flow cache, what it never knows takes the first path from the start.

    No packet of a denied flow comes to a socket, and fragments have no ports.
    """
    for number, profile in enumerate(chains):
        if profile.first_path:
            first = rows[chain_number(profile.first_path)]
            rows[number].denied = first.denied
            rows[number].fragments = first.fragments


def chain_number(profile: str, of_host: str = "host") -> int:
    """The number that `kernel.receive` knows the profile's chain by.

    ``of_host``: the host's own profile. Raises `ConfigError` when the host has no such chain.
    """
    names = list(profiles.chains(of_host))
    if profile not in names:
        raise ConfigError("chain", profile, "one of " + ", ".join(names))
    return names.index(profile)


def has_tunnel(profile: str) -> bool:
    """Whether the profile's own chain is for VXLAN frames."""
    return profiles.chains(profile)[profile].vxlan_port != 0


def _add_chain(
    rows: Rows[StageRow], devices: list[str], profile: Profile, amounts: Amounts
) -> None:
    """Write a chain's stages behind those that there are, one for each of `devices`."""
    if len(devices) + len(profile.stages) > codes.MAX_CHAIN_ROWS:
        raise ConfigError(
            profile.name, len(profile.stages), f"{codes.MAX_CHAIN_ROWS} stages in all"
        )
    for position, stage in enumerate(profile.stages):
        written = rows[len(devices)]
        written.kind = profiles.KINDS[stage.kind]
        written.ifindex = stage.ifindex
        written.position = position
        written.first_path = chain_number(profile.first_path) + 1 if profile.first_path else 0
        _add_costs(written, f"{profile.name}.stage[{position}].costs", stage, amounts)
        devices.append(stage.device)


def _add_costs(row: Row, key: str, stage: Stage, amounts: Amounts) -> None:
    first = stage.kind in ("napi", "poll")
    for name in stage.costs:
        if name not in amounts:
            raise ConfigError(key, name, "a cost that the cost profile has")
        cost = amounts[name]
        elsewhere = (cost.per in _FIRST_STAGE and not first) or (
            cost.per == "cell" and stage.kind != "gro_cell"
        )
        if cost.per == "host" or elsewhere:
            raise ConfigError(key, name, f"a cost that is not per {cost.per}")
        _add(getattr(row, cost.per), cost.udp, cost.tcp)
        if cost.per in KIB:
            _add(getattr(row, KIB[cost.per]), cost.ns_kib, cost.ns_kib)


def _add(amounts: Words, others: int, tcp: int) -> None:
    amounts[0] += others
    amounts[1] += tcp


def _switch(before: int, on: bool) -> int:
    """What is switched off drains: frames in flight keep their order."""
    if on:
        return codes.ON
    return codes.OFF if before == codes.OFF else codes.DRAINING


def _order(knobs: Knobs, policy: Policy) -> int:
    if policy.resequenced:
        return codes.GUARD_NONE  # it would undo what the policy does: frames of a flow in parallel
    if policy.guarded:
        return codes.GUARD_RFS
    return codes.GUARD_NAMES.index(knobs.falcon.order)


def _fill(row: NDArray[np.int64], values: Iterable[int]) -> int:
    numbers = list(values)
    row[: len(numbers)] = numbers
    return len(numbers)


def _cycle(values: Iterable[int], length: int) -> list[int]:
    items = list(values)
    return [items[i % len(items)] for i in range(length)]
