"""From what a user says to the numbers that stand in the state: knobs, costs and stages.

The rows of all profiles' stages are always there, each chain at a place of its own: a frame in
flight keeps its row when the host is given another profile, and new costs hold from now on.
"""

from __future__ import annotations

from collections.abc import Iterable

from rxpath.config import costs, profiles
from rxpath.config.costs import Costs
from rxpath.config.knobs import RSS_ENTRIES, Knobs
from rxpath.config.profiles import Profile, Stage
from rxpath.errors import ConfigError
from rxpath.model import bypass
from rxpath.model.state import layout as lay
from rxpath.model.state.host import State, Table
from rxpath.policies.policy import Policy

COLUMN = {"frame": lay.R_FRAME, "gro": lay.R_GRO, "skb": lay.R_SKB, "segment": lay.R_SEGMENT}
KIB_COLUMN = {"frame": lay.R_FRAME_KIB, "skb": lay.R_SKB_KIB}


def write_knobs(state: State, knobs: Knobs, policy: Policy) -> None:
    """The knobs' row, the lists of CPUs and the indirection table."""
    row, falcon = state.host[lay.KNOB], knobs.falcon
    row[lay.K_CPUS] = knobs.cpus
    row[lay.K_RING] = knobs.ring
    row[lay.K_RX_NS] = knobs.rx_usecs * 1000
    row[lay.K_RX_FRAMES] = knobs.rx_frames
    row[lay.K_WEIGHT] = knobs.napi_weight
    row[lay.K_BUDGET] = knobs.budget
    row[lay.K_BUDGET_NS] = knobs.budget_usecs * 1000
    row[lay.K_MAX_BACKLOG] = knobs.max_backlog
    row[lay.K_RCVBUF], row[lay.K_TCP_RCVBUF] = knobs.rcvbuf, knobs.tcp_rcvbuf
    row[lay.K_GRO] = knobs.gro
    row[lay.K_SERVICE_NS] = knobs.service_ns
    row[lay.K_PIPELINING] = falcon.pipelining
    row[lay.K_SPLITTING] = falcon.splitting
    row[lay.K_BALANCING] = falcon.balancing
    row[lay.K_SWITCH_OFF] = falcon.switch_off
    row[lay.K_ORDER_GUARD] = _order_guard(knobs, policy)
    row[lay.K_NIC_STEERING] = _switch(row[lay.K_NIC_STEERING], policy.at_nic)
    row[lay.K_RESEQUENCE] = _switch(row[lay.K_RESEQUENCE], policy.resequenced)
    row[lay.K_MFLOW_BATCH] = knobs.mflow_batch
    row[lay.K_QUEUES] = knobs.queues
    row[lay.K_REBALANCE_NS] = knobs.rebalance_interval_ns if policy.rebalances else 0
    row[lay.K_TOLERANCE] = knobs.rebalance_tolerance * 100
    state.lists[lay.LIST_WANTED] = 0
    row[lay.K_OFFLOAD_ENTRIES] = knobs.offload_entries
    row[lay.K_OFFLOAD_FUNCTIONS] = knobs.offload_functions
    row[lay.K_TCP_PIPELINING] = falcon.tcp_pipelining
    row[lay.K_THRESHOLD] = falcon.threshold
    row[lay.K_LOAD_NS] = falcon.load_interval_ns
    row[lay.K_FALCON_CPUS] = _fill(state.lists[lay.LIST_FALCON], falcon.cpus)
    row[lay.K_SPLIT_CPUS] = _fill(state.lists[lay.LIST_SPLIT], falcon.grosplit_cpus)
    row[lay.K_RPS_CPUS] = _fill(state.lists[lay.LIST_RPS], knobs.rps_cpus)
    _fill(state.lists[lay.LIST_IRQ], _cycle(knobs.irq_cpus, lay.MAX_QUEUES))
    spread = _cycle(range(knobs.queues), RSS_ENTRIES)
    _fill(state.lists[lay.LIST_RSS], knobs.rss_indirection or spread)
    kinds = [stage.kind for stage in profiles.chains(knobs.profile)[knobs.profile].stages]
    used = state.lists[lay.LIST_IRQ, : knobs.queues].tolist()
    bypass.set_polling(state.host, set(used) if kinds[0] == "poll" else set())
    tasks = int(state.host[lay.CLOCK, lay.CK_TASKS])
    cpus = _cycle(knobs.app_cpus, tasks - lay.THREADS)
    state.host[lay.TASK + lay.THREADS : lay.TASK + tasks, lay.T_CPU] = cpus
    _write_rules(state, knobs)


