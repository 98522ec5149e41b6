"""Meters: two rates, three colours (RFC 2698, colour-blind); time is an argument."""

from __future__ import annotations

from array import array

from v1switch.errors import BadValue
from v1switch.state.entries import MeterConfig
from v1switch.state.words import address, zeros

GREEN, YELLOW, RED = 0, 1, 2
NS_PER_US = 1_000
US_PER_S = 1_000_000

# Words of a meter
CONFIGURED, BY_BYTES, ORIGIN, CIR, CBURST, PIR, PBURST = range(7)
C_TOKENS, P_TOKENS, C_SEEN, P_SEEN = range(7, 11)  # these four change with every packet
METER_WORDS = 11
# Upper bounds, so that the tokens of years fit a word; no link is so fast.
MAX_RATE = 1 << 36
MAX_BURST = 1 << 61


class Meter:
    """One meter cell.

    Tokens accrue in whole microseconds since the meter's origin, as in BMv2's meters.cpp, so that
    rounding does not add up; both buckets start full (RFC 2698 section 3).

    Attributes:
        words: int64, by the indexes above; all that packets change is kept here only.
        config: rates and bursts, or None.
    """

    __slots__ = ("by_bytes", "config", "words")

    def __init__(self, by_bytes: bool, origin: int) -> None:
        """Make an unconfigured meter, which colours all packets green.

        Args:
            by_bytes: whether it meters bytes instead of packets.
            origin: time (ns) from which tokens accrue.
        """
        self.by_bytes = by_bytes
        self.config: MeterConfig | None = None
        self.words = zeros(METER_WORDS)
        self.words[BY_BYTES], self.words[ORIGIN] = by_bytes, origin

    def configure(self, config: MeterConfig | None) -> None:
        """Set rates and fill both buckets; None removes the configuration.

        Raises:
            BadValue: CIR above PIR, or a negative figure.
        """
        if config is not None:
            if min(config.cir, config.cburst, config.pir, config.pburst) < 0:
                raise BadValue("meter", "rates and bursts must not be negative")
            if config.cir > config.pir:
                raise BadValue("meter", f"cir {config.cir} above pir {config.pir} (RFC 2698)")
            cburst, pburst = min(config.cburst, MAX_BURST), min(config.pburst, MAX_BURST)
            rates = (min(config.cir, MAX_RATE), cburst, min(config.pir, MAX_RATE), pburst)
            self.words[CIR:] = array("q", (*rates, cburst, pburst, 0, 0))
        self.words[CONFIGURED] = config is not None
        self.config = config

    def execute(self, length: int, now: int) -> int:
        """Colour one packet of `length` bytes at time `now` (ns): 0 green, 1 yellow, 2 red."""
        words = self.words
        if not words[CONFIGURED]:
            return GREEN
        amount = length if self.by_bytes else 1
        elapsed = (now - words[ORIGIN]) // NS_PER_US
        earned = elapsed * words[PIR] // US_PER_S
        tokens = min(words[P_TOKENS] + earned - words[P_SEEN], words[PBURST])
        words[P_SEEN] = earned
        words[P_TOKENS] = tokens if tokens < amount else tokens - amount
        if tokens < amount:
            return RED
        earned = elapsed * words[CIR] // US_PER_S
        tokens = min(words[C_TOKENS] + earned - words[C_SEEN], words[CBURST])
        words[C_SEEN] = earned
        words[C_TOKENS] = tokens if tokens < amount else tokens - amount
        return YELLOW if tokens < amount else GREEN


class MeterBank:
    """An indexed meter; a cell exists once it is configured."""

    __slots__ = ("addresses", "by_bytes", "cells", "name", "size")

    def __init__(self, name: str, size: int, by_bytes: bool) -> None:
        """Make a bank of `size` unconfigured cells."""
        self.name = name
        self.size = size
        self.by_bytes = by_bytes
        self.cells: dict[int, Meter] = {}
        self.addresses = zeros(size)  # of the cells' words; 0 for a cell that is not configured

    def configure(self, index: int, config: MeterConfig | None, origin: int) -> None:
        """Set or remove the configuration of one cell (raises BadValue as Meter does)."""
        meter = Meter(self.by_bytes, origin)
        meter.configure(config)
        if config is None:
            self.cells.pop(index, None)
            self.addresses[index] = 0
        else:
            self.cells[index] = meter
            self.addresses[index] = address(meter.words)

    def config(self, index: int) -> MeterConfig | None:
        """The configuration of one cell, or None."""
        meter = self.cells.get(index)
        return meter.config if meter else None
