"""The hashes that choose a CPU, written from their definitions for the checks alone.

They share no code with the receiving host (rxpath), so that a check which recomputes a choice can
fail. Bit strings and Python integers: slow and simple.
"""

from __future__ import annotations

import ipaddress

# Microsoft, "Verifying the RSS Hash Calculation": the key that the published vectors use, and
# that drivers take by default.
RSS_KEY = bytes.fromhex(
    "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"
)
GOLDEN_RATIO_32 = 0x61C88647  # include/linux/hash.h


def toeplitz(data: bytes, key: bytes = RSS_KEY) -> int:
    """Toeplitz hash: XOR of the 32-bit windows of `key` at each set bit of `data`."""
    key_bits, width = int.from_bytes(key, "big"), len(key) * 8
    data_bits, length = int.from_bytes(data, "big"), len(data) * 8
    result = 0
    for position in range(length):
        if data_bits >> (length - 1 - position) & 1:
            result ^= key_bits >> (width - 32 - position) & 0xFFFFFFFF
    return result


def rss_hash(source: str, target: str, source_port: int | None, target_port: int | None) -> int:
    """Hash of an IPv4 or IPv6 4-tuple, or of the addresses alone when the ports are None."""
    data = ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed
    if source_port is not None and target_port is not None:
        data += source_port.to_bytes(2, "big") + target_port.to_bytes(2, "big")
    return toeplitz(data)


def hash_32(value: int, bits: int) -> int:
    """`hash_32` of include/linux/hash.h: multiplicative hashing by the golden ratio."""
    return (value * GOLDEN_RATIO_32 & 0xFFFFFFFF) >> (32 - bits)


def falcon_cpus(skb_hash: int, ifindex: int, cpus: list[int]) -> tuple[int, int]:
    """First and second choice of FALCON's stage transition (EuroSys'21, section 4)."""
    first = hash_32(skb_hash + ifindex & 0xFFFFFFFF, 16)
    second = hash_32(first, 16)
    return cpus[first % len(cpus)], cpus[second % len(cpus)]


def rps_cpu(skb_hash: int, cpus: list[int]) -> int:
    """CPU of RPS: the hash scaled to the number of CPUs (net/core/dev.c, get_rps_cpu)."""
    return cpus[skb_hash * len(cpus) // 2**32]


def split_cpu(skb_hash: int, cpus: list[int]) -> int:
    """CPU of the GRO half when the first stage is split."""
    return cpus[hash_32(skb_hash, 16) % len(cpus)]