def _write_rules(state: State, knobs: Knobs) -> None:
    """The policy's; the NIC's table is empty again, and fills as frames come."""
    state.flow[:, lay.F_RULE] = lay.RULE_NONE
    state.flow[list(knobs.denied), lay.F_RULE] = lay.RULE_DENIED
    clock = state.host[lay.CLOCK]
    clock[lay.CK_ENTRIES] = clock[lay.CK_FUNCTIONS] = 0
    state.host[lay.TASK : lay.TASK + clock[lay.CK_TASKS], lay.T_FUNCTION] = 0


def write_stages(state: State, knobs: Knobs) -> None:
    """The costs' row and the stages of all profiles."""
    amounts = costs.load(knobs.costs, knobs.cost_overrides)
    state.host[lay.COST, : len(lay.COST_NAMES)] = [amounts[name].udp for name in lay.COST_NAMES]
    row = lay.ROW
    for number, profile in enumerate(profiles.chains(knobs.profile).values()):
        state.lists[[lay.LIST_CHAIN, lay.LIST_DENIED], number] = row
        row = _write_chain(state.host, row, profile, amounts)
        if profile.hook is not None:
            state.lists[lay.LIST_DENIED, number] = row
            row = _write_chain(state.host, row, profile.denied(), amounts)


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


def _write_chain(host: Table, row: int, profile: Profile, amounts: Costs) -> int:
    if row + len(profile.stages) > lay.ROW + lay.MAX_ROWS:
        raise ConfigError(profile.name, len(profile.stages), f"{lay.MAX_ROWS} stages in all")
    for position, stage in enumerate(profile.stages):
        host[row, :] = 0
        host[row, lay.R_KIND] = profiles.KINDS[stage.kind]
        host[row, lay.R_IFINDEX] = stage.ifindex
        host[row, lay.R_POSITION] = position
        host[row, lay.R_SLOW] = chain_number(profile.slow_path) + 1 if profile.slow_path else 0
        _add_costs(host[row], f"{profile.name}.stage[{position}].costs", stage, amounts)
        row += 1
    return row


def _add_costs(row: Table, key: str, stage: Stage, amounts: Costs) -> None:
    first = stage.kind in ("napi", "poll")
    for name in stage.costs:
        if name not in amounts:
            raise ConfigError(key, name, "a cost that the cost profile has")
        cost = amounts[name]
        if cost.per == "host" or (cost.per in ("frame", "gro") and not first):
            raise ConfigError(key, name, f"a cost that is not per {cost.per}")
        row[COLUMN[cost.per]] += cost.udp
        row[COLUMN[cost.per] + 1] += cost.tcp
        if cost.per in KIB_COLUMN:
            row[KIB_COLUMN[cost.per]] += cost.ns_kib
            row[KIB_COLUMN[cost.per] + 1] += cost.ns_kib


def _switch(before: int, on: bool) -> int:
    """What is switched off drains: frames in flight keep their order."""
    if on:
        return lay.ON
    return lay.OFF if before == lay.OFF else lay.DRAINING


def _order_guard(knobs: Knobs, policy: Policy) -> bool:
    if policy.resequenced:
        return False  # it would keep all of a flow on one CPU
    return knobs.falcon.order_guard or policy.guarded


def _fill(row: Table, values: Iterable[int]) -> int:
    numbers = list(values)
    row[: len(numbers)] = numbers
    return len(numbers)


def _cycle(values: Iterable[int], length: int) -> list[int]:
    items = list(values)
    return [items[i % len(items)] for i in range(length)]
