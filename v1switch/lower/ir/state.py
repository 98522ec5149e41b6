"""Statements about tables, counters, meters and registers."""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.lower.ir.expressions import Expr
from v1switch.lower.ir.references import CounterRef, MeterRef, RegisterRef, TableRef
from v1switch.lower.ir.variables import Var


@dataclass(frozen=True, slots=True)
class LookUp:
    """Look a key up; the variable becomes the entry, or nothing on a miss.

    Attributes:
        key: a value, unsigned and as wide as the field, for each field of the key.
    """

    target: Var
    table: TableRef
    key: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class TakeParams:
    """Set variables to the parameters of an entry's action."""

    targets: tuple[Var, ...]
    entry: Expr


@dataclass(frozen=True, slots=True)
class CountEntry:
    """Count the frame in an entry's direct counter."""

    entry: Expr


@dataclass(frozen=True, slots=True)
class TouchEntry:
    """Record the frame's time as that of an entry's last hit."""

    entry: Expr


@dataclass(frozen=True, slots=True)
class ExecuteDirectMeter:
    """Set a variable (two bits) to the colour that an entry's direct meter gives the frame."""

    target: Var
    entry: Expr


@dataclass(frozen=True, slots=True)
class ExecuteMeter:
    """Set a variable (two bits) to the colour that a meter's cell gives; the cell exists."""

    target: Var
    meter: MeterRef
    index: Expr


@dataclass(frozen=True, slots=True)
class Count:
    """Count the frame in a counter's cell, if there is one (`inside`: there is, for certain)."""

    counter: CounterRef
    index: Expr
    inside: bool


@dataclass(frozen=True, slots=True)
class RegisterWrite:
    """Set a register array's cell, if there is one (`inside`: there is, for certain)."""

    register: RegisterRef
    index: Expr
    value: Expr
    inside: bool
