"""The operations of a host's control socket: status, get, set, stats, reset, record."""

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
from rxpath.live import records
from rxpath.live.datapath import REASON_NAMES
from rxpath.live.host import LiveHost
from rxpath.live.recorder import SNAPLEN, Recorder
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
        """The machine's identity, and whether its results are valid."""
        _only(params)
        return {
            "pid": os.getpid(),
            "machine": self.host.config.machine,
            "uptime_s": time.monotonic() - self.started,
            "model_ns": self.host.model_ns(),
            "dilation": int(self.host.datapath.clock.dilation),
            "recording": bool(self.host.datapath.recorder.progress.on),
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
        """How late frames were delivered, in model ns, and whether that invalidates the result.

        ``late`` is true when more than 1 % of the frames were over the budget, when an arrival was
        moved by more than the budget, or when the kernel lost a frame before the driver had it.
        """
        figures = ck.figures(self.host.datapath.clock)
        lost = sum(self.host.count_kernel_drops().values())
        bad = figures["over_budget"] > LATE_SHARE or lost > 0
        bad = bad or figures["clamp_max_ns"] > figures["budget_ns"]
        return {"late": bad, **figures, "kernel_drops": lost}

    def stats(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Counters since the last reset: ``rx + copies + carried = delivered + drops + queued``."""
        _only(params)
        kernel = self.host.count_kernel_drops()
        counters = self.host.datapath.counters
        verdicts = counters.verdicts.array.tolist()
        uplink = kernel.pop(self.host.config.uplink)
        drops = {name: counters.drops[reason] for reason, name in REASON_NAMES.items()}
        drops["afpacket"] = uplink
        return {
            **self.host.model.stats(),
            "rx": counters.rx + uplink,
            "copies": counters.copies,
            "carried": self._carried,
            "delivered": counters.delivered,
            "drops": drops,
            "queued": self.host.queued(),
            "parser": dict(zip(frames.VERDICT_NAMES, verdicts, strict=True)),
            "tx": counters.tx,
            "tx_local": counters.tx_local,
            "tx_uplink": counters.tx_uplink,
            "tx_drops": {
                "tagged": counters.tx_tagged,
                "too_long": counters.tx_too_long,
                "to_itself": counters.tx_to_itself,
                "refused": counters.tx_refused,
                "afpacket": sum(kernel.values()),
            },
            "unfinished_checksums": counters.unfinished_checksums,
            "socket_errors": counters.socket_errors,
            "late": self.late(),
            "model_ns": self.host.model_ns(),
            "wall_ns": time.time_ns(),
        }

    def reset(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Zero counters and lateness; frames in flight stay and are counted as carried."""
        _only(params)
        self.host.datapath.counters.clear()
        ck.reset(self.host.datapath.clock)
        self.host.count_kernel_drops()
        self.host.kernel_drops = dict.fromkeys(self.host.kernel_drops, 0)
        self.host.model.reset()
        self._carried = self.host.queued()
        return {"model_ns": self.host.model_ns(), "wall_ns": time.time_ns()}

    def record(self, params: Mapping[str, Any]) -> dict[str, Any] | Future[dict[str, Any]]:
        """Start (``limit``: at most so many frames) or stop a recording; stop gives its path."""
        _only(params, "action", "limit")
        running = bool(self.host.datapath.recorder.progress.on)
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
        clock, config = self.host.datapath.clock, self.host.config
        return {
            "machine": config.machine,
            "epoch_ns": int(clock.epoch),
            "dilation": int(clock.dilation),
            "knobs": self.host.knobs(),
            "containers": [one.model_dump() for one in config.containers],
            "drop_reasons": {str(code): name for code, name in REASON_NAMES.items()},
            "stage_kinds": list(codes.STAGE_NAMES),
            "snaplen": SNAPLEN,
        }

    def _write(self, recorder: Recorder, meta: dict[str, Any], path: Path) -> dict[str, Any]:
        """Convert and write in another thread, while frames go on."""
        used, missed = recorder.progress.used, recorder.progress.missed
        knobs = meta["knobs"]
        table = knobs["rss_indirection"] or [i % knobs["queues"] for i in range(RSS_ENTRIES)]
        found = records.convert(recorder, np.array(table))
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            records.write(path, found, recorder.frames[:used], {**meta, "missed": missed})
        except OSError as error:
            raise ControlError("failed", str(path), error.strerror or str(error)) from error
        return {"path": str(path), "frames": used, "missed": missed}


def _only(params: Mapping[str, Any], *known: str) -> None:
    for key in params:
        if key not in known:
            expected = ", ".join(known) or "no parameters"
            raise ControlError("bad_request", key, f"unknown, expected {expected}")
