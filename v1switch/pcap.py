"""Capture files of what passes the ports, one file for each port and direction.

Classic pcap with nanoseconds (magic 0xa1b23c4d), link type Ethernet: draft-ietf-opsawg-pcap.
The names are those of BMv2: `<interface>_in.pcap` and `<interface>_out.pcap`.
"""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import BinaryIO

HEADER = struct.pack("=IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1)
RECORD = struct.Struct("=IIII")
NS_PER_S = 1_000_000_000


class Capture:
    """Open capture files. Call it with every frame."""

    def __init__(self, directory: Path, names: dict[int, str]) -> None:
        """Make the files in `directory`, for ports with these interface names.

        Raises:
            OSError: a file cannot be made.
        """
        self._files: dict[tuple[int, bool], BinaryIO] = {}
        for number, ifname in names.items():
            for incoming, suffix in ((True, "in"), (False, "out")):
                file = (directory / f"{ifname}_{suffix}.pcap").open("wb")
                file.write(HEADER)
                file.flush()
                self._files[number, incoming] = file

    def __call__(self, port: int, frame: bytes, incoming: bool) -> None:
        """Write one frame, stamped with the wall clock."""
        file = self._files.get((port, incoming))
        if file is None:
            return
        seconds, nanoseconds = divmod(time.time_ns(), NS_PER_S)
        file.write(RECORD.pack(seconds, nanoseconds, len(frame), len(frame)) + frame)
        file.flush()

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
