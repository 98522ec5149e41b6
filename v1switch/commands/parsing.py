"""What all commands share in reading their command lines."""

from __future__ import annotations

import argparse
from typing import NoReturn

PORT_MAX = (1 << 9) - 1  # v1model's ports are bit<9>
WRONG_CALL = 2


class Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the error and exit with status 2."""
        self.exit(WRONG_CALL, f"v1switch: {message}\n")


def port_number(text: str) -> int:
    """Parse a port number: `bit<9>` in v1model, and BMv2's default --max-port-count is 512."""
    if not (text.isascii() and text.isdigit() and int(text) <= PORT_MAX):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a port in 0..{PORT_MAX}")
    return int(text)
