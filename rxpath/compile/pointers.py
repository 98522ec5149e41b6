"""Numba types for the tables of `rxpath.compile.tables`: pointers with declared fields.

A row is a pointer to its first word; reading a field is a load at a constant distance from it, a
row of a table is an addition.  So a kernel hands over one number where an array is nine, and a
field that is not declared is a typing error.  No index is checked and none may be negative.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer_getattr,
    infer_global,
    signature,
)
from numba.extending import (
    NativeValue,
    intrinsic,
    lower_builtin,
    lower_getattr_generic,
    lower_setattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.arrayobj import make_array, populate_array
from numpy import int64
from numpy.typing import NDArray

from rxpath.compile.groups import Call, Group, Table, pointers
from rxpath.compile.tables import Part, Parts, Row, Rows, Word, WordArray, Words

_WORD = ir.IntType(64)
_POINTER = _WORD.as_pointer()
_ARRAY = types.Array(types.int64, 1, "C")


def _name(kind: type[Row]) -> str:
    return f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"


class RowType(types.Type):  # type: ignore[misc]  # Numba has no types
    """A pointer to a row of ``kind``."""

    def __init__(self, kind: type[Row]) -> None:
        self.kind = kind
        super().__init__(f"Row({_name(kind)})")


class RowsType(types.Type):  # type: ignore[misc]  # Numba has no types
    """A pointer to the first row of a table of ``kind``."""

    def __init__(self, kind: type[Row]) -> None:
        self.kind = kind
        super().__init__(f"Rows({_name(kind)})")


class SizedType(types.Type):  # type: ignore[misc]  # Numba has no types
    """A table that was an argument from Python: the pointer, and how many rows there are."""

    def __init__(self, kind: type[Row]) -> None:
        self.kind = kind
        super().__init__(f"Sized({_name(kind)})")


class WordsType(types.Type):  # type: ignore[misc]  # Numba has no types
    """A pointer to several int64."""

    def __init__(self) -> None:
        super().__init__("Words")


class GroupType(types.Type):  # type: ignore[misc]  # Numba has no types
    """The pointers of a group: the piece of fixed size, then each table and function."""

    def __init__(self, kind: type[Group]) -> None:
        self.kind = kind
        super().__init__(f"Group({_name(kind)})")


WORDS = WordsType()


@register_model(RowType)
@register_model(RowsType)
@register_model(WordsType)
class _Pointer(models.PrimitiveModel):  # type: ignore[misc]  # Numba has no types
    def __init__(self, manager: Any, kind: types.Type) -> None:
        super().__init__(manager, kind, _POINTER)


@register_model(SizedType)
class _Sized(models.StructModel):  # type: ignore[misc]  # Numba has no types
    def __init__(self, manager: Any, kind: SizedType) -> None:
        members = [("rows", RowsType(kind.kind)), ("count", types.int64)]
        super().__init__(manager, kind, members)


@register_model(GroupType)
class _Group(models.StructModel):  # type: ignore[misc]  # Numba has no types
    def __init__(self, manager: Any, kind: GroupType) -> None:
        outer = [(field.name, WORDS) for field in pointers(kind.kind)]
        super().__init__(manager, kind, [("block", WORDS), *outer])


@typeof_impl.register(Row)
def _typeof_row(value: Row, _: Any) -> types.Type:
    return RowType(type(value))


@typeof_impl.register(Rows)
def _typeof_rows(value: Rows[Any], _: Any) -> types.Type:
    return SizedType(value.kind)


@typeof_impl.register(Group)
def _typeof_group(value: Group, _: Any) -> types.Type:
    return GroupType(type(value))


# -- fields --------------------------------------------------------------------------------------
def _type_of(field: Any) -> types.Type:
    if isinstance(field, Word):
        return types.int64
    if isinstance(field, WordArray):
        return WORDS
    if isinstance(field, Part):
        return RowType(field.kind)
    if isinstance(field, (Parts, Table)):
        return RowsType(field.kind)
    return types.FunctionType(field.signature)


class _Fields(AttributeTemplate):  # type: ignore[misc]  # Numba has no types
    def generic_resolve(self, row: Any, name: str) -> types.Type | None:
        field = row.kind.FIELDS.get(name)
        return None if field is None else _type_of(field)


@infer_getattr
class _RowFields(_Fields):
    key = RowType


@infer_getattr
class _GroupFields(_Fields):
    key = GroupType


def _at(builder: Any, pointer: Any, distance: int) -> Any:
    return builder.gep(pointer, [_WORD(distance)], inbounds=True)


@lower_getattr_generic(RowType)
def _get_field(context: Any, builder: Any, kind: RowType, row: Any, name: str) -> Any:  # noqa: ARG001
    field = kind.kind.FIELDS[name]
    place = _at(builder, row, field.at)
    return builder.load(place) if isinstance(field, Word) else place


@lower_setattr_generic(RowType)
def _set_field(context: Any, builder: Any, sig: Any, args: Any, name: str) -> None:
    field = sig.args[0].kind.FIELDS[name]
    if not isinstance(field, Word):
        raise TypeError(f"{name} of {sig.args[0]} is no single number")
    value = context.cast(builder, args[1], sig.args[1], types.int64)
    builder.store(value, _at(builder, args[0], field.at))


@lower_setattr_generic(GroupType)
def _set_member(context: Any, builder: Any, sig: Any, args: Any, name: str) -> None:
    members = cgutils.create_struct_proxy(sig.args[0])(context, builder, value=args[0])
    row = RowType(sig.args[0].kind)
    setting = signature(types.void, row, sig.args[1])
    _set_field(context, builder, setting, (members.block, args[1]), name)


@lower_getattr_generic(GroupType)
def _get_member(context: Any, builder: Any, kind: GroupType, group: Any, name: str) -> Any:
    field = kind.kind.FIELDS[name]
    members = cgutils.create_struct_proxy(kind)(context, builder, value=group)
    if isinstance(field, Table):
        return getattr(members, name)
    if isinstance(field, Call):
        function = cgutils.create_struct_proxy(_type_of(field))(context, builder)
        function.jit_addr = builder.bitcast(getattr(members, name), cgutils.voidptr_t)
        return function._getvalue()
    place = _at(builder, members.block, field.at)
    return builder.load(place) if isinstance(field, Word) else place


# -- indices -------------------------------------------------------------------------------------
@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):  # type: ignore[misc]  # Numba has no types
    def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002  # Numba's signature
        table, index = args
        if not isinstance(index, (types.Integer, types.Boolean)):
            return None
        if isinstance(table, (RowsType, SizedType)):
            return signature(RowType(table.kind), table, types.int64)
        if isinstance(table, WordsType):
            return signature(types.int64, table, types.int64)
        return None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):  # type: ignore[misc]  # Numba has no types
    def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002  # Numba's signature
        table, index, _ = args
        if isinstance(table, WordsType) and isinstance(index, (types.Integer, types.Boolean)):
            return signature(types.none, table, types.int64, types.int64)
        return None


@infer_global(len)
class _Len(AbstractTemplate):  # type: ignore[misc]  # Numba has no types
    def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002  # Numba's signature
        return signature(types.int64, *args) if isinstance(args[0], SizedType) else None


def _row(builder: Any, kind: type[Row], rows: Any, index: Any) -> Any:
    distance = builder.mul(index, _WORD(kind.SIZE), flags=["nsw"])
    return builder.gep(rows, [distance], inbounds=True)


@lower_builtin(operator.getitem, RowsType, types.Integer)
def _get_row(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
    return _row(builder, sig.args[0].kind, *args)


@lower_builtin(operator.getitem, SizedType, types.Integer)
def _get_sized_row(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    members = cgutils.create_struct_proxy(sig.args[0])(context, builder, value=args[0])
    return _row(builder, sig.args[0].kind, members.rows, args[1])


@lower_builtin(len, SizedType)
def _get_count(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return cgutils.create_struct_proxy(sig.args[0])(context, builder, value=args[0]).count


@lower_builtin(operator.getitem, WordsType, types.Integer)
def _get_word(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
    return builder.load(builder.gep(args[0], [args[1]], inbounds=True))


@lower_builtin(operator.setitem, WordsType, types.Integer, types.Integer)
def _set_word(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
    builder.store(args[2], builder.gep(args[0], [args[1]], inbounds=True))
    return context.get_dummy_value()


# -- arguments from Python -----------------------------------------------------------------------
def _number(c: Any, value: Any, name: str) -> Any:
    attribute = c.pyapi.object_getattr_string(value, name)
    found = c.pyapi.long_as_ulonglong(attribute)
    c.pyapi.decref(attribute)
    return found


def _address(c: Any, value: Any) -> Any:
    return c.builder.inttoptr(_number(c, value, "address"), _POINTER)


@unbox(RowType)
def _unbox_row(kind: RowType, value: Any, c: Any) -> Any:  # noqa: ARG001  # Numba's signature
    return NativeValue(_address(c, value))


@unbox(SizedType)
def _unbox_rows(kind: SizedType, value: Any, c: Any) -> Any:
    made = cgutils.create_struct_proxy(kind)(c.context, c.builder)
    made.rows, made.count = _address(c, value), _number(c, value, "count")
    return NativeValue(made._getvalue())


@unbox(GroupType)
def _unbox_group(kind: GroupType, value: Any, c: Any) -> Any:
    made = cgutils.create_struct_proxy(kind)(c.context, c.builder)
    addresses = _address(c, value)
    for number in range(1 + len(pointers(kind.kind))):
        address = c.builder.load(_at(c.builder, addresses, number))
        made[number] = c.builder.inttoptr(address, _POINTER)
    return NativeValue(made._getvalue())


# -- arrays for those who know no tables ---------------------------------------------------------
@intrinsic
def _array_of(typing: Any, some: WordsType, length: types.Integer) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
        array = make_array(_ARRAY)(context, builder)
        size = _WORD(8)
        populate_array(array, args[0], [args[1]], [size], size, None)
        return array._getvalue()

    return _ARRAY(some, types.int64), generate


def _plain_array(some: Words, length: int) -> NDArray[int64]:
    return some.array[:length]


array_of: Any = _plain_array if config.DISABLE_JIT else _array_of
"""For kernels: the first ``length`` of some words as a NumPy array of the same memory."""
