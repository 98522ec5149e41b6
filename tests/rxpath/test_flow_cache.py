"""The host's flow cache: a flow's packets are known from its first delivery on."""

from __future__ import annotations

import numpy as np
import pytest
from model_hosts import ACK, accounted, flood, model, run

from rxpath.config.knobs import Knobs
from rxpath.drivers.virtual import make_trace
from rxpath.errors import ConfigError
from rxpath.model.state import codes

SYN = 0x02
GAP = 20_000  # ns: a frame is delivered before the next one comes


def softirqs(flows=1, count=20, gap=GAP, **knobs):
    """(softirqs of each frame in order of arrival, stats) of flows by turns; a knob "tcp_flags"
    is the frames' instead.
    """
    flags = np.asarray(knobs.pop("tcp_flags", 0))
    host = model(flows=flows, sockets=flows, records=True, **{"profile": "econ", **knobs})
    numbers = np.arange(count)
    trace = make_trace(
        numbers * gap,
        rss_hash=numbers % flows * 0x101,
        flow=numbers % flows,
        socket=numbers % flows,
        chain=host.chain("tunnel"),
        protocol=codes.TCP if flags.any() else codes.UDP,
        payload=64 if flags.any() else 0,
        seq=numbers * 64,
        tcp_flags=flags,
        wire_len=114,
    )
    slots = run(host, trace)["slot"]
    hops = host.state.hops.array["count"][slots] - 1
    assert accounted(host)
    return hops.tolist(), host.stats()


@pytest.mark.parametrize("profile", ["econ", "oncache"])
def test_after_a_flow_s_first_packet_the_devices_in_between_are_skipped(profile):
    stages, stats = softirqs(profile=profile)
    assert stages == [3] + [1] * 19
    assert stats["cache"] == {"entries": 1, "misses": 1}
    assert stats["offload"]["slow_path"] == 0


def test_each_flow_is_learned_alone():
    stages, stats = softirqs(flows=4)
    assert stages == [3] * 4 + [1] * 16
    assert stats["cache"] == {"entries": 4, "misses": 4}


def test_without_room_the_next_flow_stays_on_the_first_path():
    stages, stats = softirqs(flows=3, cache_entries=2, count=12)
    assert stages == [3, 3, 3] + [1, 1, 3] * 3
    assert stats["cache"] == {"entries": 2, "misses": 6}


def test_without_any_room_it_is_the_first_path_s_profile_event_for_event():
    def events(profile, **knobs):
        host = model(profile=profile, slots=16_384, **knobs)
        trace = make_trace(np.arange(5000) * 700, chain=host.chain("tunnel"), wire_len=114)
        return run(host, trace)

    assert np.array_equal(events("econ", cache_entries=0), events("docker"))


def test_a_handshake_is_not_known_and_a_new_one_forgets_the_old_connection():
    flags = [SYN, SYN, ACK, ACK, ACK, SYN, ACK, ACK]
    stages, stats = softirqs(count=8, tcp_flags=flags)
    assert stages == [3, 3, 3, 1, 1, 3, 3, 1]
    assert stats["cache"] == {"entries": 1, "misses": 5}


def test_packets_of_a_known_flow_overtake_those_on_the_first_path_once_and_no_more():
    _, stats = softirqs(count=3000, gap=400)
    once = stats["reordered"]
    assert 0 < once < 300
    assert softirqs(count=6000, gap=400)[1]["reordered"] == once
    assert softirqs(count=100, gap=GAP)[1]["reordered"] == 0


def test_a_denied_flow_is_dropped_on_the_first_path_for_ever():
    _, stats = softirqs(flows=2, denied=[0])
    assert stats["drops"]["netfilter_drop"] == stats["delivered"] == 10
    assert stats["cache"]["entries"] == 1


def test_fragments_take_the_first_path_and_are_reassembled_there():
    host = model(profile="econ")
    trace = make_trace(
        np.arange(20) * GAP,
        chain=host.chain("tunnel"),
        wire_len=1000,
        payload=900,
        seq=np.arange(20) // 2,
        fragments=2,
    )
    run(host, trace)
    assert host.stats()["delivered"] == 20
    assert host.stats()["cache"] == {"entries": 0, "misses": 0}


def test_new_knobs_empty_the_cache():
    host = model(profile="econ")
    frame = {"chain": host.chain("tunnel"), "wire_len": 114}
    run(host, make_trace(np.arange(3) * GAP, **frame))
    assert host.stats()["cache"] == {"entries": 1, "misses": 1}
    host.reconfigure({"cache_entries": 2})
    assert host.stats()["cache"]["entries"] == 0
    run(host, make_trace(host.stats()["clock_ns"] + np.arange(3) * GAP, **frame))
    assert host.stats()["cache"] == {"entries": 1, "misses": 2}


def test_what_is_skipped_is_time_that_is_saved():
    rates = [flood(model(profile=name, slots=16_384)) for name in ("docker", "oncache", "econ")]
    assert rates[0] < rates[1] < rates[2]


def test_a_negative_size_is_refused():
    with pytest.raises(ConfigError, match="cache_entries"):
        Knobs.parse({"cache_entries": -1})
