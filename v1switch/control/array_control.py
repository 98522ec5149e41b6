"""Indexed counters, meters and registers, parser value sets, and parameters of hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from v1switch.control.core import Core
from v1switch.errors import BadIndex, BadValue, UnknownObject
from v1switch.state.crc import Crc, CrcConfig
from v1switch.state.entries import CounterData, MeterConfig, ValueSetMember
from v1switch.state.toeplitz import Toeplitz


class _Sized(Protocol):
    """An indexed object."""

    @property
    def size(self) -> int:
        """Number of cells."""
        ...


Bank = TypeVar("Bank", bound=_Sized)


def _cell_of(kind: str, banks: Mapping[str, Bank], name: str, index: int) -> Bank:
    bank = banks.get(name)
    if bank is None:
        raise UnknownObject(kind, name)
    if not 0 <= index < bank.size:
        raise BadIndex(name, index, bank.size)
    return bank


class ArrayControl(Core):
    """Indexed objects, value sets. All methods raise NoProgram, UnknownObject besides."""

    def counter(self, name: str, index: int) -> CounterData:
        """The counts of a counter cell. Raises BadIndex."""
        with self._lock.writer():
            return _cell_of("counter", self.state.counters, name, index).read(index)

    def write_counter(self, name: str, index: int, data: CounterData) -> None:
        """Set a counter cell. Raises BadIndex, BadValue."""
        data.check(name)
        with self._lock.writer():
            bank = _cell_of("counter", self.state.counters, name, index)
            before = bank.read(index)
            bank.write(index, data)
            self._record_undo(lambda: bank.write(index, before))

    def meter(self, name: str, index: int) -> MeterConfig | None:
        """A meter cell's configuration. Raises BadIndex."""
        with self._lock.writer():
            return _cell_of("meter", self.state.meters, name, index).config(index)

    def set_meter(self, name: str, index: int, config: MeterConfig | None) -> None:
        """Configure a meter cell; None removes the configuration. Raises BadIndex, BadValue."""
        with self._lock.writer():
            bank = _cell_of("meter", self.state.meters, name, index)
            before = bank.config(index)
            bank.configure(index, config, self.started)
            self._record_undo(lambda: bank.configure(index, before, self.started))

    def register(self, name: str, index: int) -> int:
        """The value of a register cell. Raises BadIndex."""
        bank = _cell_of("register", self.state.registers, name, index)
        return bank.cells[index]

    def write_register(self, name: str, index: int, value: int) -> None:
        """Set a register cell. Raises BadIndex, BadValue (wider than the cell)."""
        with self._lock.writer():
            bank = _cell_of("register", self.state.registers, name, index)
            if not 0 <= value < 1 << bank.width:
                raise BadValue(name, f"value does not fit {bank.width} bits")
            before, bank.cells[index] = bank.cells[index], value

            def undo() -> None:
                bank.cells[index] = before

            self._record_undo(undo)

    # -- parameters of hashes -----------------------------------------------------------------

    def set_crc(self, name: str, config: CrcConfig) -> None:
        """Set the parameters of a calculation's CRC. Raises BadValue."""
        with self._lock.writer():
            crc = self._crc(name)
            before = crc.config
            crc.configure(config)
            self._record_undo(lambda: crc.configure(before))

    def crc(self, name: str) -> CrcConfig:
        """The parameters of a calculation's CRC."""
        return self._crc(name).config

    def _crc(self, name: str) -> Crc:
        found = self.state.hashes.get(name)
        if not isinstance(found, Crc):
            raise UnknownObject("custom CRC", name)
        return found

    def set_toeplitz(self, name: str, key: bytes) -> None:
        """Set the key of a calculation's Toeplitz hash. Raises BadValue."""
        with self._lock.writer():
            found = self._toeplitz(name)
            before = found.config
            found.configure(key)
            self._record_undo(lambda: found.configure(before))

    def toeplitz(self, name: str) -> bytes:
        """The key of a calculation's Toeplitz hash."""
        return self._toeplitz(name).config

    def _toeplitz(self, name: str) -> Toeplitz:
        found = self.state.hashes.get(name)
        if not isinstance(found, Toeplitz):
            raise UnknownObject("Toeplitz hash", name)
        return found

    # -- parser value sets --------------------------------------------------------------------

    def set_value_set(self, name: str, members: Sequence[ValueSetMember]) -> None:
        """Replace a value set's members. Raises BadValue (wider than the set)."""
        with self._lock.writer():
            target = self.state.value_sets.get(name)
            if target is None:
                raise UnknownObject("value set", name)
            for member in members:
                if not 0 <= max(member.value, member.mask or 0) < 1 << target.width:
                    raise BadValue(name, f"member does not fit {target.width} bits")
            before, ones = target.members, (1 << target.width) - 1
            target.replace(
                tuple(replace(each, mask=None) if each.mask == ones else each for each in members)
            )
            self._record_undo(lambda: target.replace(before))

    def value_set(self, name: str) -> tuple[ValueSetMember, ...]:
        """Give a value set's members; those that no mask restricts have none."""
        target = self.state.value_sets.get(name)
        if target is None:
            raise UnknownObject("value set", name)
        return target.members
