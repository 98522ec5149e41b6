"""A student's own numbers: drawn from a seed, the same on every machine and with every Python."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """A generator of its own, on SHA-256, because Python's may change between versions.

    Each draw takes the next numbers, so their order matters; `named` gives a generator to each
    name, which no other draw changes.
    """

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._count = 0
        self._left = b""

    def named(self, name: str) -> Draw:
        """The generator of a name; always the same, whatever was drawn before."""
        return Draw(f"{self.seed}/{name}")

    def bytes(self, count: int) -> bytes:
        """`count` bytes."""
        while len(self._left) < count:
            self._left += hashlib.sha256(f"{self.seed}\n{self._count}".encode()).digest()
            self._count += 1
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def integer(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included, each as likely."""
        if low > high:
            raise ValueError(f"nothing from {low} to {high}")
        span = high - low + 1
        bits = (span - 1).bit_length()
        while True:
            number = int.from_bytes(self.bytes((bits + 7) // 8), "big") >> (-bits % 8)
            if number < span:
                return low + number

    def number(self, low: float, high: float) -> float:
        """A number from `low` up to `high`, which is not included."""
        return low + (high - low) * (self.integer(0, 2**53 - 1) / 2**53)

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.integer(0, len(items) - 1)]

    def shuffle(self, items: Sequence[T]) -> list[T]:
        """The items in another order; the given sequence stays as it is."""
        found = list(items)
        for place in range(len(found) - 1, 0, -1):
            other = self.integer(0, place)
            found[place], found[other] = found[other], found[place]
        return found

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different ones of the items."""
        if count > len(items):
            raise ValueError(f"{count} of {len(items)} items")
        return self.shuffle(items)[:count]

    def ipv4(self, network: str) -> str:
        """An address of a host in a network such as 10.1.0.0/16."""
        net = IPv4Network(network)
        inside = (1, net.num_addresses - 2) if net.prefixlen < 31 else (0, net.num_addresses - 1)
        return str(net[self.integer(*inside)])

    def mac(self) -> str:
        """A unicast MAC address, locally administered, such as 02:1f:00:5a:9c:01."""
        return "02:" + self.bytes(5).hex(":")
