"""The structs of BMv2's services `standard` and `simple_switch` (standard.thrift)."""

from __future__ import annotations

from dataclasses import dataclass, field

from v1switch.bmthrift.description import (
    BINARY,
    BOOL,
    DOUBLE,
    I16,
    I32,
    I64,
    STRING,
    TEXTS,
    Struct,
    list_of,
    of,
    wire,
)

# -- match fields ----------------------------------------------------------------------------------

EXACT, LPM, TERNARY, VALID, RANGE = range(5)  # BmMatchParamType


@wire(BINARY)
@dataclass
class ExactParam(Struct):
    """An exact match."""

    key: bytes = b""


@wire(BINARY, I32)
@dataclass
class LpmParam(Struct):
    """A longest-prefix match."""

    key: bytes = b""
    prefix_length: int = 0


@wire(BINARY, BINARY)
@dataclass
class TernaryParam(Struct):
    """A ternary match."""

    key: bytes = b""
    mask: bytes = b""


@wire(BOOL)
@dataclass
class ValidParam(Struct):
    """A match on a header's validity."""

    key: bool = False


@wire(BINARY, BINARY)
@dataclass
class RangeParam(Struct):
    """A range match."""

    start: bytes = b""
    end_: bytes = b""


@wire(I32, of(ExactParam), of(LpmParam), of(TernaryParam), of(ValidParam), of(RangeParam))
@dataclass
class MatchParam(Struct):
    """One match field: its type, and the struct of that type."""

    type: int = EXACT
    exact: ExactParam | None = None
    lpm: LpmParam | None = None
    ternary: TernaryParam | None = None
    valid: ValidParam | None = None
    range: RangeParam | None = None


@wire(I32)
@dataclass
class AddEntryOptions(Struct):
    """The priority of an entry, where the table has priorities."""

    priority: int | None = None


# -- entries ---------------------------------------------------------------------------------------

NONE, ACTION_DATA, MEMBER, GROUP = range(4)  # BmActionEntryType


@wire(I32, STRING, list_of(BINARY), I32, I32)
@dataclass
class ActionEntry(Struct):
    """What an entry does: an action, a member or a group."""

    action_type: int = NONE
    action_name: str | None = None
    action_data: list[bytes] | None = None
    mbr_handle: int | None = None
    grp_handle: int | None = None


@wire(I32, I32)
@dataclass
class EntryLife(Struct):
    """An entry's idle timeout, and how long it has been idle."""

    timeout_ms: int = 0
    time_since_hit_ms: int = 0


@wire(list_of(of(MatchParam)), of(AddEntryOptions), I32, of(ActionEntry), of(EntryLife))
@dataclass
class Entry(Struct):
    """A table entry."""

    match_key: list[MatchParam] = field(default_factory=list)
    options: AddEntryOptions = field(default_factory=AddEntryOptions)
    entry_handle: int = 0
    action_entry: ActionEntry = field(default_factory=ActionEntry)
    life: EntryLife | None = None


@wire(I32, STRING, list_of(BINARY))
@dataclass
class ProfileMember(Struct):
    """A member of an action profile."""

    mbr_handle: int = 0
    action_name: str = ""
    action_data: list[bytes] = field(default_factory=list)


@wire(I32, list_of(I32))
@dataclass
class ProfileGroup(Struct):
    """A group of an action profile."""

    grp_handle: int = 0
    mbr_handles: list[int] = field(default_factory=list)


# -- counters, meters, CRCs ------------------------------------------------------------------------


@wire(I64, I64)
@dataclass
class CounterValue(Struct):
    """The counts of a cell."""

    bytes: int = 0
    packets: int = 0


@wire(DOUBLE, I32)
@dataclass
class MeterRate(Struct):
    """One rate of a meter, per microsecond, and its burst."""

    units_per_micros: float = 0.0
    burst_size: int = 0


@wire(I16, I16, I16, BOOL, BOOL)
@dataclass
class Crc16Config(Struct):
    """Parameters of a CRC of 16 bits; the numbers are unsigned, though the wire's are signed."""

    polynomial: int = 0
    initial_remainder: int = 0
    final_xor_value: int = 0
    data_reflected: bool = False
    remainder_reflected: bool = False


@wire(I32, I32, I32, BOOL, BOOL)
@dataclass
class Crc32Config(Struct):
    """Parameters of a CRC of 32 bits."""

    polynomial: int = 0
    initial_remainder: int = 0
    final_xor_value: int = 0
    data_reflected: bool = False
    remainder_reflected: bool = False


# -- the switch ------------------------------------------------------------------------------------


@wire(I32, STRING, BOOL, TEXTS)
@dataclass
class PortInfo(Struct):
    """A port."""

    port_num: int = 0
    iface_name: str = ""
    is_up: bool = False
    extra: dict[str, str] = field(default_factory=dict)


@wire(I64, I32, STRING, STRING, STRING)
@dataclass
class Config(Struct):
    """The switch's own numbers and addresses."""

    device_id: int = 0
    thrift_port: int = 0
    notifications_socket: str | None = None
    elogger_socket: str | None = None
    debugger_socket: str | None = None


@wire(I32, I32)
@dataclass
class MirroringConfig(Struct):
    """Where a clone session sends copies: to a port, a multicast group, or both."""

    port: int | None = None
    mgid: int | None = None


@wire(I32)
@dataclass
class Failed(Struct):
    """Any of the errors of the interface: each has a code only."""

    code: int = 0
