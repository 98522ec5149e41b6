"""Tables of int64 words whose rows have named fields: NumPy arrays outside, pointers in kernels.

A declaration says once what the words of a row are called::

    class Queue(Row):
        first = word("first item, -1: empty")
        last = word("last item")

    class Device(Row):
        length = word("frames that wait")
        waiting = part(Queue, "where they wait")
        busy = words(4, "time used, by kind", "ns")

`Rows` is a table of such rows.  ``table[3].waiting.first`` means the same in a compiled kernel and
without Numba; a field that is not declared is an error in both, when the kernel is compiled and
when the line runs.  Compiled, a row is one pointer and a field a load or store at a constant
distance from it; nothing checks an index there, while plain Python does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

R = TypeVar("R", bound="Row")

LINE = 8  # words of a cache line


class Field:
    """One field of a row: its name, meaning, unit, where it begins and how many words it takes."""

    def __init__(self, size: int, about: str, unit: str = "") -> None:
        self.size, self.about, self.unit = size, about, unit
        self.name, self.at = "", 0

    @property
    def format(self) -> Any:
        """The field's format in a NumPy dtype."""
        raise NotImplementedError


class Word(Field):
    """A field of one int64."""

    @property
    def format(self) -> Any:
        """The field's format in a NumPy dtype."""
        return np.int64

    @overload
    def __get__(self, row: None, owner: Any) -> Word: ...
    @overload
    def __get__(self, row: Row, owner: Any) -> int: ...
    def __get__(self, row: Row | None, owner: Any) -> int | Word:
        if row is None:
            return self
        value: int = row._words[row._at + self.at]
        return value

    def __set__(self, row: Row, value: int) -> None:
        row._words[row._at + self.at] = value


class WordArray(Field):
    """A field of several int64."""

    @property
    def format(self) -> Any:
        """The field's format in a NumPy dtype."""
        return np.int64, (self.size,)

    @overload
    def __get__(self, row: None, owner: Any) -> WordArray: ...
    @overload
    def __get__(self, row: Row, owner: Any) -> Words: ...
    def __get__(self, row: Row | None, owner: Any) -> Words | WordArray:
        if row is None:
            return self
        found: Words = row._part(self, lambda: Words(row._words, row._at + self.at, self.size))
        return found


class Part(Field, Generic[R]):
    """A field that is a row of another declaration."""

    def __init__(self, kind: type[R], about: str) -> None:
        super().__init__(kind.SIZE, about)
        self.kind = kind

    @property
    def format(self) -> Any:
        """The field's format in a NumPy dtype."""
        return self.kind.DTYPE

    @overload
    def __get__(self, row: None, owner: Any) -> Part[R]: ...
    @overload
    def __get__(self, row: Row, owner: Any) -> R: ...
    def __get__(self, row: Row | None, owner: Any) -> R | Part[R]:
        if row is None:
            return self
        found: R = row._part(self, lambda: self.kind(row._words, row._at + self.at))
        return found


class Parts(Field, Generic[R]):
    """A field that is itself a table, with a fixed number of rows."""

    def __init__(self, count: int, kind: type[R], about: str) -> None:
        super().__init__(count * kind.SIZE, about)
        self.count, self.kind = count, kind

    @property
    def format(self) -> Any:
        """The field's format in a NumPy dtype."""
        return self.kind.DTYPE, (self.count,)

    @overload
    def __get__(self, row: None, owner: Any) -> Parts[R]: ...
    @overload
    def __get__(self, row: Row, owner: Any) -> Rows[R]: ...
    def __get__(self, row: Row | None, owner: Any) -> Rows[R] | Parts[R]:
        if row is None:
            return self
        at = row._at + self.at
        found: Rows[R] = row._part(self, lambda: Rows._of(self.kind, row._words, at, self.count))
        return found


def word(about: str, unit: str = "") -> Word:
    """Declare a field of one int64."""
    return Word(1, about, unit)


def words(count: int, about: str, unit: str = "") -> WordArray:
    """Declare a field of ``count`` int64."""
    return WordArray(count, about, unit)


def part(kind: type[R], about: str) -> Part[R]:
    """Declare a field that is a row of ``kind``."""
    return Part(kind, about)


def parts(count: int, kind: type[R], about: str) -> Parts[R]:
    """Declare a field that is a table of ``count`` rows of ``kind``."""
    return Parts(count, kind, about)


