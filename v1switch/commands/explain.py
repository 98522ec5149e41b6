"""`python -m v1switch explain`: what a program does with packets, step by step."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from v1switch.commands.offline import dataplane, guarded, parser
from v1switch.commands.parsing import Parser, check_cpu_port, check_not_dropped, port_number
from v1switch.control.dataplane import Dataplane
from v1switch.errors import RequestError
from v1switch.explain.document import Document
from v1switch.explain.engine import TracingEngine
from v1switch.explain.events import Explanation
from v1switch.explain.text import TextView
from v1switch.io.captures import read_frames
from v1switch.program.model import Program

FIRST_PORT = 1
HEX = re.compile(r"(0x)?([0-9a-fA-F]{2})+")


class PacketError(RequestError):
    """The argument of --packet is not a packet.

    Attributes:
        text: the argument.
    """

    def __init__(self, text: str, reason: str) -> None:
        expected = "expected hexadecimal digits, two for each byte, or a pcap or pcapng file"
        super().__init__(f"--packet {text}: {reason}, {expected}")
        self.text = text


def main(argv: list[str]) -> int:
    """Explain packets; 0, or 2 when the call was wrong."""
    made = arguments()
    options = made.parse_args(argv)
    check_cpu_port(made, options.cpu_port, options.drop_port)
    check_not_dropped(made, f"--port {options.port}", options.port, options.drop_port)
    return guarded(lambda: _explain(options))


def arguments() -> Parser:
    """The parser of its arguments."""
    made = parser("explain", "Show what a program does with packets, step by step.")
    add = made.add_argument
    add(
        *("--packet",),
        action="append",
        required=True,
        metavar="HEX|FILE",
        help="bytes, or a pcap or pcapng file; may be repeated",
    )
    add("--port", type=port_number, default=FIRST_PORT, help="ingress port of the packets (1)")
    add("--count", type=_count, metavar="N", help="explain at most N packets")
    add("--json", action="store_true", help="print one line of JSON for each packet")
    return made


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number, 1 or more")
    return int(text)


def _explain(options: argparse.Namespace) -> None:
    explanations: list[Explanation] = []
    plane = dataplane(
        options, TracingEngine(lambda _, explanation: explanations.append(explanation))
    )
    program = plane.program
    assert program is not None
    printer = _Printer(explanations, _Json(program) if options.json else _Text(program))
    start: int | None = None
    frames = itertools.islice(_frames(options.packet), options.count)
    for number, (time_ns, frame) in enumerate(frames, start=1):
        start = time_ns if start is None else start
        _release(plane, printer, time_ns - start)
        plane.process(options.port, frame, time_ns - start)
        printer.show(number)
    _release(plane, printer, None)


def _release(plane: Dataplane, printer: _Printer, until: int | None) -> None:
    """Explain egress of packets that leave their queues before a time (ns; None: all)."""
    while (due := plane.next_release()) is not None and (until is None or due <= until):
        plane.release(due)
        printer.show(None)


class _Printer:
    """Shows explanations, with the number of the packet that they are of.

    A packet that waits in a queue has a second one, of its egress.
    """

    def __init__(self, explanations: list[Explanation], view: _Text | _Json) -> None:
        self._explanations = explanations
        self._view = view
        self._waiting: list[
            tuple[bytes, int]
        ] = []  # frames with their numbers, one a queue's place

    def show(self, number: int | None) -> None:
        """Show the latest explanation: of packet `number`, or (None) of one that has waited."""
        explanation = self._explanations.pop()
        if number is None:
            waiting = enumerate(self._waiting)
            found = next(n for n, each in waiting if each[0] is explanation.frame)
            number = self._waiting.pop(found)[1]
        self._waiting += [(explanation.frame, number)] * explanation.waits
        self._view.show(explanation, number)


class _Text:
    def __init__(self, program: Program) -> None:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.view = TextView(program, colour)
        self._shown = False

    def show(self, explanation: Explanation, number: int) -> None:
        if self._shown:
            print()
        self._shown = True
        for line in self.view.lines(explanation, f"packet {number}"):
            print(line)


class _Json:
    def __init__(self, program: Program) -> None:
        self.document = Document(program)

    def show(self, explanation: Explanation, number: int) -> None:
        print(json.dumps(self.document.frame(explanation, number)))


def _frames(given: Sequence[str]) -> Iterator[tuple[int, bytes]]:
    """The packets with their times in nanoseconds; 0 for bytes on the command line."""
    for text in given:
        digits = re.sub(r"[\s:]", "", text)
        if HEX.fullmatch(digits):
            yield 0, bytes.fromhex(digits.removeprefix("0x"))
        elif re.fullmatch(r"(0x)?[0-9a-fA-F]*", digits):
            raise PacketError(text, f"{len(digits.removeprefix('0x'))} digits")
        elif not Path(text).is_file():
            raise PacketError(text, "no such file")
        else:
            yield from read_frames(Path(text))
