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
    bits, value = int.from_bytes(key, "big"), 0
    for place in range(8 * len(data)):
        if data[place // 8] & 0x80 >> place % 8:
            value ^= bits >> 8 * len(key) - 32 - place & 0xFFFFFFFF
    return value


def rss_input(source: str, target: str, ports: list[int] | None = None) -> bytes:
    """The bytes that the NIC hashes: addresses and ports as they are on the wire.

    Without `ports` (the packet is an IP fragment, or the NIC does not look at ports): addresses.
    """
    addresses = IPv4Address(source).packed + IPv4Address(target).packed
    return addresses + b"".join(port.to_bytes(2, "big") for port in ports or [])


def queue_of(rss_hash: int, table: list[int]) -> int:
    """The receive queue. `table` is the indirection table; its length is a power of two."""
    return table[rss_hash & len(table) - 1]


def packets_by_queue(flows: list[dict], key: bytes, table: list[int], queues: int) -> list[int]:
    """How many packets each of the `queues` queues gets of these flows."""
    packets = [0] * queues
    for flow in flows:
        value = toeplitz(KEY, rss_input(flow["source"], flow["target"], flow["ports"]))
        packets[queue_of(value, table)] += flow["packets"]
    return packets


def vxlan_queue(inner: dict, vteps: list[str], key: bytes, table: list[int]) -> int:
    """The receive queue of the packets of a flow that arrives in VXLAN.

    `inner` is the containers' flow, `vteps` the addresses of the sending and the receiving VTEP.
    The NIC hashes the outer headers.  `entropy_port(inner)` is the outer source port.
    """
    ports = [entropy_port(inner), VXLAN_PORT]
    return queue_of(toeplitz(KEY, rss_input(*vteps, ports)), table)


def symmetric_key() -> bytes:
    """A key of 40 bytes with which a packet and the answer to it have the same hash."""
    return bytes.fromhex("6d5a") * 20


def chance_of_sharing(flows: int, queues: int) -> float:
    """The probability that at least two of the flows have the same queue, 0 to 1.

    Each flow has each of the queues with the same probability.
    """
    nobody = 1.0
    for already in range(flows):
        nobody *= max(0, queues - already) / queues
    return 1 - nobody
