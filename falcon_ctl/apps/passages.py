"""Latency and order of an application's frames, from the receiving hosts' recordings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from falcon_ctl.capture import headers
from rxpath.live.records import Recording

_ADDRESSES_AND_PORTS = 12, 24  # of an IPv4 packet without options
_TCP = 6
_NOTHING = np.empty(0, np.int64)


@dataclass(frozen=True)
class Passages:
    """Frames of TCP and UDP to one container.

    Attributes:
        frames: that came to the host.
        flows: connections, or pairs of addresses and ports.
        delivered: frames that the container got.
        reordered: of which one that had come later was delivered earlier (RFC 4737).
        latencies: of delivered frames with data, model ns, from the NIC to the application; an
            acknowledgement alone is nobody's request.
        drops: frames that were lost in the host, by reason.
        hashes: RSS hash of each flow.
        missed: frames that the recording had no room for.
    """

    frames: int = 0
    flows: int = 0
    delivered: int = 0
    reordered: int = 0
    latencies: NDArray[np.int64] = field(default_factory=lambda: _NOTHING)
    drops: dict[str, int] = field(default_factory=dict)
    hashes: Sequence[int] = ()
    missed: int = 0

    @property
    def mean_ns(self) -> float:
        """Mean latency; 0 without any frame."""
        return float(self.latencies.mean()) if len(self.latencies) else 0.0

    def quantile_ns(self, quantile: float) -> float:
        """A quantile of the latencies; 0 without any frame."""
        return float(np.quantile(self.latencies, quantile)) if len(self.latencies) else 0.0


def of(recording: Recording, container: str) -> Passages:
    """The passages of a recording's frames that were for `container`."""
    meta, rows = recording.meta, recording.records
    names = [one["name"] for one in meta["containers"]]
    mine = np.isin(rows["proto"], (6, 17)) & (rows["container"] == names.index(container))
    rows, frames = rows[mine], recording.frames[mine]
    starts = _starts(frames)
    flows = _flows(frames, starts)
    done = rows["drop_reason"] == 0
    done &= rows["delivered"] >= 0
    reasons, counts = np.unique(rows["drop_reason"][rows["drop_reason"] > 0], return_counts=True)
    first = np.unique(flows, return_index=True)[1]
    return Passages(
        frames=len(rows),
        flows=len(first),
        delivered=int(done.sum()),
        reordered=reordered(flows[done], rows["delivered"][done]),
        latencies=(rows["delivered"] - rows["arrival"])[done & _carry_data(frames, starts)],
        drops={
            meta["drop_reasons"][str(reason)]: int(count)
            for reason, count in zip(reasons, counts, strict=True)
        },
        hashes=tuple(rows["rss_hash"][first].tolist()),
        missed=int(meta.get("missed", 0)),
    )


def _starts(frames: NDArray[np.uint8]) -> NDArray[np.int64]:
    """[n] where the innermost IPv4 header of each frame begins."""
    return np.array([headers.innermost(frame[:64].tobytes()) for frame in frames], np.int64)


def _flows(frames: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """[n] a number for each flow, by the innermost addresses and ports."""
    begin, end = _ADDRESSES_AND_PORTS
    keys = _bytes(frames, starts, begin, end)
    whole = keys.view(np.dtype((np.void, end - begin))).ravel()
    return np.asarray(np.unique(whole, return_inverse=True)[1], np.int64).ravel()


def _carry_data(frames: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[n] whether each frame has more than its headers (RFC 791, 3.1; RFC 9293, 3.1)."""
    head = _bytes(frames, starts, 0, 40).astype(np.int64)
    total, is_tcp = head[:, 2] << 8 | head[:, 3], head[:, 9] == _TCP
    headers_long = 20 + np.where(is_tcp, head[:, 32] >> 4 << 2, 8)
    return np.asarray(total > headers_long, np.bool_)


def _bytes(
    frames: NDArray[np.uint8], starts: NDArray[np.int64], begin: int, end: int
) -> NDArray[np.uint8]:
    """[n, end - begin] bytes of each frame, counted from its own start."""
    found = np.zeros((len(frames), end - begin), np.uint8)
    for start in np.unique(starts):
        chosen = starts == start
        found[chosen] = frames[chosen, start + begin : start + end]
    return found


def reordered(flows: NDArray[np.int64], delivered: NDArray[np.int64]) -> int:
    """How many frames were overtaken by a later one of their flow.

    The frames are in the order in which they came; `delivered` is when each was.
    """
    total = 0
    for flow in np.unique(flows):
        times = delivered[flows == flow]
        order = np.argsort(times, kind="stable")  # in order of delivery: number by arrival
        total += int(np.count_nonzero(order < np.maximum.accumulate(order)))
    return total
