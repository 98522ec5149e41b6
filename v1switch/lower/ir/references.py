"""References to a program's state: one object for one piece of it."""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.program import model


@dataclass(frozen=True, eq=False)
class TableRef:
    """A table; `index` is its place in `Program.tables`."""

    index: int
    spec: model.Table


@dataclass(frozen=True, eq=False)
class CounterRef:
    """An indexed counter; `index` is its place in `Program.counters`."""

    index: int
    spec: model.CounterArray


@dataclass(frozen=True, eq=False)
class MeterRef:
    """An indexed meter; `index` is its place in `Program.meters`."""

    index: int
    spec: model.MeterArray


@dataclass(frozen=True, eq=False)
class RegisterRef:
    """A register array; `index` is its place in `Program.registers`."""

    index: int
    spec: model.RegisterArray


@dataclass(frozen=True, eq=False)
class ValueSetRef:
    """A parser value set; `index` is its place in `Program.value_sets`."""

    index: int
    spec: model.ValueSet


@dataclass(frozen=True, eq=False)
class HashRef:
    """A hash with parameters of its own; `index` is its place in `Program.calculations`."""

    index: int
    spec: model.Calculation


Ref = TableRef | CounterRef | MeterRef | RegisterRef | ValueSetRef | HashRef
