"""One's complement addition of 16-bit words (RFC 1071)."""


def add(a: int, b: int) -> int:
    """The sum of two words, as a word."""
    raise NotImplementedError("add the words; what does not fit into 16 bits is added again")
