"""Source for machine code, piece by piece."""

import pytest

from v1switch.native.layout import Item, load_bits, store_bits
from v1switch.native.writer import NativeWriter


def stored(items: list[Item], values: dict[str, object]) -> int:
    """What the code that stores items puts into memory, as one number."""
    memory: dict[int, int] = {}

    def put(size: int) -> object:
        def store(to: int, value: int) -> None:
            whole = (value & (1 << size) - 1).to_bytes(size // 8, "big")
            memory.update({to + n: byte for n, byte in enumerate(whole)})

        return store

    writer = NativeWriter()
    writer.depth = 0
    names = {f"put{size}": put(size) for size in (8, 16, 32)}
    length = store_bits(writer, items, "0")
    exec("\n".join(writer.lines), {**names, **values})
    return int.from_bytes(bytes(memory[n] for n in range(length)), "big")


def test_signed_fields_stay_within_their_bits() -> None:
    items = [Item("c", 4), Item("d", 4, signed=True), Item("e", 63, signed=True), Item("f", 1)]
    values = {"c": 3, "d": -2, "e": -1, "f": 0}
    assert stored(items, values) == 0x3E << 64 | (1 << 63) - 1 << 1


def test_limbs_meet_fields_at_any_bit() -> None:
    limbs = (0x89ABCDEF, 0x01234567, 0x5)
    items = [Item("a", 3), Item("w", 67), Item(2, 2)]
    whole = 0x5 << 64 | 0x0123456789ABCDEF
    assert stored(items, {"a": 6, "w": limbs}) == 6 << 69 | whole << 2 | 2


@pytest.mark.parametrize(("start", "width"), [(0, 8), (3, 5), (4, 60), (1, 63), (7, 72), (0, 128)])
def test_bits_are_read_wherever_they_stand(start: int, width: int) -> None:
    data = bytes((n * 37 + 11) & 255 for n in range(32))

    def load(size: int) -> object:
        return lambda at: int.from_bytes(data[at : at + size // 8], "big")

    names = {f"u{size}": load(size) for size in (8, 16, 32)}
    found = eval(load_bits("2", start, width), {**names, "frame": 0})
    if isinstance(found, tuple):
        found = sum(limb << 32 * n for n, limb in enumerate(found))
    whole = int.from_bytes(data[2:], "big")
    assert found == whole >> 240 - start - width & (1 << width) - 1
