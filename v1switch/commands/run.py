"""`python -m v1switch run`: runs the packets of capture files through a program."""

from __future__ import annotations

import argparse
import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from v1switch.commands.offline import dataplane, guarded, parser
from v1switch.commands.parsing import Parser, check_cpu_port, check_not_dropped, port_number
from v1switch.control.dataplane import Dataplane
from v1switch.engines.python.engine import PythonEngine
from v1switch.errors import SwitchError
from v1switch.io.captures import PcapFile, read_frames

Timed = tuple[int, int, bytes]
"""Nanoseconds, port, frame."""


def main(argv: list[str]) -> int:
    """Run a program on files; 0, or 2 when the call was wrong."""
    made = arguments()
    options = made.parse_args(argv)
    check_cpu_port(made, options.cpu_port, options.drop_port)
    for port, path in options.pcap_in:
        check_not_dropped(made, f"--pcap-in {port}={path}", port, options.drop_port)
    return guarded(lambda: _run(options))


def arguments() -> Parser:
    """The parser of its arguments."""
    made = parser("run", "Run the packets of capture files through a program.")
    add = made.add_argument
    add(
        *("--pcap-in",),
        action="append",
        required=True,
        type=_input,
        metavar="PORT=FILE",
        help="pcap or pcapng; may be repeated: packets enter in the order of their times",
    )
    add(
        *("--pcap-out",),
        required=True,
        type=Path,
        metavar="DIR",
        help="where port<N>.pcap is written for each port that packets leave by",
    )
    return made


def _input(text: str) -> tuple[int, Path]:
    number, equals, path = text.partition("=")
    if not equals or not path:
        raise argparse.ArgumentTypeError(f"{text!r}: expected PORT=FILE, such as 1=in.pcap")
    return port_number(number), Path(path)


def _run(options: argparse.Namespace) -> None:
    plane = dataplane(options, PythonEngine())
    outputs = _Outputs(options.pcap_out)
    taken: Counter[int] = Counter()
    start: int | None = None
    try:
        for time_ns, port, frame in _merged(options.pcap_in):
            start = time_ns if start is None else start
            taken[port] += 1
            plane.on_packet_in = lambda data: outputs.write(options.cpu_port, data)
            _release(plane, outputs, start, time_ns)
            outputs.now = time_ns
            for out_port, data in plane.process(port, frame, time_ns - start):
                outputs.write(out_port, data)
        if start is not None:
            _release(plane, outputs, start, None)
    finally:
        outputs.close()
    print(f"in:  {_counts(taken)}")
    print(f"out: {_counts(outputs.written)}")


def _release(plane: Dataplane, outputs: _Outputs, start: int, until: int | None) -> None:
    """Send the packets that leave their queues before a time (ns; None: all that wait), in time."""
    while (due := plane.next_release()) is not None and (until is None or due + start <= until):
        outputs.now = start + due
        for port, data in plane.release(due) or ():
            outputs.write(port, data)


def _merged(inputs: Sequence[tuple[int, Path]]) -> Iterator[Timed]:
    """The packets of all files in the order of their times, at equal times in that of the files."""

    def timed(port: int, path: Path) -> Iterator[Timed]:
        for time_ns, frame in read_frames(path):
            yield time_ns, port, frame

    return heapq.merge(*(timed(port, path) for port, path in inputs), key=itemgetter(0))


class _Outputs:
    """Capture files of packets that leave, created when they are needed.

    Attributes:
        now: time of the packets being written, in nanoseconds since 1970.
        written: number of packets by port.
    """

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"--pcap-out {directory}: {error.strerror}"
            raise SwitchError(f"{what}, expected a directory that can be written to") from error
        self.directory = directory
        self.now = 0
        self.written: Counter[int] = Counter()
        self._files: dict[int, PcapFile] = {}

    def write(self, port: int, frame: bytes) -> None:
        if port not in self._files:
            self._files[port] = PcapFile(self.directory / f"port{port}.pcap")
        self._files[port].write(frame, self.now)
        self.written[port] += 1

    def close(self) -> None:
        for file in self._files.values():
            file.close()


def _counts(packets: Counter[int]) -> str:
    if not packets:
        return "none"
    return ", ".join(f"port {port}: {count}" for port, count in sorted(packets.items()))
