"""Random keys of table entries, and whether a value matches one."""

from hypothesis import strategies as st

from v1switch.state.entries import Exact, Lpm, Match, Range, Ternary


def lpm(width: int, values: st.SearchStrategy[int]) -> st.SearchStrategy[Lpm]:
    ones = (1 << width) - 1
    return st.builds(
        lambda value, length: Lpm(value & (ones ^ (ones >> length)), length),
        values,
        st.integers(0, width),
    )


def ternary(masks: list[int], values: st.SearchStrategy[int]) -> st.SearchStrategy[Ternary]:
    return st.builds(lambda v, m: Ternary(v & m, m), values, st.sampled_from(masks))


def between(values: st.SearchStrategy[int]) -> st.SearchStrategy[Range]:
    return st.builds(lambda x, y: Range(min(x, y), max(x, y)), values, values)


def fits(match: Match, value: int, width: int) -> bool:
    if isinstance(match, Exact):
        return value == match.value
    if isinstance(match, Lpm):
        return value >> (width - match.prefix_len) == match.value >> (width - match.prefix_len)
    if isinstance(match, Ternary):
        return value & match.mask == match.value
    return match.low <= value <= match.high
