"""Where the switch's log goes: standard output, and a file that may be limited in size."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TextIO

from v1switch.errors import SwitchError, escaped
from v1switch.io.outputs import create

LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "off": logging.CRITICAL + 1,
}
FILES = 3  # BMv2's default for --log-file-max-files

log = logging.getLogger("v1switch")


class _Formatter(logging.Formatter):
    """Escapes control characters: a program's messages and names may hold any."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(escaped, super().format(record).split("\n")))


class RotatingFile(logging.StreamHandler[TextIO]):
    """A log file that becomes FILE.1, FILE.2, … when it has reached a size."""

    def __init__(self, path: Path, size: int | None, files: int) -> None:
        """Create the file; raises OSError.

        Args:
            path: of the newest part.
            size: bytes at which a new one begins; None for no limit.
            files: how many older ones are kept.
        """
        super().__init__(_opened(path))
        self._path, self._size, self._files = path, size, files
        self._written = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, to a new file when the old one is full."""
        if self._size is not None:
            length = len(self.format(record).encode("utf-8", "replace")) + 1
            if self._written and self._written + length > self._size:
                self._rotate()
            self._written += length
        super().emit(record)

    def _rotate(self) -> None:
        """Rename the files; one that cannot be renamed is written on."""
        self._written = 0
        try:
            if not self._files:
                self._path.unlink()
            for number in range(self._files - 1, -1, -1):
                old = self._part(number)
                if old.exists():
                    old.replace(self._part(number + 1))
            fresh = _opened(self._path)
        except OSError:
            return
        self.stream.close()
        self.stream = fresh

    def _part(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path


def _opened(path: Path) -> TextIO:
    return os.fdopen(create(path), "w", encoding="utf-8")


def start_logging(options: argparse.Namespace) -> None:
    """Start logging as the command line has it; raises SwitchError."""
    handlers: list[logging.Handler] = []
    if options.log_file is not None:
        files = FILES if options.log_file_max_files is None else options.log_file_max_files
        try:
            handlers.append(RotatingFile(options.log_file, options.log_file_max_size, files))
        except OSError as error:
            what = f"--log-file {options.log_file}: {error.strerror}"
            raise SwitchError(f"{what}, expected a file that can be written") from error
    if options.log_console or options.log_file is None:
        handlers.append(logging.StreamHandler(sys.stdout))
    form = _Formatter("[%(asctime)s.%(msecs)03d] [%(levelname).1s] %(message)s", "%H:%M:%S")
    for handler in handlers:
        handler.setFormatter(form)
        log.addHandler(handler)
    logging.raiseExceptions = False  # a full disk must not end up in a traceback for each message
    log.setLevel(LEVELS[options.log_level])
    log.propagate = False
