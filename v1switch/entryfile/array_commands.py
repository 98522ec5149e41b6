"""Commands on registers, counters, meters, parser value sets, and parameters of hashes.

The index of a direct counter or meter is the handle of its entry.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from v1switch.entryfile import arguments
from v1switch.entryfile.context import Commands, Context
from v1switch.entryfile.errors import InvalidLine
from v1switch.entryfile.table_commands import Tables
from v1switch.errors import UnknownHandle, quoted
from v1switch.program.model import CounterArray, MeterArray
from v1switch.state.bmv2_numbers import meter_config
from v1switch.state.crc import WIDTHS, CrcConfig
from v1switch.state.entries import CounterData, MeterConfig, TableEntry, ValueSetMember
from v1switch.state.toeplitz import Toeplitz

NOTHING = CounterData(0, 0)
BOOLEANS = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}


class DirectCell(NamedTuple):
    """The cell of a direct counter or meter."""

    table: str
    entry: TableEntry


Cell: TypeAlias = int | DirectCell  # an int is the index in an array that is bound to no table


class Arrays:
    """Commands on registers, counters, meters, value sets and hashes."""

    def __init__(self, context: Context, tables: Tables) -> None:
        """Work on a context's data plane; `tables` knows the handles of entries."""
        self.context = context
        self.tables = tables
        crc = "CALCULATION POLYNOMIAL INITIAL FINAL_XOR REFLECT_DATA REFLECT_REMAINDER"
        self.commands: Commands = {
            "register_write": ("REGISTER INDEX VALUE", self._write_register),
            "register_reset": ("REGISTER", self._reset_register),
            "counter_write": ("COUNTER INDEX PACKETS BYTES", self._write_counter),
            "counter_reset": ("COUNTER", self._reset_counter),
            "meter_set_rates": ("METER INDEX RATE:BURST RATE:BURST", self._set_rates),
            "meter_array_set_rates": ("METER RATE:BURST RATE:BURST", self._set_all_rates),
            "pvs_add": ("VALUE_SET VALUE", self._add_value),
            "pvs_remove": ("VALUE_SET VALUE", self._remove_value),
            "pvs_clear": ("VALUE_SET", self._clear_values),
            "set_crc16_parameters": (crc, lambda args: self._set_crc(args, 16)),
            "set_crc32_parameters": (crc, lambda args: self._set_crc(args, 32)),
            "set_toeplitz_hash_key": ("CALCULATION KEY", self._set_toeplitz),
        }

    # -- registers --------------------------------------------------------------------------------

    def _write_register(self, args: list[str]) -> None:
        name = arguments.find(self.context.program, "register", args[0])
        spec = self.context.program.registers[name]
        index = arguments.integer(f"register {name!r}, index", args[1], 0, spec.size - 1)
        written = arguments.value(f"register {name!r}", args[2], spec.width)
        self.context.plane.write_register(name, index, written)

    def _reset_register(self, args: list[str]) -> None:
        name = arguments.find(self.context.program, "register", args[0])
        for index in range(self.context.program.registers[name].size):
            self.context.plane.write_register(name, index, 0)

    # -- cells of counters and meters -------------------------------------------------------------

    def _cell(self, array: CounterArray | MeterArray, what: str, text: str) -> Cell:
        """The cell that an index or, in a direct array, an entry's handle stands for."""
        if array.binding is None:
            return arguments.integer(f"{what}, index", text, 0, array.size - 1)
        table = self.context.program.tables[array.binding]
        try:
            return DirectCell(table.name, self.tables.entry(table, text))
        except (InvalidLine, UnknownHandle) as wrong:
            reason = ": ".join(wrong.args)
            handle = "it is direct, expected an entry's handle as its index"
            raise InvalidLine(what, f"{handle}: {reason}") from None

    def _cells(self, array: CounterArray | MeterArray) -> Iterable[Cell]:
        """All cells of an array: those of a direct one are the entries that its table has now."""
        if array.binding is None:
            return range(array.size)
        return [DirectCell(array.binding, e) for e in self.context.plane.entries(array.binding)]

    # -- counters ---------------------------------------------------------------------------------

    def _counter(self, text: str) -> CounterArray:
        program = self.context.program
        return program.counters[arguments.find(program, "counter", text)]

    def _write_counter(self, args: list[str]) -> None:
        counter = self._counter(args[0])
        what = f"counter {counter.name!r}"
        packets = arguments.integer(f"{what}, packets", args[2])
        data = CounterData(packets, arguments.integer(f"{what}, bytes", args[3]))
        self._put_counter(counter, self._cell(counter, what, args[1]), data)

    def _reset_counter(self, args: list[str]) -> None:
        counter = self._counter(args[0])
        for cell in self._cells(counter):
            self._put_counter(counter, cell, NOTHING)

    def _put_counter(self, counter: CounterArray, cell: Cell, data: CounterData) -> None:
        plane = self.context.plane
        if isinstance(cell, int):
            plane.write_counter(counter.name, cell, data)
        else:
            plane.write_direct_counter(cell.table, cell.entry.key, data, cell.entry.priority)

    # -- meters -----------------------------------------------------------------------------------

    def _meter(self, text: str) -> MeterArray:
        program = self.context.program
        return program.meters[arguments.find(program, "meter", text)]

    def _set_rates(self, args: list[str]) -> None:
        meter = self._meter(args[0])
        rates = _rates(meter.name, args[2:])
        self._put_meter(meter, self._cell(meter, f"meter {meter.name!r}", args[1]), rates)

    def _set_all_rates(self, args: list[str]) -> None:
        meter = self._meter(args[0])
        rates = _rates(meter.name, args[1:])
        for cell in self._cells(meter):
            self._put_meter(meter, cell, rates)

    def _put_meter(self, meter: MeterArray, cell: Cell, rates: MeterConfig) -> None:
        plane = self.context.plane
        if isinstance(cell, int):
            plane.set_meter(meter.name, cell, rates)
        else:
            plane.set_direct_meter(cell.table, cell.entry.key, rates, cell.entry.priority)

    # -- parser value sets ------------------------------------------------------------------------

    def _value_set(self, text: str) -> str:
        return arguments.find(self.context.program, "parser value set", text)

    def _member(self, name: str, text: str) -> ValueSetMember:
        width = self.context.program.value_sets[name].width
        return ValueSetMember(arguments.value(f"value set {name!r}", text, width))

    def _add_value(self, args: list[str]) -> None:
        name = self._value_set(args[0])
        member, there = self._member(name, args[1]), self.context.plane.value_set(name)
        if member not in there:
            self.context.plane.set_value_set(name, (*there, member))

    def _remove_value(self, args: list[str]) -> None:
        name = self._value_set(args[0])
        member, there = self._member(name, args[1]), self.context.plane.value_set(name)
        self.context.plane.set_value_set(name, [each for each in there if each != member])

    def _clear_values(self, args: list[str]) -> None:
        self.context.plane.set_value_set(self._value_set(args[0]), ())

    # -- parameters of hashes ---------------------------------------------------------------------

    def _set_crc(self, args: list[str], width: int) -> None:
        calculations = self.context.program.calculations.values()
        names = [c.name for c in calculations if WIDTHS.get(c.algo) == width]
        name = arguments.find_name(f"crc{width}_custom", args[0], names)
        what = f"calculation {name!r}"
        polynomial, initial, final = (arguments.value(what, text, width) for text in args[1:4])
        data, remainder = (_boolean(what, text) for text in args[4:6])
        config = CrcConfig(polynomial, initial, final, data, remainder)
        self.context.plane.set_crc(name, config)

    def _set_toeplitz(self, args: list[str]) -> None:
        calculations = self.context.program.calculations.values()
        names = [c.name for c in calculations if c.algo == Toeplitz.algorithm]
        name = arguments.find_name(Toeplitz.algorithm, args[0], names)
        try:
            key = bytes.fromhex(args[1])
        except ValueError:
            reason = f"{quoted(args[1])}, expected pairs of hexadecimal digits"
            raise InvalidLine(f"calculation {name!r}", reason) from None
        self.context.plane.set_toeplitz(name, key)


def _boolean(what: str, text: str) -> bool:
    if text not in BOOLEANS:
        raise InvalidLine(what, f"{quoted(text)}, expected true or false")
    return BOOLEANS[text]


def _rates(name: str, texts: list[str]) -> MeterConfig:
    pairs = []
    for text in texts:
        rate, _, burst = text.partition(":")
        try:
            pairs.append((float(rate), int(burst)))
            round(pairs[-1][0])  # infinite and nan are no rates
        except (ValueError, OverflowError):
            what = f"meter {name!r}"
            raise InvalidLine(
                what, f"{quoted(text)}, expected RATE:BURST, the rate per microsecond"
            ) from None
    return meter_config(name, pairs)
