"""A VTEP that sends: how it chooses the outer UDP source port. Nothing to do in this file.

RFC 7348, section 5: the source port should be a hash of the inner headers, in the dynamic range
49152 to 65535.  The switch of this project uses CRC-32, as here.
"""

from ipaddress import IPv4Address
from zlib import crc32

VXLAN_PORT = 4789  # the outer UDP destination port, IANA's


def entropy_port(flow: dict) -> int:
    """The outer source port of all packets of an inner flow."""
    addresses = IPv4Address(flow["source"]).packed + IPv4Address(flow["target"]).packed
    ports = b"".join(port.to_bytes(2, "big") for port in flow["ports"])
    return 49152 + crc32(addresses + ports) % 16384
