"""Captures in files: those of a running switch, and those that a program is run on.

Written is classic pcap with nanoseconds (magic 0xa1b23c4d), link type Ethernet:
draft-ietf-opsawg-pcap. Read is that and pcapng, by Scapy. The names of a running switch's files
are those of BMv2: `<interface>_in.pcap` and `<interface>_out.pcap`.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path

from v1switch.errors import RequestError

HEADER = struct.pack("=IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1)
RECORD = struct.Struct("=IIII")
NS_PER_S = 1_000_000_000
ETHERNET = 1  # LINKTYPE_ETHERNET


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
        reader = RawPcapReader(str(path))
    except Scapy_Exception as error:
        raise CaptureError(path, f"{error}, expected a pcap or pcapng file") from None
    fraction_ns = 1 if getattr(reader, "nano", False) else 1000  # a pcap file's own unit
    with reader:
        for number, (frame, about) in enumerate(reader, start=1):
            link = getattr(about, "linktype", None) or getattr(reader, "linktype", ETHERNET)
            if link != ETHERNET:
                raise CaptureError(path, f"link type {link}, expected {ETHERNET} (Ethernet)")
            if about.wirelen > len(frame):
                cut = f"frame {number} holds {len(frame)} of {about.wirelen} bytes"
                raise CaptureError(path, f"{cut}, expected whole frames")
            yield _time_ns(about, fraction_ns), frame


def _time_ns(about: object, fraction_ns: int) -> int:
    """A frame's time from its record: seconds and a fraction, or pcapng's two halves."""
    ticks = getattr(about, "tshigh", None)
    if ticks is None:
        return int(about.sec * NS_PER_S + about.usec * fraction_ns)  # type: ignore[attr-defined]  # Scapy's
    if about.tsresol is None:  # type: ignore[attr-defined]  # a block without a time
        return 0
    whole = (ticks << 32) + about.tslow  # type: ignore[attr-defined]
    return int(whole * NS_PER_S // about.tsresol)  # type: ignore[attr-defined]
