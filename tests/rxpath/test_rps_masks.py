"""RPS with CPUs of its own for each device: which stages it can move, and which it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from model_hosts import accounted, flood, model, run

from rxpath.config.knobs import Knobs
from rxpath.drivers.virtual import make_trace
from rxpath.errors import ConfigError
from rxpath.model.state import codes

MASKS = {"eth0": [0, 6], "vxlan0": [8, 2], "veth0": [4, 10]}
LOW, HIGH = 0x10, 0xF0000010  # hashes: the first CPU of two, and the second


def places(rss_hash, **knobs):
    """(kind of stage, ifindex, CPU) of each stage of a frame, the application's left out."""
    host = model(profile="docker-rps", policy="rps", records=True, **knobs)
    trace = make_trace(
        np.arange(50) * 4000, rss_hash=rss_hash, chain=host.chain("tunnel"), wire_len=114
    )
    slots = run(host, trace)["slot"]
    assert accounted(host)
    assert host.stats()["reordered"] == 0
    assert len(slots) == host.stats()["delivered"] == 50
    found = set()
    for slot in slots:
        stages = host.state.records.array["stages"][slot, : host.state.hops[slot].count - 1]
        found.add(tuple(map(tuple, stages[["kind", "ifindex", "cpu"]].tolist())))
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(("rss_hash", "nic", "vxlan", "veth"), [(LOW, 0, 2, 4), (HIGH, 6, 8, 10)])
def test_each_device_s_mask_places_what_its_netif_receive_skb_or_netif_rx_hands_on(
    rss_hash, nic, vxlan, veth
):
    first, *rest = places(rss_hash, rps_masks=MASKS, irq_cpus=[1])
    assert first == (codes.NAPI, 2, 1)  # driver and GRO: RSS alone decides
    assert rest == [
        (codes.RPS, 2, nic),
        (codes.GRO_CELL, 5, nic),  # this_cpu_ptr(gcells->cells): no mask moves it
        (codes.BACKLOG, 5, vxlan),
        (codes.BACKLOG, 7, veth),
    ]


def test_a_device_without_a_mask_has_the_host_s_rps_cpus():
    stages = places(HIGH, rps_masks={"vxlan0": [8]}, rps_cpus=[3, 5])
    assert [cpu for _, _, cpu in stages[1:]] == [5, 5, 8, 5]
    assert places(HIGH, rps_cpus=[3, 5])[1:] == (
        (codes.RPS, 2, 5),
        (codes.GRO_CELL, 5, 5),
        (codes.BACKLOG, 5, 5),
        (codes.BACKLOG, 7, 5),
    )


def test_masks_that_do_not_overlap_are_faster_than_one_for_all():
    def rate(**knobs):
        return flood(model(profile="docker-rps", policy="rps", slots=16_384, **knobs))

    assert rate(rps_masks=MASKS) > 1.5 * rate()


def test_masks_go_when_knobs_say_so():
    host = model(profile="docker-rps", policy="rps", rps_masks=MASKS)
    assert 0b0100_0001 in host.state.steering.rps_masks.array
    host.reconfigure({"rps_masks": {}})
    assert not host.state.steering.rps_masks.array.any()


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        (
            {"eth7": [0]},
            r"rps_masks.eth7: got \[0\], expected devices of docker: eth0, vxlan0, veth0",
        ),
        ({"eth0": [40]}, r"rps_masks.eth0: got 40, expected CPUs from 0 to 39"),
        ({"eth0": []}, r"rps_masks.eth0: got \[\], expected at least one CPU"),
        ({"eth0": 3}, r"rps_masks.eth0: got 3, expected a list of integers"),
        ({"eth0": ["a"]}, r"rps_masks.eth0: got \['a'\], expected a list of integers"),
        ([1], r"rps_masks: got \[1\], expected a mapping"),
    ],
)
def test_masks_that_make_no_sense_are_refused(masks, said):
    with pytest.raises(ConfigError, match=said):
        Knobs.parse({"rps_masks": masks})


def test_masks_come_back_as_plain_values():
    raw = {"profile": "docker-rps", "rps_masks": MASKS}
    assert Knobs.parse(Knobs.parse(raw).to_dict()).to_dict()["rps_masks"] == MASKS
