"""Cases in which the kernels and the plain twin once differed, with as few frames as show it."""

from __future__ import annotations

import pytest
from test_twin import SOCKETS, compare

from rxpath.config import profiles
from rxpath.config.knobs import Knobs

# knobs, chain, and of each frame: time in ns, RSS hash, flow, protocol, length,
# and a TCP segment's payload, sequence number and flags
CASES = {
    # the first packet with priority is queued at a backlog whose IPI has not come yet
    "priority before the IPI": (
        {"profile": "prism", "policy": "falcon", "napi_weight": 1, "priority": [0],
         "falcon": {"switch_off": False, "tcp_pipelining": False,
                    "cpus": [3], "grosplit_cpus": [0]}},
        "prism",
        [
            (500, 32769, 3, 1, 1500, 0, 0, 0),
            (500, 2654435761, 1, 6, 30000, 0, 0, 0),
            (600, 1, 0, 6, 30000, 0, 0, 0),
            (600, 32769, 3, 1, 64, 0, 0, 0),
            (800, 1, 0, 6, 64, 0, 0, 0),
        ],
    ),
    # segments that a hand-over held for different times are merged by GRO on the new CPU
    "merged after a hand-over": (
        {"policy": "falcon", "queues": 3, "irq_cpus": [0],
         "idle_exit_ns": 3000, "offload_entries": 3},
        "offload",
        [
            (5500, 9, 2, 17, 1500, 0, 0, 0),
            (5500, 9, 1, 6, 1500, 0, 0, 0),
            (8000, 32769, 0, 17, 64, 0, 0, 0),
            (9500, 9, 2, 17, 1500, 0, 0, 0),
            (10500, 9, 3, 17, 1500, 0, 0, 0),
            (12500, 9, 3, 17, 1500, 0, 0, 0),
            (12500, 9, 1, 6, 64, 0, 0, 0),
            (13000, 9, 1, 6, 1500, 100, 0, 0),
            (14000, 9, 2, 17, 1500, 0, 0, 0),
            (14500, 32769, 0, 17, 1500, 0, 0, 0),
            (19500, 9, 1, 6, 30000, 100, 0, 0),
            (23500, 9, 1, 6, 64, 100, 0, 0),
            (23500, 9, 1, 6, 1500, 0, 0, 0),
            (24500, 9, 1, 6, 1500, 100, 572, 16),
            (25000, 9, 1, 6, 64, 100, 672, 16),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_kernel_does_what_the_plain_twin_does(name):
    knobs, chain, rows = CASES[name]
    fields = ("now", "rss_hash", "flow", "protocol", "wire_len", "payload", "seq", "tcp_flags")
    frames = [
        {
            "slot": slot,
            "socket": row[2] % SOCKETS,
            "chain": list(profiles.load()).index(chain),
            **dict(zip(fields, row, strict=True)),
        }
        for slot, row in enumerate(rows)
    ]
    compare(Knobs.parse(knobs), frames, 64)
