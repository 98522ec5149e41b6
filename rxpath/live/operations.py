"""The operations of a host's control socket: status, get, set, stats, reset, record, observe."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Thread
from typing import Any

from rxpath.errors import ControlError
from rxpath.live import clock as ck
from rxpath.live.control import Caller, Later
from rxpath.live.datapath import REASON_NAMES
from rxpath.live.host import LiveHost
from rxpath.live.observing import Observing
from rxpath.live.recordings import Recordings
from rxpath.policies import custom
from rxpath.wire import frames

LATE_SHARE = 0.01  # of the delivered frames may be over the budget before a result is late


class Operations:
    """The operations of one host; all run between two batches, in the loop's own thread."""

    def __init__(self, host: LiveHost) -> None:
        self.host = host
        self.started = time.monotonic()
        self._carried = 0  # frames that were in the host at the last reset
        self._recordings = Recordings(host)
        self._observing = Observing(host)
        self._loader: Thread | None = None

    def table(self) -> dict[str, Any]:
        """Operations by name, for `rxpath.live.control.Server`."""
        names = ("status", "get", "set", "stats", "reset", "record")
        found = {name: getattr(self, name) for name in names}
        return {**found, "observe": self._observing.observe, "flow": self._observing.flow}

    def close(self) -> None:
        """Wait until the last recording is on disk."""
        self._recordings.close()

    def status(self, params: Mapping[str, Any], _: Caller) -> dict[str, Any]:
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

    def get(self, params: Mapping[str, Any], _: Caller) -> dict[str, Any]:
        """All knobs."""
        _only(params)
        return self.host.knobs()

    def set(self, params: Mapping[str, Any], _: Caller) -> dict[str, Any] | Later:
        """Change knobs as a whole; returns all knobs.

        A policy of a file is loaded by a thread, since compiling it takes a second and its
        top level may take any time.
        """

        def configure(_: object = None) -> dict[str, Any]:
            self.host.configure(params)
            self._observing.changed()
            return self.host.knobs()

        policy = params.get("policy")
        if not isinstance(policy, str) or custom.SUFFIX not in policy:
            return configure()
        if self._loader is not None and self._loader.is_alive():
            raise ControlError("failed", "policy", "another policy is still being loaded")
        self._loader, loaded = _in_thread(lambda: custom.load(policy))
        return Later(loaded, configure)

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

    def stats(self, params: Mapping[str, Any], _: Caller) -> dict[str, Any]:
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
                "too_short": counters.tx_too_short,
                "link_local": counters.tx_link_local,
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

    def reset(self, params: Mapping[str, Any], _: Caller) -> dict[str, Any]:
        """Zero counters and lateness; frames in flight stay and are counted as carried."""
        _only(params)
        self._observing.reset()
        self.host.datapath.counters.clear()
        ck.reset(self.host.datapath.clock)
        self.host.count_kernel_drops()
        self.host.kernel_drops = dict.fromkeys(self.host.kernel_drops, 0)
        self.host.model.reset()
        self._carried = self.host.queued()
        return {"model_ns": self.host.model_ns(), "wall_ns": time.time_ns()}

    def record(self, params: Mapping[str, Any], caller: Caller) -> dict[str, Any] | Later:
        """Start (``limit``: at most so many frames) or stop a recording; stop gives its path."""
        _only(params, "action", "limit")
        action = params.get("action")
        if action == "stop":
            return self._recordings.stop(caller)
        if action == "start":
            return self._recordings.start(params.get("limit"), caller)
        raise ControlError("bad_request", "action", "expected start or stop")


def _in_thread(work: Callable[[], Any]) -> tuple[Thread, Future[Any]]:
    """Do `work` in a thread that the process does not wait for when it ends."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  # whatever it is, the future's reader gets it
            future.set_exception(error)

    thread = Thread(target=run, name="policy", daemon=True)
    thread.start()
    return thread, future


def _only(params: Mapping[str, Any], *known: str) -> None:
    for key in params:
        if key not in known:
            expected = ", ".join(known) or "no parameters"
            raise ControlError("bad_request", key, f"unknown, expected {expected}")
