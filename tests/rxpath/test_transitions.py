"""The tables of what becomes of an skb: what they allow, and that it happens and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from model_hosts import model, run

from rxpath.config import profiles
from rxpath.drivers.virtual import make_trace
from rxpath.model import transitions
from rxpath.model.state import codes
from rxpath.model.state.codes import BACKLOG, GRO_CELL, NAPI, RPS, SOCKET, SPLIT
from rxpath.model.transitions import ENTRANCES, EXITS, NEXT_STAGE, QUEUE, READER

WORK = {  # stage of a record -> work that was done in it last
    NAPI: {codes.WORK_FRAME, codes.WORK_STACK},
    SPLIT: {codes.WORK_SPLIT, codes.WORK_STACK},
    RPS: {codes.WORK_RPS},
    GRO_CELL: {codes.WORK_STAGE},
    BACKLOG: {codes.WORK_STAGE},
}


def test_the_ways_out_are_tried_in_one_order_and_the_next_stage_is_the_last():
    for work, exits in EXITS.items():
        assert list(exits) == sorted(exits), work
        assert exits[-1] == NEXT_STAGE
        assert transitions.EXITS_OF[work] == sum(exits)
    assert sum(transitions.EXITS_OF) == sum(map(sum, EXITS.values()))


def test_each_kind_of_stage_of_a_profile_has_an_entrance():
    kinds = {
        profiles.KINDS[stage.kind]
        for profile in profiles.load().values()
        for chain in (profile, profile.denied(), profile.of_fragments())
        for stage in chain.stages[1:]
    }
    assert kinds == set(ENTRANCES)


def allowed(stage):
    """The stages that an skb may be in after ``stage``, as the tables say."""
    exits = {way for work in WORK[stage] for way in EXITS[work]}
    found = {kind for kind, way in ENTRANCES.items() if way in (QUEUE, READER)}
    found |= {SPLIT} if transitions.SPLIT_OFF in exits else set()
    return found | ({RPS} if transitions.STEER in exits else set())


@pytest.mark.parametrize("policy", ["same_cpu", "rps", "falcon", "mflow"])
@pytest.mark.parametrize("profile", ["host", "docker", "weave"])
def test_frames_go_where_the_tables_say(policy, profile):
    host = model(flows=4, records=True, policy=policy, profile=profile)
    flow = np.arange(400) % 4
    tcp = flow % 2 == 1
    trace = make_trace(
        np.arange(400) * 2500,
        rss_hash=flow * 0x9E3779B1,
        flow=flow,
        chain=host.chain(profile),
        protocol=np.where(tcp, codes.TCP, codes.UDP),
        wire_len=1500,
        payload=np.where(tcp, 1400, 0),
        seq=np.arange(400) // 4 * 1400 * tcp,
        tcp_flags=0x10 * tcp,
    )
    slots = run(host, trace)["slot"]
    seen = set()
    for slot in slots:
        kinds = host.state.records.array["stages"]["kind"][slot][: host.state.hops[slot].count]
        seen |= set(zip(kinds[:-1].tolist(), kinds[1:].tolist(), strict=True))
        assert kinds[-1] == SOCKET
    assert all(after in allowed(before) for before, after in seen)
    splits = policy in ("falcon", "mflow")
    assert ((NAPI, SPLIT) in seen) == splits
    assert ((NAPI, RPS) in seen) == (policy == "rps")
    assert any(after in (GRO_CELL, BACKLOG) for _, after in seen) == (profile != "host")
