"""What a program has the switch log, whichever engine runs it."""

from __future__ import annotations

import logging

LONGEST_DECIMAL = 8192  # bits; Python refuses to write much longer numbers in decimal
log = logging.getLogger("v1switch")


def failed_assertion() -> None:
    """BMv2 would abort here; a switch that goes on and says so serves better."""
    log.error("a P4 assert or assume does not hold")


def log_message(text: str, values: tuple[int, ...]) -> None:
    """log_msg: every pair of braces takes the next value."""
    for value in values:
        long = value.bit_length() > LONGEST_DECIMAL
        text = text.replace("{}", hex(value) if long else str(value), 1)
    log.info("%s", text)
