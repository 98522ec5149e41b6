"""The policies' formulas, on numbers worked out by hand or by other code."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_hosts import model

from rxpath.compile.jit import jit
from rxpath.errors import ConfigError
from rxpath.model import masks
from rxpath.model.hashes import hash_32, reciprocal_scale
from rxpath.model.policy import Host, Packet, PolicyKnobs
from rxpath.model.state import codes
from rxpath.policies import falcon, falcon_rps, mflow, rfs, rps, same_cpu
from rxpath.policies.registry import BUILT_IN, resolve

CPUS = np.array([0, 2, 4, 6, 8, 10])
SPLIT_CPUS = np.array([12, 14, 16])
RPS_CPUS = np.array([1, 3, 5, 7])


@jit
def ask(state, stage, here, app):
    """A policy's answer, as the kernels ask it, for the packet in slot 0."""
    skb = state.slots[0]
    device = state.stages[skb.stage]
    return state.steer(skb, device, stage, here, app, state.knobs, state.steering)


def host(load=None, average=0, **flags):
    names = ("pipelining", "splitting", "balancing", "switch_off", "tcp_pipelining")
    switches = {name: int(flags.get(name, True)) for name in names}
    knobs = PolicyKnobs(**switches, threshold=80, average_load=average, mflow_batch=64)
    loads = np.zeros(40, np.int64)
    for cpu, value in (load or {}).items():
        loads[cpu] = value
    return Host(knobs, loads, CPUS, SPLIT_CPUS, RPS_CPUS, np.zeros(8, np.int64))


def packet(skb_hash=0x12345678, ifindex=7, stage=codes.BACKLOG, protocol=17):
    return Packet(skb_hash, ifindex, stage, protocol, here=33, app=20)


def test_hash_32_by_hand():
    assert hash_32(1, 32) == 0x61C88647
    assert hash_32(1, 16) == 0x61C8
    assert hash_32(2**32 + 1, 16) == 0x61C8  # 32 bits wrap around
    assert hash_32(0xFFFFFFFF, 32) == 0x9E3779B9


@given(st.integers(0, 2**32 - 1), st.integers(1, 64))
def test_reciprocal_scale_is_a_scale(value, count):
    assert reciprocal_scale(value, count) == int(value / 2**32 * count)


@given(st.integers(0, 2**32 - 1), st.integers(1, 64))
def test_falcon_hashes_flow_and_device(skb_hash, ifindex):
    product = (((skb_hash + ifindex) % 2**32) * 0x61C88647) % 2**32
    one = product >> 16
    two = ((one * 0x61C88647) % 2**32) >> 16
    first, second = CPUS[one % 6], CPUS[two % 6]
    flow = packet(skb_hash, ifindex)
    assert falcon.choose(flow, host()) == (first, codes.CHOICE_FIRST)
    assert falcon.choose(flow, host({first: 79})) == (first, codes.CHOICE_FIRST)
    busy = host({first: 80, second: 100})
    assert falcon.choose(flow, busy) == (second, codes.CHOICE_SECOND)
    unbalanced = host({first: 100}, balancing=False)
    assert falcon.choose(flow, unbalanced) == (first, codes.CHOICE_FIRST)


@given(st.integers(0, 2**32 - 1))
def test_falcon_splits_tcp_by_its_flow_alone(skb_hash):
    cpu = SPLIT_CPUS[((skb_hash * 0x61C88647) % 2**32 >> 16) % 3]
    segment = packet(skb_hash, stage=codes.SPLIT, protocol=6)
    assert falcon.choose(segment, host()) == (cpu, codes.CHOICE_FIRST)
    later = packet(skb_hash, stage=codes.BACKLOG, protocol=6)
    assert falcon.choose(later, host())[0] in CPUS
    assert falcon.choose(later, host(tcp_pipelining=False)) == (cpu, codes.CHOICE_FIRST)


def test_falcon_does_not_split_udp():
    assert falcon.choose(packet(stage=codes.SPLIT), host()) == (33, codes.CHOICE_NONE)
    tcp = packet(stage=codes.SPLIT, protocol=6)
    assert falcon.choose(tcp, host(splitting=False)) == (33, codes.CHOICE_NONE)


def test_falcon_switches_itself_off_at_the_threshold():
    assert falcon.choose(packet(), host(average=79))[1] == codes.CHOICE_FIRST
    assert falcon.choose(packet(), host(average=80)) == (33, codes.CHOICE_FALLBACK)
    never = host(average=100, switch_off=False)
    assert falcon.choose(packet(), never)[1] == codes.CHOICE_FIRST


def test_falcon_without_pipelining_leaves_later_stages_alone():
    assert falcon.choose(packet(), host(pipelining=False)) == (33, codes.CHOICE_NONE)


@given(st.integers(0, 2**32 - 1), st.integers(1, 64))
def test_rps_forgets_the_device(skb_hash, ifindex):
    cpu = RPS_CPUS[skb_hash * 4 >> 32]
    assert rps.choose(packet(skb_hash, ifindex), host()) == (cpu, 1)
    for stage in (codes.SPLIT, codes.GRO_CELL):
        assert rps.choose(packet(skb_hash, ifindex, stage), host()) == (33, 0)


