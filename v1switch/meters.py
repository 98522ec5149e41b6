"""Meters: two rates, three colours (RFC 2698, colour-blind), with the clock handed in."""

from __future__ import annotations

from v1switch.entries import MeterConfig
from v1switch.errors import BadValue

GREEN, YELLOW, RED = 0, 1, 2
NS_PER_US = 1_000


class Meter:
    """One meter cell.

    Tokens accrue in whole microseconds since the meter's origin, as in BMv2's meters.cpp, so that
    rounding does not add up; both buckets start full (RFC 2698 section 3).
    """

    __slots__ = ("_c_seen", "_c_tokens", "_p_seen", "_p_tokens", "by_bytes", "config", "origin")

    def __init__(self, by_bytes: bool, origin: int) -> None:
        """Make an unconfigured meter, which paints everything green; time counts from `origin`."""
        self.by_bytes = by_bytes
        self.config: MeterConfig | None = None
        self.origin = origin
        self._c_tokens = self._p_tokens = self._c_seen = self._p_seen = 0

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
            self._c_tokens, self._p_tokens = config.cburst, config.pburst
            self._c_seen = self._p_seen = 0
        self.config = config

    def execute(self, length: int, now: int) -> int:
        """Colour one packet of `length` bytes at time `now` (ns): 0 green, 1 yellow, 2 red."""
        config = self.config
        if config is None:
            return GREEN
        amount = length if self.by_bytes else 1
        elapsed = (now - self.origin) // NS_PER_US
        earned = elapsed * config.pir // 1_000_000
        self._p_tokens = min(self._p_tokens + earned - self._p_seen, config.pburst)
        self._p_seen = earned
        if self._p_tokens < amount:
            return RED
        self._p_tokens -= amount
        earned = elapsed * config.cir // 1_000_000
        self._c_tokens = min(self._c_tokens + earned - self._c_seen, config.cburst)
        self._c_seen = earned
        if self._c_tokens < amount:
            return YELLOW
        self._c_tokens -= amount
        return GREEN


class MeterBank:
    """An indexed meter: cells are made when they are first configured."""

    __slots__ = ("by_bytes", "cells", "name", "size")

    def __init__(self, name: str, size: int, by_bytes: bool) -> None:
        """Make a bank of `size` unconfigured cells."""
        self.name = name
        self.size = size
        self.by_bytes = by_bytes
        self.cells: dict[int, Meter] = {}

    def configure(self, index: int, config: MeterConfig | None, origin: int) -> None:
        """Set or remove the configuration of one cell (raises BadValue as Meter does)."""
        meter = Meter(self.by_bytes, origin)
        meter.configure(config)
        if config is None:
            self.cells.pop(index, None)
        else:
            self.cells[index] = meter

    def config(self, index: int) -> MeterConfig | None:
        """Give the configuration of one cell."""
        meter = self.cells.get(index)
        return meter.config if meter else None
