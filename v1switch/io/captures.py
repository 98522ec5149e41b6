"""Capture files: those that a running switch writes, and those that offline commands read.

Files are written as classic pcap, link type Ethernet (draft-ietf-opsawg-pcap), and read as that or
pcapng, by Scapy. Those of offline commands have nanoseconds (magic 0xa1b23c4d), those of a running
switch microseconds (0xa1b2c3d4), as BMv2's have, and its names:
`<interface>_in.pcap` and `<interface>_out.pcap`.
"""

from __future__ import annotations

import gzip
import itertools
import logging
import re
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from v1switch.errors import RequestError
from v1switch.io.outputs import create

HEADER = struct.Struct("=IHHiIII")
NANOSECONDS, MICROSECONDS = 0xA1B23C4D, 0xA1B2C3D4  # magic numbers
RECORD = struct.Struct("=IIII")
log = logging.getLogger("v1switch")
NS_PER_S = 1_000_000_000
MAX_PART = 1 << 20  # bytes of a frame or another block of a file; snaplen's usual limit is 2^18
MAX_TIME_NS = (1 << 63) - 1
ETHERNET = 1  # LINKTYPE_ETHERNET
HARMLESS = re.compile("DSB|DPEB|TLS|NSS|option")  # parts of pcapng that hold no frame


class CaptureError(RequestError):
    """A file is not a capture of whole Ethernet frames.

    Attributes:
        path: the file.
        reason: what is wrong, and what is expected.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def file_header(*, nanoseconds: bool) -> bytes:
    """Return how a capture file of Ethernet frames begins [draft-ietf-opsawg-pcap, section 4]."""
    magic = NANOSECONDS if nanoseconds else MICROSECONDS
    return HEADER.pack(magic, 2, 4, 0, 0, 262_144, ETHERNET)


class PcapFile:
    """A capture file that is being written."""

    def __init__(self, path: Path, *, nanoseconds: bool = True) -> None:
        """Create the file, with times in nanoseconds or microseconds; raises OSError."""
        self._path = path
        self._file = open(create(path), "wb", buffering=0)  # noqa: PTH123, SIM115  # a descriptor
        self._unit_ns = 1 if nanoseconds else 1000
        self._append(file_header(nanoseconds=nanoseconds))

    def write(self, frame: bytes, time_ns: int) -> None:
        """Append a frame with its time in nanoseconds since 1970, whole or not at all.

        Raises:
            OSError: with the file's name.
        """
        seconds, fraction_ns = divmod(time_ns, NS_PER_S)
        head = RECORD.pack(seconds, fraction_ns // self._unit_ns, len(frame), len(frame))
        self._append(head + frame)

    def _append(self, data: bytes) -> None:
        written = 0
        try:
            while written < len(data):
                written += self._file.write(data[written:]) or 0
        except OSError as error:
            if written and self._file.seekable():  # a full disk took a part
                self._file.truncate(self._file.tell() - written)
            raise OSError(error.errno, error.strerror, str(self._path)) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Capture:
    """The capture files of a running switch; called with every frame."""

    def __init__(self, directory: Path, names: dict[int, str]) -> None:
        """Create the files.

        Args:
            directory: where the files are made.
            names: interface name of each port.

        Raises:
            OSError: a file cannot be created.
        """
        self._files = {
            (number, incoming): PcapFile(directory / f"{ifname}_{suffix}.pcap", nanoseconds=False)
            for number, ifname in names.items()
            for incoming, suffix in ((True, "in"), (False, "out"))
        }

    def __call__(self, port: int, frame: bytes, incoming: bool) -> None:
        """Write one frame with the wall clock's time; a file that fails is given up."""
        file = self._files.get((port, incoming))
        if file is not None:
            try:
                file.write(frame, time.time_ns())
            except OSError as error:
                log.error("capture %s ends: %s", error.filename, error.strerror)
                self._files.pop((port, incoming)).close()

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()


def read_frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the frames of a pcap or pcapng file with their times in nanoseconds since 1970.

    Raises:
        CaptureError: the file cannot be read, or is not a capture of whole Ethernet frames.
    """
    from scapy.error import Scapy_Exception  # Scapy takes a while to load
    from scapy.utils import RawPcapReader

    try:
        with _scapy_warnings(path):
            reader = RawPcapReader(_Bounded(path))
    except OSError as error:
        raise CaptureError(path, f"{error.strerror}, expected a pcap or pcapng file") from error
    except Scapy_Exception as error:
        raise CaptureError(path, f"{error}, expected a pcap or pcapng file") from None
    fraction_ns = 1 if getattr(reader, "nano", False) else 1000  # a pcap file's own unit
    with reader:
        for number in itertools.count(1):
            with _scapy_warnings(path) as warnings:
                record = next(reader, None)
            if record is None and warnings:
                raise CaptureError(path, f"frame {number}: {warnings[0]}, expected a whole file")
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
                raise CaptureError(
                    path,
                    f"frame {number} has a time after the year 2262, expected a plausible time",
                )
            yield time_ns, frame


class _Bounded:
    """A file, perhaps compressed by gzip, for Scapy: lengths in it cannot exhaust the memory."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        self._raw = path.open("rb")
        zipped = self._raw.peek(2)[:2] == b"\x1f\x8b"
        self._file = gzip.GzipFile(fileobj=self._raw) if zipped else self._raw

    def read(self, size: int) -> bytes:
        """At most so many bytes, as `io.RawIOBase.read`."""
        if size > MAX_PART:
            what = f"a part of {size} bytes"
            raise CaptureError(self.path, f"{what}, expected {MAX_PART} at most")
        return self._file.read(size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._raw.close()


class _Collector(logging.Filter):
    """Collects log messages instead of having them written."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if not HARMLESS.search(message):
            self.messages.append(message)
        return False


@contextmanager
def _scapy_warnings(path: Path) -> Iterator[list[str]]:
    """Collect Scapy's warnings: it reports a truncated file by a warning only."""
    collector, log = _Collector(), logging.getLogger("scapy.runtime")
    log.filters.insert(0, collector)  # before Scapy's own, which drops repeated messages
    try:
        yield collector.messages
    except MemoryError:
        reason = "a length that exceeds the memory, expected a whole file"
        raise CaptureError(path, reason) from None
    finally:
        log.removeFilter(collector)


def _time_ns(about: Any, fraction_ns: int) -> int:
    """A frame's time: from seconds and a fraction (pcap), or from two halves (pcapng)."""
    ticks = getattr(about, "tshigh", None)
    if ticks is None:
        return int(about.sec * NS_PER_S + about.usec * fraction_ns)
    if about.tsresol is None:  # a block without a time
        return 0
    whole = (ticks << 32) + about.tslow
    return int(whole * NS_PER_S // about.tsresol)
