"""RSS against the vectors that Microsoft publishes ("Verifying the RSS Hash Calculation")."""

from __future__ import annotations

import ipaddress
import struct

import numpy as np
import pytest

from rxpath.wire.toeplitz import key_table, toeplitz

# destination, its port, source, its port, hash of the addresses, hash with the TCP ports
VECTORS = [
    ("161.142.100.80", 1766, "66.9.149.187", 2794, 0x323E8FC2, 0x51CCC178),
    ("65.69.140.83", 4739, "199.92.111.2", 14230, 0xD718262A, 0xC626B0EA),
    ("12.22.207.184", 38024, "24.19.198.95", 12898, 0xD2D0A5DE, 0x5C2B394A),
    ("209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xAFC7327F),
    ("202.188.127.2", 1303, "153.39.163.191", 44251, 0x5D1809C5, 0x10E828A2),
    ("3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2CC18CD5, 0x40207D3D),
    ("ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0F0C461C, 0xDDE51BBF),
    (
        "fe80::200:f8ff:fe21:67cf",
        38024,
        "3ffe:1900:4545:3:200:f8ff:fe21:67cf",
        44251,
        0x4B61E985,
        0x02D1FEEF,
    ),
]


@pytest.mark.parametrize(("dst", "dport", "src", "sport", "plain", "with_ports"), VECTORS)
def test_published_vectors(dst, dport, src, sport, plain, with_ports):
    addresses = ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed
    packed = addresses + struct.pack("!HH", sport, dport)
    data = np.frombuffer(packed, np.uint8)
    table = key_table()
    assert toeplitz(table, data, 0, len(addresses), 0) == plain
    assert toeplitz(table, data, 0, len(data), 0) == with_ports


def test_parts_of_a_frame_are_hashed_apart():
    table = key_table()
    data = np.arange(12, dtype=np.uint8)
    frame = np.concatenate([data[:8], np.zeros(5, np.uint8), data[8:]])
    whole = toeplitz(table, data, 0, 12, 0)
    assert toeplitz(table, frame, 0, 8, 0) ^ toeplitz(table, frame, 13, 4, 8) == whole


def test_key_of_a_wrong_length():
    with pytest.raises(ValueError, match="39 bytes, expected 40"):
        key_table(bytes(39))
