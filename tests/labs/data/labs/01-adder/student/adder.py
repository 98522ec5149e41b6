"""One's complement addition."""


def add(a: int, b: int) -> int:
    """The sum of two bytes, as a byte: the carry is added again."""
    raise NotImplementedError("add the bytes, then the carry")