@given(st.integers(0, 2**32 - 1), st.sets(st.integers(0, 63), min_size=1))
def test_rps_takes_a_cpu_of_the_device_s_own_mask(skb_hash, cpus):
    own = packet(skb_hash)._replace(rps_mask=masks.of_cpus(cpus))
    assert rps.choose(own, host()) == (sorted(cpus)[skb_hash * len(cpus) >> 32], 1)
    for stage in (codes.SPLIT, codes.GRO_CELL):
        assert rps.choose(own._replace(stage=stage), host()) == (33, 0)


def test_a_mask_is_the_kernel_s_number():
    assert masks.of_cpus([0, 2, 2]) == 0b101
    assert masks.of_cpus([63]) == -(2**63)
    assert masks.of_cpus([]) == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 64), st.sampled_from([6, 17]))
def test_falcon_beside_rps_is_rps_at_the_nic_and_falcon_behind_it(skb_hash, ifindex, protocol):
    by_hash = RPS_CPUS[skb_hash * 4 >> 32]
    nic, split, cell, veth = (
        packet(skb_hash, ifindex, stage, protocol)
        for stage in (codes.RPS, codes.SPLIT, codes.GRO_CELL, codes.BACKLOG)
    )
    assert falcon_rps.choose(nic, host()) == (by_hash, codes.CHOICE_FIRST)
    for later in (split, cell, veth):
        assert falcon_rps.choose(later, host()) == falcon.choose(later, host())
    off = host(average=80)
    assert falcon_rps.choose(nic, off) == (by_hash, codes.CHOICE_FIRST)
    assert falcon_rps.choose(split, off) == (33, codes.CHOICE_FALLBACK)
    assert falcon_rps.choose(cell, off) == (33, codes.CHOICE_FALLBACK)
    assert falcon_rps.choose(veth, off) == (by_hash, codes.CHOICE_FALLBACK)
    whole = host(pipelining=False, splitting=False)
    assert falcon_rps.choose(cell, whole) == (33, codes.CHOICE_NONE)
    assert falcon_rps.choose(veth, whole) == (by_hash, codes.CHOICE_FIRST)


def test_rfs_goes_where_the_application_is():
    for stage in (codes.RPS, codes.BACKLOG):
        assert rfs.choose(packet(stage=stage), host()) == (20, 1)
    for stage in (codes.SPLIT, codes.GRO_CELL):
        assert rfs.choose(packet(stage=stage), host()) == (33, 0)


@given(st.integers(0, 2**32 - 1), st.integers(0, 10**9))
def test_mflow_takes_the_next_cpu_for_the_next_batch(skb_hash, number):
    some = host()
    cpu = RPS_CPUS[((skb_hash * 4 >> 32) + number // 64) % 4]
    for protocol, parts in ((codes.TCP, codes.SPLIT), (17, codes.GRO_CELL)):
        for stage in (codes.SPLIT, codes.GRO_CELL, codes.BACKLOG):
            frame = packet(skb_hash, stage=stage)._replace(number=number, protocol=protocol)
            goes = (cpu, codes.CHOICE_FIRST) if stage == parts else (33, codes.CHOICE_NONE)
            assert mflow.choose(frame, some) == goes


def test_same_cpu_stays():
    assert same_cpu.choose(packet(), host()) == (33, 0)


def test_every_policy_is_documented_and_compiles():
    for name, choose in BUILT_IN.items():
        assert sys.modules[choose.__module__].__doc__
        assert choose.__doc__
        knobs = {"policy": name, "falcon": {"cpus": [3, 5, 7]}, "rps_cpus": [9, 11]}
        knobs["rps_masks"] = {"eth0": [13, 23]}
        asked = model(**knobs)
        state = asked.state
        own = Host(
            PolicyKnobs(*(getattr(state.knobs, name) for name in PolicyKnobs._fields)),
            state.steering.loads.array[:40],
            state.steering.falcon_cpus.array[:3],
            state.steering.split_cpus.array[: len(asked.knobs.falcon.grosplit_cpus)],
            state.steering.rps_cpus.array[:2],
            state.steering.memory.array,
        )
        for stage in (codes.SPLIT, codes.RPS, codes.GRO_CELL, codes.BACKLOG):
            one = packet(stage=stage, protocol=codes.TCP)
            one = one._replace(rps_mask=state.steering.rps_masks[state.slots[0].stage])
            skb = state.slots[0]
            skb.hash, skb.protocol, skb.number = one.hash, one.protocol, one.number
            state.stages[skb.stage].ifindex = one.ifindex
            assert ask(state, stage, one.here, one.app) == tuple(choose(one, own))


def test_unknown_policy_names_what_there_is():
    with pytest.raises(ConfigError, match="policy: got 'best', expected one of same_cpu, rps"):
        resolve("best")
