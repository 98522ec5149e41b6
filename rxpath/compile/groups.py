"""Groups: tables that kernels are handed together, with the functions that they call.

The tables of fixed size lie in one piece of memory, reached from one pointer; a `table`, whose
number of rows is known when the group is made, has a pointer of its own.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, overload

import numpy as np
from numba.core.dispatcher import Dispatcher

from rxpath.compile.tables import LINE, Field, Row, Rows, words

R = TypeVar("R", bound="Row")


class Table(Field, Generic[R]):
    """Of a `Group`: a table whose number of rows is known when it is made."""

    def __init__(self, kind: type[R], about: str) -> None:
        super().__init__(0, about)
        self.kind = kind

    @overload
    def __get__(self, row: None, owner: Any) -> Table[R]: ...
    @overload
    def __get__(self, row: Row, owner: Any) -> Rows[R]: ...
    def __get__(self, row: Row | None, owner: Any) -> Rows[R] | Table[R]:
        if row is None:
            return self
        found: Rows[R] = row._parts[self]
        return found

    @property
    def format(self) -> Any:
        """It takes no words of the block."""
        return np.int64, (0,)


class Call(Field):
    """Of a `Group`: a compiled function that kernels call through it, by its address.

    Args:
        signature: what it is compiled for.
        about: its meaning.
    """

    def __init__(self, signature: Any, about: str) -> None:
        super().__init__(0, about)
        self.signature = signature

    def __get__(self, row: Any, owner: Any) -> Any:
        return self if row is None else row._parts[self]

    def __set__(self, row: Any, function: Any) -> None:
        row._parts[self] = function
        row._note_address(self, function)

    @property
    def format(self) -> Any:
        """It takes no words of the block."""
        return np.int64, (0,)


def table(kind: type[R], about: str) -> Table[R]:
    """Declare a table of a group."""
    return Table(kind, about)


class Group(Row):
    """Tables that are handed on together: those of fixed size in one piece, others by pointer.

    Args:
        tables: for each `table` of the declaration the number of its rows.
    """

    __slots__ = ("_addresses", "address")

    def __init__(self, **tables: int) -> None:
        kind = type(self)
        block = Rows.new(_Block, -(-kind.SIZE // LINE))
        super().__init__(block._memory, 0)
        outer = pointers(kind)
        self._addresses = np.zeros(1 + len(outer), np.int64)
        self._addresses[0] = block.address
        self.address: int = self._addresses.ctypes.data  # what a kernel reads
        for number, field in enumerate(outer):
            if isinstance(field, Table):
                made = self._parts[field] = Rows.new(field.kind, tables[field.name])
                self._addresses[1 + number] = made.address

    def tobytes(self) -> bytes:
        """All of its memory, to compare it."""
        kind = type(self)
        found = [bytes(self._words)]
        tables = [field for field in pointers(kind) if isinstance(field, Table)]
        return b"".join([*found, *(self._parts[field].array.tobytes() for field in tables)])

    def _note_address(self, field: Call, function: Any) -> None:
        number = pointers(type(self)).index(field)
        if isinstance(function, Dispatcher):
            compiled = function.get_compile_result(field.signature)
            name = compiled.fndesc.llvm_func_name
            self._addresses[1 + number] = compiled.library.get_pointer_to_function(name)


class _Block(Row):
    line = words(LINE, "a cache line")


def pointers(kind: type[Row]) -> list[Field]:
    """The fields of a group that are pointers."""
    return [field for field in kind.FIELDS.values() if isinstance(field, (Table, Call))]
