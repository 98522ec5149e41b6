"""One's complement addition."""


def add(a: int, b: int) -> int:
    """The sum of two bytes, as a byte: the carry is added again."""
    return (a + b) % 256 + (a + b) // 256
