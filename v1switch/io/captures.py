"""Captures in files: those of a running switch, and those that a program is run on.

Written is classic pcap with nanoseconds (magic 0xa1b23c4d), link type Ethernet:
draft-ietf-opsawg-pcap. Read is that and pcapng, by Scapy. The names of a running switch's files
are those of BMv2: `<interface>_in.pcap` and `<interface>_out.pcap`.
"""

from __future__ import annotations

import itertools
import logging
import re
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from v1switch.errors import RequestError

HEADER = struct.pack("=IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1)
RECORD = struct.Struct("=IIII")
NS_PER_S = 1_000_000_000
MAX_TIME_NS = (1 << 63) - 1
ETHERNET = 1  # LINKTYPE_ETHERNET
HARMLESS = re.compile("DSB|DPEB|TLS|NSS|option")  # parts of pcapng that no frame stands in


class CaptureError(RequestError):
    """A file is no capture of Ethernet frames.

    Attributes:
        path: the file.
        reason: what is wrong, and what is expected.
    """

    def __init__(self, path: Path, reason: str) -> None:
        """Keep the file and the reason."""
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class PcapFile:
    """A capture that is written."""

    def __init__(self, path: Path) -> None:
        """Begin the file; raises OSError."""
        self._file = path.open("wb")
        self._file.write(HEADER)
        self._file.flush()

    def write(self, frame: bytes, time_ns: int) -> None:
        """Add a frame that was seen at a time, in nanoseconds since 1970."""
        seconds, nanoseconds = divmod(time_ns, NS_PER_S)
        self._file.write(RECORD.pack(seconds, nanoseconds, len(frame), len(frame)) + frame)
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()


class Capture:
    """Open capture files of a running switch. Call it with every frame."""

    def __init__(self, directory: Path, names: dict[int, str]) -> None:
        """Make the files in `directory`, for ports with these interface names.

        Raises:
            OSError: a file cannot be made.
        """
        self._files = {
            (number, incoming): PcapFile(directory / f"{ifname}_{suffix}.pcap")
            for number, ifname in names.items()
            for incoming, suffix in ((True, "in"), (False, "out"))
        }

    def __call__(self, port: int, frame: bytes, incoming: bool) -> None:
        """Write one frame, stamped with the wall clock."""
        file = self._files.get((port, incoming))
        if file is not None:
            file.write(frame, time.time_ns())

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()


def read_frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the frames of a pcap or pcapng file with their times in nanoseconds since 1970.

    Raises:
        OSError: the file cannot be read.
        CaptureError: it is no capture, or not one of whole Ethernet frames.
    """
    from scapy.error import Scapy_Exception  # Scapy takes a while to load
    from scapy.utils import RawPcapReader

    try:
        with _complaints(path):
            reader = RawPcapReader(str(path))
    except Scapy_Exception as error:
        raise CaptureError(path, f"{error}, expected a pcap or pcapng file") from None
    fraction_ns = 1 if getattr(reader, "nano", False) else 1000  # a pcap file's own unit
    with reader:
        for number in itertools.count(1):
            with _complaints(path) as complaints:
                record = next(reader, None)
            if record is None and complaints:
                raise CaptureError(path, f"frame {number}: {complaints[0]}, expected a whole file")
            if record is None:
                return
            frame, about = record
            link = getattr(about, "linktype", None) or getattr(reader, "linktype", ETHERNET)
            if link != ETHERNET:
                raise CaptureError(path, f"link type {link}, expected {ETHERNET} (Ethernet)")
            claimed = max(about.wirelen, getattr(about, "caplen", 0))
            if claimed > len(frame):
                cut = f"frame {number} holds {len(frame)} of {claimed} bytes"
                raise CaptureError(path, f"{cut}, expected whole frames")
            time_ns = _time_ns(about, fraction_ns)
            if time_ns > MAX_TIME_NS:
                raise CaptureError(path, f"frame {number} is of a time after the year 2262")
            yield time_ns, frame


class _Collector(logging.Filter):
    """Takes down what is logged instead of having it written."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if not HARMLESS.search(message):
            self.messages.append(message)
        return False


@contextmanager
def _complaints(path: Path) -> Iterator[list[str]]:
    """Collect what Scapy only warns of: a file that is cut off looks to it like one that ends."""
    collector, log = _Collector(), logging.getLogger("scapy.runtime")
    log.filters.insert(0, collector)  # before Scapy's own, which leaves out what is said often
    try:
        yield collector.messages
    except MemoryError:
        reason = "a length that is larger than the memory, expected a whole file"
        raise CaptureError(path, reason) from None
    finally:
        log.removeFilter(collector)


def _time_ns(about: object, fraction_ns: int) -> int:
    """A frame's time from its record: seconds and a fraction, or pcapng's two halves."""
    ticks = getattr(about, "tshigh", None)
    if ticks is None:
        return int(about.sec * NS_PER_S + about.usec * fraction_ns)  # type: ignore[attr-defined]  # Scapy's
    if about.tsresol is None:  # type: ignore[attr-defined]  # a block without a time
        return 0
    whole = (ticks << 32) + about.tslow  # type: ignore[attr-defined]
    return int(whole * NS_PER_S // about.tsresol)  # type: ignore[attr-defined]
