"""What all commands share in reading their command lines."""

from __future__ import annotations

import argparse
from typing import NoReturn

from v1switch.errors import escaped
from v1switch.state.queues import MAX_PRIORITIES

PORT_MAX = (1 << 9) - 1  # v1model's ports are bit<9>
TCP_PORT_MAX = (1 << 16) - 1
DEVICE_ID_MAX = (1 << 64) - 1  # a uint64 in p4runtime.proto
COUNT_MAX = (1 << 32) - 1
WRONG_CALL = 2
PYTHON, NATIVE, AUTO = "python", "native", "auto"
ENGINES = (AUTO, NATIVE, PYTHON)


class Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the error and exit with status 2."""
        self.exit(WRONG_CALL, f"v1switch: {escaped(message)}\n")


def port_number(text: str) -> int:
    """Parse a port number: `bit<9>` in v1model, and BMv2's default --max-port-count is 512."""
    return _number(text, "a port", PORT_MAX)


def queue_count(text: str) -> int:
    """Parse a number of queues of a port: 1..32, as in BMv2."""
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_PRIORITIES:
        return int(text)
    expected = f"expected a number of queues in 1..{MAX_PRIORITIES}"
    raise argparse.ArgumentTypeError(f"{text!r}: {expected}")


def tcp_port(text: str) -> int:
    """Parse a TCP port."""
    return _number(text, "a TCP port", TCP_PORT_MAX)


def count(text: str) -> int:
    """Parse a number of things: BMv2 keeps it in 32 bits."""
    return _number(text, "a number", COUNT_MAX)


def device_id(text: str) -> int:
    """Parse a P4Runtime device id."""
    return _number(text, "a device id", DEVICE_ID_MAX)


def _number(text: str, what: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= largest):
        raise argparse.ArgumentTypeError(f"{text!r}: expected {what} in 0..{largest}")
    return int(text)


def check_cpu_port(parser: argparse.ArgumentParser, cpu: int | None, drop: int) -> None:
    """Exit with an error when the CPU port is port 0 or the drop port."""
    if cpu is not None and cpu in (0, drop):
        reserved = f"0 and the drop port {drop} are reserved"
        parser.error(f"--cpu-port {cpu}: {reserved}, expected another port")


def check_not_dropped(parser: argparse.ArgumentParser, where: str, port: int, drop: int) -> None:
    """Exit with an error when a port that packets are to enter at is the drop port."""
    if port == drop:
        parser.error(f"{where}: {port} is the drop port, expected another port")
