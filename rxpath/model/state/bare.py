"""Tables as the kernels see them: a pointer, with widths that are constants of the machine code.

Numba hands an array over as some nine values, multiplies by strides that it reads, and compares
each index with 0 to count from the end.  A `Bare` table is one pointer: ``host[row, column]`` is
one address, and ``host[row]`` is a row of the same kind.  So no index may be negative, and nothing
checks bounds (neither does Numba).  Without Numba, tables stay arrays.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model
from numba.np.arrayobj import make_array, populate_array

from rxpath.model.state.host import WIDTHS, State, Table

_WORD = ir.IntType(64)
_ARRAY = types.Array(types.int64, 1, "C")


class Bare(types.Type):  # type: ignore[misc]  # Numba has no types
    """Numba's type of an int64 table; all of its dimensions but the first are ``widths``."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        self.widths = widths
        super().__init__(f"Bare{widths}")


@register_model(Bare)
class _Pointer(models.PrimitiveModel):  # type: ignore[misc]  # Numba has no types
    def __init__(self, manager: Any, kind: Bare) -> None:
        super().__init__(manager, kind, _WORD.as_pointer())


def _indices(index: types.Type) -> int:
    """How many indices there are, 0 for what is none."""
    if isinstance(index, types.Integer):
        return 1
    fits = isinstance(index, types.BaseTuple) and all(isinstance(i, types.Integer) for i in index)
    return len(index) if fits else 0


def _as_int64(count: int) -> types.Type:
    return types.int64 if count == 1 else types.UniTuple(types.int64, count)


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):  # type: ignore[misc]  # Numba has no types
    def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002  # Numba's signature
        table, index = args
        if not isinstance(table, Bare) or not 0 < _indices(index) <= len(table.widths) + 1:
            return None
        count = _indices(index)
        whole = count == len(table.widths) + 1
        found = types.int64 if whole else Bare(table.widths[count:])
        return signature(found, table, _as_int64(count))


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):  # type: ignore[misc]  # Numba has no types
    def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002  # Numba's signature
        table, index, _ = args
        if not isinstance(table, Bare) or _indices(index) != len(table.widths) + 1:
            return None
        return signature(types.none, table, _as_int64(_indices(index)), types.int64)


def _address(builder: Any, kind: Bare, table: Any, index_type: types.Type, index: Any) -> Any:
    parts = [index] if index_type == types.int64 else cgutils.unpack_tuple(builder, index)
    offset = parts[0]
    for width, part in zip(kind.widths, parts[1:], strict=False):
        offset = builder.add(builder.mul(offset, _WORD(width), flags=["nsw"]), part, flags=["nsw"])
    for width in kind.widths[len(parts) - 1 :]:
        offset = builder.mul(offset, _WORD(width), flags=["nsw"])
    return builder.gep(table, [offset], inbounds=True)


def _get(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
    address = _address(builder, sig.args[0], args[0], sig.args[1], args[1])
    return address if isinstance(sig.return_type, Bare) else builder.load(address)


def _set(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    builder.store(args[2], _address(builder, sig.args[0], args[0], sig.args[1], args[1]))
    return context.get_dummy_value()


for _index in (types.Integer, types.UniTuple):
    lower_builtin(operator.getitem, Bare, _index)(_get)
    lower_builtin(operator.setitem, Bare, _index, types.Integer)(_set)


BARE_STATE_TYPE = types.NamedTuple([Bare(WIDTHS[name]) for name in State._fields], State)
"""Numba's type of a bare `State`, for explicit signatures."""


def _data(context: Any, builder: Any, kind: types.Array, array: Any) -> Any:
    return make_array(kind)(context, builder, array).data


@intrinsic
def _bare_state(typing: Any, state: types.NamedTuple) -> Any:  # noqa: ARG001  # Numba's signature
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        arrays = cgutils.unpack_tuple(builder, args[0])
        pointers = [_data(context, builder, *one) for one in zip(state, arrays, strict=True)]
        return context.make_tuple(builder, sig.return_type, pointers)

    return BARE_STATE_TYPE(state), generate


@intrinsic
def _array(typing: Any, row: Bare, length: types.Integer) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
        array = make_array(_ARRAY)(context, builder)
        size = _WORD(8)
        populate_array(array, args[0], [args[1]], [size], size, None)
        return array._getvalue()

    return _ARRAY(row, types.int64), generate


def rows_of(width: int) -> Callable[[Table], Any]:
    """A function for kernels: the bare table of an array [rows, ``width``]."""

    @intrinsic
    def bare_rows(typing: Any, array: types.Array) -> Any:  # noqa: ARG001  # Numba's signature
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
            return _data(context, builder, array, args[0])

        return Bare((width,) if array.ndim == 2 else ())(array), generate

    return _unchanged if config.DISABLE_JIT else bare_rows


def _unchanged(table: Any) -> Any:
    return table


def _slice(row: Table, length: int) -> Table:
    return row[:length]


bare: Callable[[State], Any] = _unchanged if config.DISABLE_JIT else _bare_state
"""For kernels: the state's tables as bare ones, in a tuple of the same names."""

array: Callable[[Any, int], Table] = _slice if config.DISABLE_JIT else _array
"""For kernels: the first items of a bare row as an array, for who knows no bare tables."""
