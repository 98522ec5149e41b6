"""The carry is masked away."""


def add(a: int, b: int) -> int:
    """The sum of two words, as a word."""
    return (a + b) & 0xFFFF