class _Declaration(type):
    """Places a declaration's fields one after another, in the order in which they are written.

    ``packed=True`` in the class's head: no gaps.  Otherwise a row of more than half a cache line
    takes whole ones, and fields of whole cache lines begin one.
    """

    def __new__(
        cls, name: str, bases: tuple[type, ...], body: dict[str, Any], *, packed: bool = False
    ) -> _Declaration:
        """Make the class; it has no attributes but its fields."""
        body.setdefault("__slots__", ())
        made: Any = super().__new__(cls, name, bases, body)
        made.FIELDS = {key: value for key, value in body.items() if isinstance(value, Field)}
        at = 0
        for key, field in made.FIELDS.items():
            if any(hasattr(base, key) for base in bases):
                raise TypeError(f"{name}.{key}: a row has an attribute of that name already")
            if not packed and field.size % LINE == 0:
                at = -(-at // LINE) * LINE
            field.name, field.at = key, at
            at += field.size
        made.SIZE = at if packed or at <= LINE // 2 else -(-at // LINE) * LINE
        made.DTYPE = np.dtype(
            {
                "names": list(made.FIELDS),
                "formats": [field.format for field in made.FIELDS.values()],
                "offsets": [8 * field.at for field in made.FIELDS.values()],
                "itemsize": 8 * made.SIZE,
            }
        )
        declared: _Declaration = made
        return declared


class Row(metaclass=_Declaration):
    """One row of a table; declarations are subclasses.  In plain Python, a view of its words."""

    FIELDS: ClassVar[dict[str, Field]]
    SIZE: ClassVar[int]
    DTYPE: ClassVar[np.dtype[Any]]
    __slots__ = ("_at", "_parts", "_words")

    def __init__(self, memory: memoryview, at: int) -> None:
        self._words, self._at = memory, at
        self._parts: dict[Field, Any] = {}

    @classmethod
    def new(cls) -> Self:
        """A row that is part of no table, all zero."""
        return cls(_memory(np.zeros(cls.SIZE, np.int64)), 0)

    def _part(self, field: Field, make: Any) -> Any:
        found = self._parts.get(field)
        if found is None:
            found = self._parts[field] = make()
        return found

    def clear(self) -> None:
        """Set all of its words to 0."""
        self.array.view(np.int64)[:] = 0

    @property
    def array(self) -> Any:
        """The row as an array of one NumPy record, of the same memory."""
        return _array(self._words, self._at, self.SIZE).view(self.DTYPE)

    @property
    def address(self) -> int:
        """Of the row in memory."""
        return _address(self._words, self._at)


class Words:
    """A field of several int64, in plain Python."""

    __slots__ = ("_array", "_at", "_memory", "_size")

    def __init__(self, memory: memoryview, at: int, size: int) -> None:
        self._memory, self._at, self._size = memory, at, size
        self._array: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < self._size:
            raise IndexError(f"{index} of {self._size}")
        value: int = self._memory[self._at + index]
        return value

    def __setitem__(self, index: int, value: int) -> None:
        if not 0 <= index < self._size:
            raise IndexError(f"{index} of {self._size}")
        self._memory[self._at + index] = value

    @property
    def array(self) -> NDArray[np.int64]:
        """The words as an array of the same memory."""
        if self._array is None:
            self._array = _array(self._memory, self._at, self._size)
        return self._array


class Rows(Generic[R]):
    """A table: rows of one declaration.

    Args:
        kind: the declaration.
        array: the table's memory, [rows] of ``kind.DTYPE``, one after the other.
    """

    __slots__ = ("_array", "_at", "_made", "_memory", "count", "kind")

    def __init__(self, kind: type[R], array: NDArray[Any]) -> None:
        memory = _memory(array.view(np.int64).reshape(-1))
        self._set(kind, memory, 0, len(array))

    def _set(self, kind: type[R], memory: memoryview, at: int, count: int) -> None:
        self.kind, self.count = kind, count
        self._memory, self._at = memory, at
        self._made: dict[int, R] = {}
        self._array: NDArray[Any] | None = None

    @classmethod
    def _of(cls, kind: type[R], memory: memoryview, at: int, count: int) -> Rows[R]:
        made = cls.__new__(cls)
        made._set(kind, memory, at, count)
        return made

    @classmethod
    def new(cls, kind: type[R], count: int) -> Rows[R]:
        """A table of ``count`` rows, all zero, which begins a cache line."""
        size = kind.SIZE * count
        memory = np.zeros(size + LINE - 1, np.int64)
        start = -memory.ctypes.data // 8 % LINE
        return cls(kind, memory[start : start + size].view(kind.DTYPE))

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[R]:
        return (self[i] for i in range(self.count))

    def __getitem__(self, index: int) -> R:
        row = self._made.get(index)
        if row is None:
            if not 0 <= index < self.count:
                raise IndexError(f"row {index} of {self.count} of {self.kind.__name__}")
            row = self.kind(self._memory, self._at + index * self.kind.SIZE)
            self._made[int(index)] = row
        return row

    @property
    def array(self) -> NDArray[Any]:
        """The table as a NumPy array of records, of the same memory: ``table.array["length"]``."""
        if self._array is None:
            found = _array(self._memory, self._at, self.count * self.kind.SIZE)
            self._array = found.view(self.kind.DTYPE)
        return self._array

    @property
    def address(self) -> int:
        """Of the first row in memory."""
        return _address(self._memory, self._at)


def _memory(array: NDArray[np.int64]) -> memoryview:
    view: Any = array
    return memoryview(view)


def _array(memory: memoryview, at: int, size: int) -> NDArray[np.int64]:
    return np.frombuffer(memory, np.int64)[at : at + size]


def _address(memory: memoryview, at: int) -> int:
    return int(np.frombuffer(memory, np.int64).ctypes.data) + 8 * at
