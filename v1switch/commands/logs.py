"""The switch's log: which lines are written, and to where."""

from __future__ import annotations

import argparse
import logging
import sys
import time

from v1switch.commands.log_files import BoundedOutput, RotatingFile, Sink
from v1switch.errors import SwitchError, escaped

TRACE = "trace"
LEVELS = {
    TRACE: logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "off": logging.CRITICAL + 1,
}
BYTES = 5 << 20  # BMv2's default for --log-file-max-size
FILES = 3  # and for --log-file-max-files
CLOCK = "%H:%M:%S"

log = logging.getLogger("v1switch")


class _Formatter(logging.Formatter):
    """Escapes control characters: a program's messages and names may hold any."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(escaped, super().format(record).split("\n")))


def start_logging(options: argparse.Namespace) -> None:
    """Start logging as the command line has it; raises SwitchError."""
    size = options.log_file_max_size or BYTES
    files = FILES if options.log_file_max_files is None else options.log_file_max_files
    handlers: list[logging.Handler] = []
    if options.log_file is not None:
        try:
            handlers.append(RotatingFile(options.log_file, size, files))
        except OSError as error:
            what = f"--log-file {options.log_file}: {error.strerror}"
            raise SwitchError(f"{what}, expected a file that can be written") from error
    if options.log_console or options.log_file is None:
        handlers.append(BoundedOutput(sys.stdout, size * (files + 1)))
    form = _Formatter("[%(asctime)s.%(msecs)03d] [%(levelname).1s] %(message)s", CLOCK)
    for handler in handlers:
        handler.setFormatter(form)
        log.addHandler(handler)
    logging.raiseExceptions = False  # a full disk must not end up in a traceback for each message
    log.setLevel(LEVELS[options.log_level])
    log.propagate = False


# -- the packet trace ------------------------------------------------------------------------------


class Stamp:
    """The time in front of a frame's lines, as other lines of the log have it."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self) -> str:
        """`[15:04:05.123] [T] `, of now."""
        now = time.time_ns() // 1_000_000
        second, millisecond = divmod(now, 1000)
        if second != self._second:
            self._second, self._text = second, time.strftime(CLOCK, time.localtime(second))
        return f"[{self._text}.{millisecond:03d}] [T] "


def write_trace(lines: list[str]) -> None:
    """Write a frame's lines to wherever the log goes."""
    if not lines:
        return
    text = "\n".join(lines) + "\n"
    for handler in log.handlers:
        if isinstance(handler, Sink):
            handler.write(text)
