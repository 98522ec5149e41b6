"""The recordings of a host, from the request that starts one to the file that goes with its client.

A recording belongs to the connection that asked for it: when that is closed, a running one stops
and its files are removed.  So neither memory nor disk is held for a job that has ended.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rxpath.config.knobs import RSS_ENTRIES
from rxpath.errors import ControlError
from rxpath.live import records
from rxpath.live.control import Caller, Later
from rxpath.live.datapath import REASON_NAMES
from rxpath.live.host import LiveHost
from rxpath.live.recorder import SNAPLEN, Recorder
from rxpath.model.state import codes

DEFAULT_LIMIT, MAX_LIMIT = 100_000, 1_000_000  # frames
MAX_FILES = 16  # that one machine keeps


class Recordings:
    """Starts, stops, writes and removes recordings. Files are written by a thread."""

    def __init__(self, host: LiveHost) -> None:
        self._host = host
        self._count = 0
        self._meta: dict[str, Any] = {}
        self._owner: Caller | None = None  # of the recording that runs
        self._files: dict[Caller, list[Path]] = {}
        self._unwritten: set[Path] = set()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="records")

    def close(self) -> None:
        """Wait until the last file is written or removed."""
        self._writer.shutdown()

    def start(self, limit: object, caller: Caller) -> dict[str, Any]:
        """Record at most `limit` frames (None: the default) for a client."""
        limit = DEFAULT_LIMIT if limit is None else limit
        if type(limit) is not int or not 1 <= limit <= MAX_LIMIT:
            allowed = f"an integer from 1 to {MAX_LIMIT}"
            raise ControlError("bad_request", "limit", f"got {limit!r}, expected {allowed}")
        if self._host.datapath.recorder.progress.on:
            raise ControlError("failed", "record", "already recording")
        if len(self._kept()) >= MAX_FILES:
            message = f"{MAX_FILES} are kept, expected that their files are removed once read"
            raise ControlError("failed", "record", message)
        self._meta = self._describe()
        self._host.record(limit)
        self._owner = caller
        self._files_of(caller)
        return {"limit": limit}

    def stop(self, caller: Caller) -> Later:
        """Stop recording; the file belongs to `caller`."""
        if not self._host.datapath.recorder.progress.on:
            raise ControlError("failed", "record", "not recording")
        self._owner = None
        path = self._path()
        self._files_of(caller).append(path)
        self._unwritten.add(path)
        found = self._host.stop_record()
        return Later(self._writer.submit(self._write, found, self._meta, path))

    def _kept(self) -> list[Path]:
        """Files that still exist, or will."""
        for caller, paths in self._files.items():
            there = [path for path in paths if path in self._unwritten or path.exists()]
            self._files[caller] = there
        return [path for paths in self._files.values() for path in paths]

    def _files_of(self, caller: Caller) -> list[Path]:
        if caller not in self._files:
            self._files[caller] = []
            caller.at_close(partial(self._leave, caller))
        return self._files[caller]

    def _leave(self, caller: Caller) -> None:
        """A client has gone: so do its recordings."""
        if self._owner is caller:
            self._owner = None
            self._host.stop_record()
        for path in self._files.pop(caller, []):
            self._writer.submit(path.unlink, missing_ok=True)  # behind its being written

    def _path(self) -> Path:
        self._count += 1
        name = f"{self._host.config.machine}-{os.getpid()}-{self._count:04}.npz"
        return Path(self._host.config.records_dir) / name

    def _describe(self) -> dict[str, Any]:
        clock, config = self._host.datapath.clock, self._host.config
        return {
            "machine": config.machine,
            "epoch_ns": int(clock.epoch),
            "dilation": int(clock.dilation),
            "knobs": self._host.knobs(),
            "memory": self._host.model.memory(),
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
            path.parent.mkdir(mode=0o700, exist_ok=True)
            records.write(path, found, recorder.frames[:used], {**meta, "missed": missed})
        except OSError as error:
            raise ControlError("failed", str(path), error.strerror or str(error)) from error
        finally:
            self._unwritten.discard(path)
        return {"path": str(path), "frames": used, "missed": missed}
