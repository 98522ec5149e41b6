"""Ports that are capture files, as BMv2's --use-files has them: `X_in.pcap` and `X_out.pcap`.

Frames of all files come in the order of their times, one after the other, however far apart the
times are. A thread reads them: a file may be a pipe, which nobody has written to yet.
"""

from __future__ import annotations

import heapq
import logging
import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from operator import itemgetter
from pathlib import Path

from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Frame
from v1switch.errors import PortError
from v1switch.io.captures import CaptureError, PcapFile, read_frames
from v1switch.io.counters import Counters, InterfaceCounters
from v1switch.io.loop import BURST, PacketLoop, Tap

AHEAD = 1024  # frames that are read before they are needed
log = logging.getLogger("v1switch")


class FileLoop(PacketLoop):
    """Forwards frames from files to files until it is stopped."""

    def __init__(
        self, dataplane: Dataplane, names: Mapping[int, str], wait_s: float, tap: Tap | None = None
    ) -> None:
        """Create the files that frames leave to.

        Args:
            dataplane: processes the frames.
            names: of the files, without `_in.pcap` and `_out.pcap`, by port number.
            wait_s: seconds before the first frame.
            tap: called with every frame that comes in or goes out, or None.

        Raises:
            PortError: a file does not exist, or cannot be created.
        """
        super().__init__(dataplane, (), tap)
        self._names = dict(names)
        self._wait_s = wait_s
        self._received = dict.fromkeys(names, 0)
        self._sent = dict.fromkeys(names, 0)
        self._queue: queue.Queue[Frame] = queue.Queue(AHEAD)
        self._outputs: dict[int, PcapFile] = {}
        for number, name in names.items():
            if not _input(name).exists():
                raise PortError(number, name, f"no file {_input(name)} (--use-files)")
            try:
                output = Path(f"{name}_out.pcap")
                self._outputs[number] = PcapFile(output, nanoseconds=False)
            except OSError as error:
                raise PortError(number, name, f"{output}: {error.strerror}") from error

    def run(self) -> None:
        """Forward the frames of all files, and packet-outs until `stop` is called."""
        threading.Thread(target=self._read, name="files", daemon=True).start()
        super().run()

    def _read(self) -> None:
        time.sleep(self._wait_s)
        try:
            frames = (self._timed(number) for number in self._names)
            for _, number, frame in heapq.merge(*frames, key=itemgetter(0)):
                self._queue.put((number, frame))
                self.wake()
        except CaptureError as error:
            log.error("%s", error)

    def _timed(self, number: int) -> Iterator[tuple[int, int, bytes]]:
        for time_ns, frame in read_frames(_input(self._names[number])):
            yield time_ns, number, frame

    def _serve(self, fd: int) -> None:
        """Handle a wake-up: frames were read, packet-outs have come, or it is to stop."""
        os.eventfd_read(fd)
        frames: list[Frame] = []
        while len(frames) < BURST and not self._queue.empty():
            frames.append(self._queue.get())
            self._received[frames[-1][0]] += 1
        self._forward(None, frames)
        if not self._queue.empty():
            self.wake()

    def _transmit(self, number: int, frame: bytes) -> bool:
        output = self._outputs.get(number)
        if output is None:
            return False
        output.write(frame, time.time_ns())
        self._sent[number] += 1
        return True

    def counters(self) -> Counters:
        """Return what has been counted so far; any thread may call this."""
        queues = self.dataplane.queues
        return Counters(
            tuple(
                InterfaceCounters(
                    *(number, name, True),
                    received=self._received[number],
                    unread=0,
                    failed=0,
                    sent=self._sent[number],
                    refused=0,
                    dropped=queues.dropped(number),
                )
                for number, name in self._names.items()
            ),
            self._no_port,
            queues.refused,
        )

    def close(self) -> None:
        """Close the files, once `run` has returned."""
        for output in self._outputs.values():
            output.close()
        super().close()


def _input(name: str) -> Path:
    return Path(f"{name}_in.pcap")
