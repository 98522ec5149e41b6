"""Lab 6, task 1: reordering by RFC 4737, from sequence numbers in their order of arrival."""


def reordered(arrived):
    """For each packet that arrived: True if it is reordered."""
    expected, seen, found = 0, set(), []
    for number in arrived:
        is_copy = number in seen
        seen.add(number)
        found.append(number < expected and not is_copy)
        expected = max(expected, number + 1)
    return found


def ratio(arrived):
    """Reordered packets over all packets that arrived; 0.0 for none."""
    return sum(reordered(arrived)) / len(set(arrived)) if arrived else 0.0


def extents(arrived):
    """The extent of each reordered packet, in the order of arrival."""
    firsts = list(dict.fromkeys(arrived))
    found = []
    for place, number in enumerate(firsts):
        earlier = [other for other in range(place) if firsts[other] > number]
        if earlier:
            found.append(firsts[earlier[0]] - number)
    return found
