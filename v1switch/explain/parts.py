"""A frame that leaves, by headers: unchanged, changed, new or removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from v1switch.explain.events import Part


def parts_of(
    frame: bytes,
    extracted: Mapping[str, tuple[int, int]],
    emitted: Sequence[tuple[str, bytes]],
    payload: int,
) -> tuple[Part, ...]:
    """Compare the headers that the deparser emitted with those that the parser extracted.

    Args:
        frame: the frame that came in.
        extracted: offset and size of every extracted header.
        emitted: headers with their bytes, in the order of emission.
        payload: number of bytes at the end of the frame that belong to no header.

    Returns:
        the parts in order; a removed header stands before those that followed it in the frame.
    """
    gone = {name: place for name, place in extracted.items() if name not in dict(emitted)}
    parts: list[Part] = []

    def add_removed(before: int) -> None:
        for name, (offset, size) in sorted(gone.items(), key=lambda item: item[1]):
            if offset < before:
                data = frame[offset : offset + size]
                parts.append(Part(name, "removed", data, data))
                del gone[name]

    for name, data in emitted:
        if name not in extracted:
            parts.append(Part(name, "new", data, None))
            continue
        offset, size = extracted[name]
        add_removed(offset)
        was = frame[offset : offset + size]
        parts.append(Part(name, "same" if data == was else "changed", data, was))
    add_removed(len(frame) + 1)
    if payload:
        rest = frame[-payload:]
        parts.append(Part("payload", "same", rest, rest))
    return tuple(parts)
