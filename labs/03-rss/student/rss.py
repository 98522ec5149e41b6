"""Lab 3: what a NIC does to choose the receive queue of a packet.

A flow is a dict, as in given.toml:
    {"source": "10.0.0.1", "target": "10.0.0.2", "ports": [40000, 80], "packets": 1000}
`ports` are the source port and the destination port.
"""

from ipaddress import IPv4Address  # IPv4Address("10.0.0.1").packed gives its four bytes

from vtep import VXLAN_PORT, entropy_port

# Microsoft's verification key, 40 bytes; many NICs start with it.
KEY = bytes.fromhex(
    "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"
)


def toeplitz(key: bytes, data: bytes) -> int:
    """The 32-bit Toeplitz hash of `data`, as an integer."""
    raise NotImplementedError("task 2: go through the bits of data, shift the key")


def rss_input(source: str, target: str, ports: list[int] | None = None) -> bytes:
    """The bytes that the NIC hashes: addresses and ports as they are on the wire.

    Without `ports` (the packet is an IP fragment, or the NIC does not look at ports): addresses.
    """
    raise NotImplementedError("task 3: source address, target address, source port, target port")


def queue_of(rss_hash: int, table: list[int]) -> int:
    """The receive queue. `table` is the indirection table; its length is a power of two."""
    raise NotImplementedError("task 4: the low bits of the hash are a place in the table")


def packets_by_queue(flows: list[dict], key: bytes, table: list[int], queues: int) -> list[int]:
    """How many packets each of the `queues` queues gets of these flows."""
    raise NotImplementedError("task 5: add up the packets of each flow in its queue")


def vxlan_queue(inner: dict, vteps: list[str], key: bytes, table: list[int]) -> int:
    """The receive queue of the packets of a flow that arrives in VXLAN.

    `inner` is the containers' flow, `vteps` the addresses of the sending and the receiving VTEP.
    The NIC hashes the outer headers.  `entropy_port(inner)` is the outer source port.
    """
    raise NotImplementedError("task 6: what are the addresses and ports of the outer headers?")


def symmetric_key() -> bytes:
    """A key of 40 bytes with which a packet and the answer to it have the same hash."""
    raise NotImplementedError("task 7: with which period must the key repeat?")


def chance_of_sharing(flows: int, queues: int) -> float:
    """The probability that at least two of the flows have the same queue, 0 to 1.

    Each flow has each of the queues with the same probability.
    """
    raise NotImplementedError("task 8: what is the probability that no two flows share a queue?")
