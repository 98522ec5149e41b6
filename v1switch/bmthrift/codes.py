"""The error codes of BMv2's services, and which of them an error of the data plane is."""

from __future__ import annotations

from enum import IntEnum

from v1switch.errors import (
    BadAction,
    BadIndex,
    BadMatch,
    DuplicateEntry,
    EntryNotFound,
    Immutable,
    InUse,
    NoProgram,
    SwitchError,
    TableFull,
    UnknownHandle,
    UnknownObject,
)


class TableCode(IntEnum):
    """TableOperationErrorCode."""

    TABLE_FULL = 1
    INVALID_HANDLE = 2
    EXPIRED_HANDLE = 3
    COUNTERS_DISABLED = 4
    METERS_DISABLED = 5
    AGEING_DISABLED = 6
    INVALID_TABLE_NAME = 7
    INVALID_ACTION_NAME = 8
    WRONG_TABLE_TYPE = 9
    INVALID_MBR_HANDLE = 10
    MBR_STILL_USED = 11
    MBR_ALREADY_IN_GRP = 12
    MBR_NOT_IN_GRP = 13
    INVALID_GRP_HANDLE = 14
    GRP_STILL_USED = 15
    EMPTY_GRP = 16
    DUPLICATE_ENTRY = 17
    BAD_MATCH_KEY = 18
    DEFAULT_ACTION_IS_CONST = 20
    DEFAULT_ENTRY_IS_CONST = 21
    INVALID_ACTION_PROFILE_NAME = 23
    IMMUTABLE_TABLE_ENTRIES = 25
    BAD_ACTION_DATA = 26
    NO_TABLE_KEY = 27
    ERROR = 100


class CounterCode(IntEnum):
    """CounterOperationErrorCode."""

    INVALID_COUNTER_NAME = 1
    INVALID_INDEX = 2
    ERROR = 3


class MeterCode(IntEnum):
    """MeterOperationErrorCode."""

    INVALID_METER_NAME = 1
    INVALID_INDEX = 2
    BAD_RATES_LIST = 3
    INVALID_INFO_RATE_VALUE = 4
    INVALID_BURST_SIZE_VALUE = 5
    ERROR = 6


class RegisterCode(IntEnum):
    """RegisterOperationErrorCode."""

    INVALID_REGISTER_NAME = 1
    INVALID_INDEX = 2
    ERROR = 3


class ValueSetCode(IntEnum):
    """ParseVSetOperationErrorCode."""

    INVALID_PARSE_VSET_NAME = 1
    ERROR = 2


class SwapCode(IntEnum):
    """SwapOperationErrorCode."""

    CONFIG_SWAP_DISABLED = 1
    ONGOING_SWAP = 2
    NO_ONGOING_SWAP = 3


class LearnCode(IntEnum):
    """LearnOperationErrorCode."""

    INVALID_LIST_ID = 1
    ERROR = 3


class PortCode(IntEnum):
    """DevMgrErrorCode."""

    ERROR = 1


class CalculationCode(IntEnum):
    """CrcErrorCode and ToeplitzHashErrorCode, whose numbers are the same."""

    INVALID_CALCULATION_NAME = 1
    WRONG_TYPE_CALCULATION = 2
    INVALID_CONFIG = 3


class LookupCode(IntEnum):
    """IdLookupErrorCode."""

    INVALID_RESOURCE_TYPE = 0
    INVALID_RESOURCE_NAME = 1


class MirroringCode(IntEnum):
    """MirroringOperationErrorCode."""

    SESSION_NOT_FOUND = 1


class McCode(IntEnum):
    """McOperationErrorCode."""

    TABLE_FULL = 1
    INVALID_MGID = 2
    INVALID_MGRP_HANDLE = 3
    INVALID_L1_HANDLE = 4
    ERROR = 5


class Refused(SwitchError):
    """A call is refused.

    Attributes:
        code: sent to the client.
    """

    def __init__(self, code: IntEnum) -> None:
        super().__init__(code.name)
        self.code = code


_TABLE_CODES: tuple[tuple[type[SwitchError], TableCode], ...] = (
    (NoProgram, TableCode.INVALID_TABLE_NAME),
    (BadMatch, TableCode.BAD_MATCH_KEY),
    (BadAction, TableCode.BAD_ACTION_DATA),
    (DuplicateEntry, TableCode.DUPLICATE_ENTRY),
    (EntryNotFound, TableCode.BAD_MATCH_KEY),
    (TableFull, TableCode.TABLE_FULL),
    (Immutable, TableCode.IMMUTABLE_TABLE_ENTRIES),
)
_UNKNOWN_HANDLES = {
    "entry": TableCode.INVALID_HANDLE,
    "member": TableCode.INVALID_MBR_HANDLE,
    "group": TableCode.INVALID_GRP_HANDLE,
}


def table_code(error: Exception) -> int:
    """The code of an error of a call about tables or action profiles."""
    if isinstance(error, UnknownHandle):
        return TableCode.EXPIRED_HANDLE if error.expired else _UNKNOWN_HANDLES[error.kind]
    if isinstance(error, UnknownObject):
        profile = error.kind == "action profile"
        return TableCode.INVALID_ACTION_PROFILE_NAME if profile else TableCode.INVALID_TABLE_NAME
    if isinstance(error, InUse):
        return TableCode.MBR_STILL_USED if error.kind == "member" else TableCode.GRP_STILL_USED
    kinds = (code for kind, code in _TABLE_CODES if isinstance(error, kind))
    return next(kinds, TableCode.ERROR)


def _array_code(codes: type[CounterCode | MeterCode | RegisterCode], error: Exception) -> int:
    if isinstance(error, (UnknownObject, NoProgram)):
        return codes(1)
    return codes.INVALID_INDEX if isinstance(error, BadIndex) else codes.ERROR


def counter_code(error: Exception) -> int:
    """The code of an error of a call about an indexed counter."""
    return _array_code(CounterCode, error)


def meter_code(error: Exception) -> int:
    """The code of an error of a call about an indexed meter."""
    return _array_code(MeterCode, error)


def register_code(error: Exception) -> int:
    """The code of an error of a call about a register array."""
    return _array_code(RegisterCode, error)


def value_set_code(error: Exception) -> int:
    """The code of an error of a call about a parser value set."""
    unknown = isinstance(error, (UnknownObject, NoProgram))
    return ValueSetCode.INVALID_PARSE_VSET_NAME if unknown else ValueSetCode.ERROR


def mc_code(error: Exception) -> int:
    """The code of an error of a call about multicast."""
    if isinstance(error, UnknownHandle):
        return McCode.INVALID_L1_HANDLE
    return McCode.INVALID_MGRP_HANDLE if isinstance(error, EntryNotFound) else McCode.ERROR


def calculation_code(error: Exception) -> int:
    """The code of an error of a call about a hash."""
    if isinstance(error, (UnknownObject, NoProgram)):
        return CalculationCode.INVALID_CALCULATION_NAME
    return CalculationCode.INVALID_CONFIG
