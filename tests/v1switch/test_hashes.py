"""Hash algorithms against published check values and plain bit-by-bit definitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.v1switch.native_helpers import helper
from v1switch.errors import BadValue
from v1switch.program.hashes import (
    CUSTOM,
    HASHES,
    SAME,
    WIDTHS,
    ccitt,
    crc8,
    crc16,
    crc32,
    crc64,
    csum16,
    identity,
    toeplitz,
    xor16,
    xor32,
    xxh64,
)
from v1switch.state.crc import Crc, CrcConfig
from v1switch.state.toeplitz import MAX_KEY, Toeplitz
from v1switch.state.words import address, byte_address

CHECK = b"123456789"  # the customary check string of CRC catalogues


def bitwise_crc(data: bytes, width: int, polynomial: int, initial: int, final: int) -> int:
    """A reflected CRC, one bit at a time."""
    crc = initial
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (polynomial if crc & 1 else 0)
    assert crc < 1 << width
    return crc ^ final


def test_check_values_of_the_crc_catalogue() -> None:
    assert crc16(CHECK) == 0xBB3D  # CRC-16/ARC
    assert crc32(CHECK) == 0xCBF43926  # CRC-32/ISO-HDLC
    assert crc8(CHECK) == 0xF4  # CRC-8/SMBUS
    assert ccitt(CHECK) == 0x29B1  # CRC-16/IBM-3740


@given(st.binary(max_size=40))
def test_crcs_bit_by_bit(data: bytes) -> None:
    assert crc16(data) == bitwise_crc(data, 16, 0xA001, 0, 0)
    assert crc32(data) == bitwise_crc(data, 32, 0xEDB88320, 0xFFFFFFFF, 0xFFFFFFFF)
    assert crc64(data) == bitwise_crc(data, 64, 0xD800000000000000, 0, 0)
    assert HASHES["crc16_custom"](data) == crc16(data)
    assert HASHES["crc32_custom"](data) == crc32(data)


def divided(data: bytes, width: int, config: CrcConfig) -> int:
    """A CRC as a remainder of polynomials, one bit at a time, of lists of bits."""
    bits = []
    for byte in data:
        each = [byte >> n & 1 for n in range(8)]
        bits += each if config.data_reflected else each[::-1]
    state = [config.initial >> n & 1 for n in reversed(range(width))]
    polynomial = [config.polynomial >> n & 1 for n in reversed(range(width))]
    for bit in bits:
        top = state.pop(0) ^ bit
        state.append(0)
        state = [s ^ (p & top) for s, p in zip(state, polynomial, strict=True)]
    if config.remainder_reflected:
        state.reverse()
    return int("".join(map(str, state)), 2) ^ config.final


@given(st.binary(max_size=20), st.sampled_from([16, 32]), st.data(), st.booleans(), st.booleans())
def test_custom_crcs_by_division(
    data: bytes, width: int, draw: st.DataObject, entering: bool, leaving: bool
) -> None:
    numbers = (draw.draw(st.integers(0, (1 << width) - 1)) for _ in range(3))
    config = CrcConfig(*numbers, entering, leaving)
    crc = Crc("c", width)
    crc.configure(config)
    expected = divided(data, width, config)
    assert crc.hash(data) == expected
    memory = bytearray(data or b"x")
    found = helper("crc_custom")(byte_address(memory), len(data), address(crc.words), width)
    assert found == expected


def test_crcs_start_with_bmv2s_parameters() -> None:
    assert Crc("c", 16).hash(CHECK) == 0xBB3D
    assert Crc("c", 32).hash(CHECK) == 0xCBF43926
    with pytest.raises(BadValue, match="0x10000 does not fit 16 bits"):
        Crc("c", 16).configure(CrcConfig(0x10000, 0, 0, True, True))


def folded(data: bytes) -> int:
    """RFC 1071 section 1: add up the words, fold the carries back in, take the complement."""
    data += bytes(len(data) % 2)
    total = sum(int.from_bytes(data[n : n + 2], "big") for n in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def test_the_example_of_rfc_1071() -> None:
    assert csum16(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


@given(st.one_of(st.binary(max_size=40), st.sampled_from([b"\xff\xff", b"\xff" * 8, bytes(6)])))
def test_the_internet_checksum_by_adding_words(data: bytes) -> None:
    assert csum16(data) == folded(data)


def test_xor_and_identity() -> None:
    assert xor32(b"\x12\x34\x00\xff\x80") == 0x123400FF ^ 0x80000000
    assert xor16(b"\x12\x34\x00\xff\x80") == 0x1234 ^ 0x00FF ^ 0x8000
    assert identity(b"\x01\x02") == 0x0102
    assert identity(bytes(range(10))) == 0x0001020304050607


def test_xxh64_has_published_values() -> None:
    assert xxh64(b"") == 0xEF46DB3751D8E999
    assert xxh64(b"abc") == 0x44BC2CF5AD770999


RSS = bytes.fromhex(  # the key of "Verifying the RSS Hash Calculation", by Microsoft
    "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"
)


def test_toeplitz_has_published_values() -> None:
    hashed = Toeplitz("t")
    assert hashed.hash(CHECK) == toeplitz(CHECK) == 0, "of the key that BMv2 starts with"
    hashed.configure(RSS)
    assert hashed.hash(bytes.fromhex("420995bba18e6450")) == 0x323E8FC2  # two addresses
    assert hashed.hash(bytes.fromhex("420995bba18e64500aea06e6")) == 0x51CCC178  # and ports


@pytest.mark.parametrize("size", [0, 3, 5, MAX_KEY + 4])
def test_a_toeplitz_key_is_a_number_of_words(size: int) -> None:
    with pytest.raises(BadValue, match=f"a key of {size} bytes, expected a multiple of 4"):
        Toeplitz("t").configure(bytes(size))


@given(st.binary(max_size=100), st.binary(min_size=4, max_size=24))
def test_machine_code_hashes_as_plain_python_does(data: bytes, key: bytes) -> None:
    hashed = Toeplitz("t")
    hashed.configure(key[: len(key) // 4 * 4])
    memory = bytearray(data + b"behind it")
    start, size = byte_address(memory), len(data)
    assert helper("toeplitz")(start, size, address(hashed.words)) == hashed.hash(data)
    same = ("crc16", "crc32", "csum16", "hash_ex", "identity", "xor16", "xor32", "xxh64")
    names = {name: name for name in same}
    names |= {"crc64": "crc64_custom", "crc8": "crc8_custom", "ccitt": "crcCCITT"}
    assert {*names.values(), *SAME, *CUSTOM} == HASHES.keys()
    for name, algorithm in names.items():
        found = helper(name)(start, size) & (1 << 64) - 1
        assert found == HASHES[algorithm](data), name


@pytest.mark.parametrize("name", sorted(HASHES))
def test_every_algorithm_takes_any_length(name: str) -> None:
    for length in range(40):
        assert 0 <= HASHES[name](bytes(length)) < 1 << WIDTHS[name]
        assert 0 <= HASHES[name](b"\xff" * length) < 1 << WIDTHS[name]
