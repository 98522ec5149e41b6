"""RFC 4737 as it is right, and sequences to try it on."""

from __future__ import annotations

from labs.checking import Draw


def reordered(arrived: list[int]) -> list[bool]:
    """RFC 4737, 3.3, copies ignored."""
    expected, seen, found = 0, set(), []
    for number in arrived:
        found.append(number < expected and number not in seen)
        seen.add(number)
        expected = max(expected, number + 1)
    return found


def extents(arrived: list[int]) -> list[int]:
    """RFC 4737, 4.2, copies ignored."""
    firsts = list(dict.fromkeys(arrived))
    return [
        place - next(j for j in range(place) if firsts[j] > number)
        for place, number in enumerate(firsts)
        if any(other > number for other in firsts[:place])
    ]


def shuffled(seed: int, count: int = 60) -> list[int]:
    """Numbers of which some come late, some are lost and some come twice."""
    draw, keys = Draw(seed), []
    for number in range(count):
        late = draw.integer(1, 9) if draw.integer(0, 5) == 0 else 0
        if draw.integer(0, 11):
            keys.append((number + late, number))
        if not draw.integer(0, 14):
            keys.append((number + draw.integer(2, 6), number))
    return [number for _, number in sorted(keys, key=lambda pair: (pair[0], -pair[1]))]
