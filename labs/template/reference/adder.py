"""One's complement addition of 16-bit words (RFC 1071)."""


def add(a: int, b: int) -> int:
    """The sum of two words, as a word."""
    total = a + b
    return (total & 0xFFFF) + (total >> 16)
