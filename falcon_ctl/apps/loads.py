"""One-line descriptions of the applications' loads, for help texts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CLIENTS = 10  # of memcached
OBJECT = 550  # bytes of an object, of memcached's in the papers [EuroSys Fig 18] and of redis'
FILE = 8192  # bytes of nginx' file
LOADS: Mapping[str, str] = MappingProxyType(
    {
        "memcached": f"{CLIENTS} clients, {OBJECT} B objects, 4 threads",
        "nginx": f"a file of {FILE // 1024} KiB over open connections",
        "redis": f"GET of {OBJECT} bytes",
        "iperf3": "one TCP stream",
        "sockperf": "64-byte UDP messages near the overlay's capacity, round trip",
    }
)
