"""BMv2 with capture files as its ports, which carry frames of any length.

Input is a named pipe, so that no frame enters before the switch is ready for it.
"""

import fcntl
import os
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from tests.switch.harness_targets import Target
from v1switch.io.captures import HEADER, RECORD, file_header

GAP_US = 2_000  # between input frames: keeps their order, even of those that recirculate twice
PIPE_BYTES = 1 << 20  # all frames fit, so no write blocks


class CaptureTarget(Target):
    """simple_switch_grpc whose port n reads `port<n>_in.pcap` and writes `port<n>_out.pcap`."""

    ports: Sequence[int] = ()

    def command(self) -> list[str]:
        """Return the command line, with pipes and files in place of interfaces."""
        files = [w for n in self.ports for w in ("-i", f"{n}@{self.sandbox.directory}/port{n}")]
        words = super().command()
        own = words.index("--")
        return [*words[:own], *files, "--use-files", "0", *words[own:]]

    def pipes(self, stack: ExitStack) -> dict[int, BinaryIO]:
        """Make the pipe of every port, with the head of a capture file in it."""
        return {port: _pipe(self._path(port, "in"), stack) for port in self.ports}

    def captured(self) -> dict[int, list[bytes]]:
        """Return what has come out so far, by port."""
        return {port: _captured(self._path(port, "out")) for port in self.ports}

    def _path(self, port: int, direction: str) -> Path:
        return self.sandbox.directory / f"port{port}_{direction}.pcap"


def record(number: int, frame: bytes) -> bytes:
    """Return the capture record of the `number`-th input frame."""
    return RECORD.pack(1, number * GAP_US * 1000, *[len(frame)] * 2) + frame


def _pipe(path: Path, stack: ExitStack) -> BinaryIO:
    os.mkfifo(path)
    stack.callback(path.unlink)
    end = stack.enter_context(path.open("r+b", buffering=0))  # "r+": does not wait for a reader
    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    end.write(file_header(nanoseconds=True))
    return end


def _captured(path: Path) -> list[bytes]:
    """The whole frames of a capture file that is still being written."""
    data = path.read_bytes()
    frames, at = [], HEADER.size
    while at + RECORD.size <= len(data):
        length = struct.unpack_from("=I", data, at + 8)[0]
        at += RECORD.size
        if at + length > len(data):
            break
        frames.append(data[at : at + length])
        at += length
    return frames
