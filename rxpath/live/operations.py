"""What the control socket offers of a host: status, get, set, stats, reset, record."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from rxpath.config.knobs import RSS_ENTRIES
from rxpath.errors import ControlError
from rxpath.live import clock as ck
from rxpath.live import plant as pl
from rxpath.live import recorder as rc
from rxpath.live import records
from rxpath.live.host import LiveHost
from rxpath.model.state import codes
from rxpath.wire import frames

DEFAULT_LIMIT, MAX_LIMIT = 100_000, 1_000_000
LATE_SHARE = 0.01  # of the delivered frames may be over the budget before a result is late


class Operations:
    """The operations of one host; all run between two batches, in the loop's own thread."""

    def __init__(self, host: LiveHost) -> None:
        self.host = host
        self.started = time.monotonic()
        self._recordings = 0
        self._meta: dict[str, Any] = {}
        self._carried = 0  # frames that were in the host at the last reset
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="records")

    def table(self) -> dict[str, Any]:
        """Operations by name, for `rxpath.live.control.Server`."""
        names = ("status", "get", "set", "stats", "reset", "record")
        return {name: getattr(self, name) for name in names}

    def close(self) -> None:
        """Wait until the last recording is on disk."""
        self._writer.shutdown()

    def status(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Who this is and whether its results can be trusted."""
        _only(params)
        return {
            "pid": os.getpid(),
            "machine": self.host.config.machine,
            "uptime_s": time.monotonic() - self.started,
            "model_ns": self.host.model_ns(),
            "dilation": int(self.host.plant.clock[ck.DILATION]),
            "recording": rc.is_on(self.host.plant.rec),
            "late": self.late(),
        }

    def get(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """All knobs."""
        _only(params)
        return self.host.knobs()

    def set(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Change knobs as a whole; returns all knobs."""
        self.host.configure(params)
        return self.host.knobs()

    def late(self) -> dict[str, Any]:
        """How late frames went out, in model ns, and whether that spoils the result.

        ``late`` is true when more than 1 % of the frames were over the budget, when an arrival was
        moved by more than the budget, or when the kernel lost a frame before the driver had it.
        """
        figures = ck.figures(self.host.plant.clock)
        lost = sum(self.host.count_kernel_drops().values())
        bad = figures["over_budget"] > LATE_SHARE or lost > 0
        bad = bad or figures["clamp_max_ns"] > figures["budget_ns"]
        return {"late": bad, **figures, "kernel_drops": lost}

    def stats(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Counters since the last reset: ``rx + copies + carried = delivered + drops + queued``."""
        _only(params)
        kernel = self.host.count_kernel_drops()
        count: list[int] = self.host.plant.counter.tolist()
        verdicts = count[pl.C_VERDICT : pl.COUNTERS]
        uplink = kernel.pop(self.host.config.uplink)
        drops = {name: count[pl.C_LOST + place] for place, name in pl.PLACE_NAMES.items()}
        drops["afpacket"] = uplink
        return {
            **self.host.model.stats(),
            "rx": count[pl.C_RX] + uplink,
            "copies": count[pl.C_COPIES],
            "carried": self._carried,
            "delivered": count[pl.C_DELIVERED],
            "drops": drops,
            "queued": self._queued(),
            "parser": dict(zip(frames.VERDICT_NAMES, verdicts, strict=True)),
            "tx": count[pl.C_TX],
            "tx_local": count[pl.C_TX_LOCAL],
            "tx_uplink": count[pl.C_TX_UPLINK],
            "tx_drops": {
                "tagged": count[pl.C_TX_TAGGED],
                "too_long": count[pl.C_TX_LONG],
                "to_itself": count[pl.C_TX_SELF],
                "refused": count[pl.C_TX_FAILED],
                "afpacket": sum(kernel.values()),
            },
            "unfinished_checksums": count[pl.C_UNFINISHED],
            "socket_errors": count[pl.C_SOCKET_ERRORS],
            "late": self.late(),
            "model_ns": self.host.model_ns(),
            "wall_ns": time.time_ns(),
        }

    def reset(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Zero counters and lateness; frames in flight stay and are counted as carried."""
        _only(params)
        self.host.plant.counter[: pl.COUNTERS] = 0
        ck.reset(self.host.plant.clock)
        self.host.count_kernel_drops()
        self.host.kernel_drops = dict.fromkeys(self.host.kernel_drops, 0)
        self.host.model.reset()
        self._carried = self._queued()
        return {"model_ns": self.host.model_ns(), "wall_ns": time.time_ns()}

    def _queued(self) -> int:
        """Frames inside the host now."""
        plant = self.host.plant
        return len(plant.slot) - int(plant.counter[pl.C_POOL_FREE])

    def record(self, params: Mapping[str, Any]) -> dict[str, Any] | Future[dict[str, Any]]:
        """Start (``limit``: at most so many frames) or stop a recording; stop gives its path."""
        _only(params, "action", "limit")
        running = rc.is_on(self.host.plant.rec)
        action, limit = params.get("action"), params.get("limit", DEFAULT_LIMIT)
        if action not in ("start", "stop"):
            raise ControlError("bad_request", "action", f"got {action!r}, expected start or stop")
        if type(limit) is not int or not 1 <= limit <= MAX_LIMIT:
            allowed = f"an integer from 1 to {MAX_LIMIT}"
            raise ControlError("bad_request", "limit", f"got {limit!r}, expected {allowed}")
        if running == (action == "start"):
            state = "already" if running else "not"
            raise ControlError("failed", "record", f"{state} recording")
        if action == "start":
            self._meta = self._describe()
            self.host.record(limit)
            return {"limit": limit}
        return self._writer.submit(self._write, self.host.stop_record(), self._meta, self._path())

    def _path(self) -> Path:
        self._recordings += 1
        name = f"{self.host.config.machine}-{os.getpid()}-{self._recordings:04}.npz"
        return Path(self.host.config.records_dir) / name

    def _describe(self) -> dict[str, Any]:
        clock, config = self.host.plant.clock, self.host.config
        return {
            "machine": config.machine,
            "epoch_ns": int(clock[ck.EPOCH]),
            "dilation": int(clock[ck.DILATION]),
            "knobs": self.host.knobs(),
            "containers": [one.model_dump() for one in config.containers],
            "places": {str(code): name for code, name in pl.PLACE_NAMES.items()},
            "stage_kinds": list(codes.STAGE_NAMES),
            "snaplen": rc.SNAPLEN,
        }

    def _write(self, rec: rc.Recorder, meta: dict[str, Any], path: Path) -> dict[str, Any]:
        """Convert and write in a thread of its own, while frames go on."""
        rows, missed = int(rec.rows[-1, rc.USED]), int(rec.rows[-1, rc.MISSED])
        knobs = meta["knobs"]
        table = knobs["rss_indirection"] or [i % knobs["queues"] for i in range(RSS_ENTRIES)]
        found = records.convert(rec, np.array(table))
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            records.write(path, found, rec.frames[:rows], {**meta, "missed": missed})
        except OSError as error:
            raise ControlError("failed", str(path), error.strerror or str(error)) from error
        return {"path": str(path), "frames": rows, "missed": missed}


def _only(params: Mapping[str, Any], *known: str) -> None:
    for key in params:
        if key not in known:
            expected = ", ".join(known) or "no parameters"
            raise ControlError("bad_request", key, f"unknown, expected {expected}")
