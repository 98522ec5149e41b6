"""A frame that leaves, in pieces: which headers are as they came in, changed, new or gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from v1switch.explain.events import Part


def parts_of(
    frame: bytes,
    extracted: Mapping[str, tuple[int, int]],
    emitted: Sequence[tuple[str, bytes]],
    payload: int,
) -> tuple[Part, ...]:
    """Compare what the deparser wrote with what the parser took.

    Args:
        frame: what came in.
        extracted: offset and size of every header that the parser took out of it.
        emitted: headers with their bytes, in the order in which they leave.
        payload: how many bytes at the end of the frame no header took.

    Returns:
        the pieces in order; headers that are gone stand before what came in behind them.
    """
    gone = {name: place for name, place in extracted.items() if name not in dict(emitted)}
    parts: list[Part] = []

    def leave_out(before: int) -> None:
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
        leave_out(offset)
        was = frame[offset : offset + size]
        parts.append(Part(name, "same" if data == was else "changed", data, was))
    leave_out(len(frame) + 1)
    if payload:
        rest = frame[-payload:]
        parts.append(Part("payload", "same", rest, rest))
    return tuple(parts)
