"""The calls about indexed counters, meters, registers, parser value sets and hashes."""

from __future__ import annotations

from collections.abc import Sequence

from v1switch.bmthrift import limits, structs
from v1switch.bmthrift.codes import CalculationCode, MeterCode, Refused
from v1switch.bmthrift.target import Target
from v1switch.bmthrift.values import octets, signed, unsigned
from v1switch.errors import BadIndex, BadValue, UnknownObject
from v1switch.program.model import CounterArray, MeterArray, RegisterArray
from v1switch.state.bmv2_numbers import meter_config, meter_rates
from v1switch.state.crc import WIDTHS, CrcConfig
from v1switch.state.entries import CounterData, MeterConfig, ValueSetMember
from v1switch.state.toeplitz import Toeplitz

NOTHING = CounterData(0, 0)
CELL_BITS = 64  # of a register's value on the wire
Rates = Sequence[structs.MeterRate]


class Arrays:
    """The calls about arrays; each raises Refused, or errors that its code's function knows."""

    def __init__(self, target: Target) -> None:
        """Work on a switch's programs."""
        self.target = target

    # -- counters ---------------------------------------------------------------------------------

    def bm_counter_read(self, name: str, index: int) -> structs.CounterValue:
        """The counts of a cell."""
        data = self.target.plane.counter(name, index)
        return structs.CounterValue(data.bytes, data.packets)

    def bm_counter_write(self, name: str, index: int, value: structs.CounterValue) -> None:
        """Set the counts of a cell."""
        self.target.plane.write_counter(name, index, CounterData(value.packets, value.bytes))

    def bm_counter_reset_all(self, name: str) -> None:
        """Set all cells to 0."""
        plane = self.target.plane
        with plane.exclusive():
            for index in range(self._counter(name).size):
                plane.write_counter(name, index, NOTHING)

    def _counter(self, name: str) -> CounterArray:
        found = self.target.program.counters.get(name)
        if found is None or found.binding is not None:
            raise UnknownObject("counter", name)
        return found

    # -- meters -----------------------------------------------------------------------------------

    def bm_meter_set_rates(self, name: str, index: int, rates: Rates) -> None:
        """Set the rates of a cell."""
        self._check_index(name, index)
        config = _config(name, rates)
        plane, table = self.target.plane, self._meter(name).binding
        if table is None:
            plane.set_meter(name, index, config)
            return
        with plane.exclusive():
            entry = plane.entry_at(table, index, any_version=True)
            plane.set_direct_meter(table, entry.key, config, entry.priority)

    def bm_meter_array_set_rates(self, name: str, rates: Rates) -> None:
        """Set the rates of all cells; those of a direct meter are its table's entries."""
        meter, plane = self._meter(name), self.target.plane
        config = _config(name, rates)
        with plane.exclusive():
            if meter.binding is not None:
                for entry in plane.entries(meter.binding):
                    plane.set_direct_meter(meter.binding, entry.key, config, entry.priority)
                return
            for index in range(meter.size):
                plane.set_meter(name, index, config)

    def bm_meter_get_rates(self, name: str, index: int) -> list[structs.MeterRate]:
        """The rates of a cell; none when it has not been configured."""
        self._check_index(name, index)
        plane, table = self.target.plane, self._meter(name).binding
        if table is None:
            config = plane.meter(name, index)
        else:
            with plane.exclusive():
                entry = plane.entry_at(table, index, any_version=True)
                config = plane.direct_meter(table, entry.key, entry.priority)
        return [structs.MeterRate(rate, burst) for rate, burst in meter_rates(config)]

    def _meter(self, name: str) -> MeterArray:
        found = self.target.program.meters.get(name)
        if found is None:
            raise UnknownObject("meter", name)
        return found

    def _check_index(self, name: str, index: int) -> None:
        size = self._meter(name).size
        if not 0 <= index < size:
            raise BadIndex(name, index, size)

    # -- registers --------------------------------------------------------------------------------

    def bm_register_read(self, name: str, index: int) -> int:
        """The value of a cell; of a wide one the low 64 bits."""
        return signed(self.target.plane.register(name, index), CELL_BITS)

    def bm_register_read_all(self, name: str) -> list[int]:
        """The values of all cells."""
        size, plane = self._register(name).size, self.target.plane
        if size > limits.MAX_CELLS:
            raise BadValue(name, f"{size} cells, {limits.MAX_CELLS} at most are read at once")
        return [signed(plane.register(name, index), CELL_BITS) for index in range(size)]

    def bm_register_write(self, name: str, index: int, value: int) -> None:
        """Set a cell; bits beyond its width are ignored, as in BMv2's packet path."""
        width = self._register(name).width
        self.target.plane.write_register(name, index, unsigned(value, width))

    def bm_register_write_range(self, name: str, start: int, end: int, value: int) -> None:
        """Set the cells from `start` to before `end`."""
        register, plane = self._register(name), self.target.plane
        if not 0 <= start <= end <= register.size:
            raise BadIndex(name, start if start < 0 or start > end else end, register.size)
        with plane.exclusive():
            for index in range(start, end):
                plane.write_register(name, index, unsigned(value, register.width))

    def bm_register_reset(self, name: str) -> None:
        """Set all cells to 0."""
        self.bm_register_write_range(name, 0, self._register(name).size, 0)

    def _register(self, name: str) -> RegisterArray:
        found = self.target.program.registers.get(name)
        if found is None:
            raise UnknownObject("register", name)
        return found

    # -- parser value sets ------------------------------------------------------------------------

    def bm_parse_vset_add(self, name: str, value: bytes) -> None:
        """Add a member; one that is there stays."""
        plane = self.target.plane
        with plane.exclusive():
            member, there = ValueSetMember(int.from_bytes(value, "big")), plane.value_set(name)
            if member not in there:
                plane.set_value_set(name, (*there, member))

    def bm_parse_vset_remove(self, name: str, value: bytes) -> None:
        """Remove a member, if it is there."""
        plane = self.target.plane
        with plane.exclusive():
            member, there = ValueSetMember(int.from_bytes(value, "big")), plane.value_set(name)
            plane.set_value_set(name, [each for each in there if each != member])

    def bm_parse_vset_get(self, name: str) -> list[bytes]:
        """All members; those that P4Runtime gave a mask without it."""
        members = self.target.plane.value_set(name)
        size = octets(self.target.program.value_sets[name].width)
        return [member.value.to_bytes(size, "big") for member in members]

    def bm_parse_vset_clear(self, name: str) -> None:
        """Remove all members."""
        self.target.plane.set_value_set(name, ())

    # -- hashes -----------------------------------------------------------------------------------

    def bm_set_crc16_custom_parameters(self, name: str, config: structs.Crc16Config) -> None:
        """Set the parameters of a crc16_custom."""
        self._set_crc(name, config, 16)

    def bm_set_crc32_custom_parameters(self, name: str, config: structs.Crc32Config) -> None:
        """Set the parameters of a crc32_custom."""
        self._set_crc(name, config, 32)

    def _set_crc(
        self, name: str, config: structs.Crc16Config | structs.Crc32Config, width: int
    ) -> None:
        if WIDTHS.get(self._algorithm(name)) != width:
            raise Refused(CalculationCode.WRONG_TYPE_CALCULATION)
        made = CrcConfig(
            unsigned(config.polynomial, width),
            unsigned(config.initial_remainder, width),
            unsigned(config.final_xor_value, width),
            config.data_reflected,
            config.remainder_reflected,
        )
        self.target.plane.set_crc(name, made)

    def bm_set_toeplitz_hash_key(self, name: str, key: bytes) -> None:
        """Set the key of a Toeplitz hash."""
        if self._algorithm(name) != Toeplitz.algorithm:
            raise Refused(CalculationCode.WRONG_TYPE_CALCULATION)
        self.target.plane.set_toeplitz(name, key)

    def _algorithm(self, name: str) -> str:
        calculation = self.target.program.calculations.get(name)
        if calculation is None:
            raise UnknownObject("calculation", name)
        return calculation.algo


def _config(name: str, rates: Rates) -> MeterConfig:
    """A meter's configuration; raises Refused, BadValue."""
    if len(rates) != 2:
        raise Refused(MeterCode.BAD_RATES_LIST)
    config = meter_config(name, [(each.units_per_micros, each.burst_size) for each in rates])
    if config.cir > config.pir:
        raise Refused(MeterCode.INVALID_INFO_RATE_VALUE)
    return config
