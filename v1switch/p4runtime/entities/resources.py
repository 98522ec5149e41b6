"""Counter data and meter configurations between messages and the data plane's values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from p4.config.v1 import p4info_pb2
from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime.errors import Refused, invalid, unsupported
from v1switch.p4runtime.schema import MeterSpec, Schema, Table
from v1switch.state.entries import CounterData, MeterConfig

_Type = p4info_pb2.MeterSpec.Type


SHOWN = 3  # names that a message lists at most


def lacks(schema: Schema, table: Table, kind: str) -> Refused:
    """The refusal of a direct counter or meter that a table does not have.

    It names the program's indexed ones, as it may be one of those that was meant.
    """
    indexed = schema.counters if kind == "counter" else schema.meters
    names = [each.name for each in indexed.values()]
    text = f"table {table.name!r} has no direct {kind}"
    if names:
        shown = ", ".join(map(repr, names[:SHOWN])) + ", …" * (len(names) > SHOWN)
        text += f"; {shown} is indexed: expected {kind}_entry"
    return invalid(text)


def decode_counter(message: p4rt.CounterData, name: str) -> CounterData:
    """Return the data of a message; raises BadValue when the counter `name` cannot be set to it."""
    data = CounterData(message.packet_count, message.byte_count)
    data.check(name)
    return data


def encode_counter(data: CounterData, message: p4rt.CounterData) -> None:
    """Write a counter's data into a message."""
    message.SetInParent()
    message.packet_count = data.packets
    message.byte_count = data.bytes


def decode_meter(message: p4rt.MeterConfig, spec: MeterSpec) -> MeterConfig:
    """Return the configuration of a message, checked by the meter's type.

    Raises:
        Refused: a value is negative, or does not fit the meter's type (specification 1.4,
            "MeterEntry & DirectMeterEntry").
    """
    figures = (message.cir, message.cburst, message.pir, message.pburst, message.eburst)
    if min(figures) < 0:
        raise invalid(f"meter {spec.name!r}: rates and bursts must not be negative")
    _TYPE_CHECKS[spec.type](message, spec.name)
    return MeterConfig(message.cir, message.cburst, message.pir, message.pburst)


def encode_meter(config: MeterConfig, message: p4rt.MeterConfig) -> None:
    """Write a meter's configuration into a message."""
    message.SetInParent()
    message.cir = config.cir
    message.cburst = config.cburst
    message.pir = config.pir
    message.pburst = config.pburst


def no_colour_counters(message: p4rt.MeterEntry | p4rt.DirectMeterEntry | p4rt.TableEntry) -> None:
    """Refuse a request for per-colour counters, which this target does not keep."""
    member = "meter_counter_data" if isinstance(message, p4rt.TableEntry) else "counter_data"
    if message.HasField(member):
        raise unsupported("meters have no per-colour counters on this target")


def _two_rates(message: p4rt.MeterConfig, name: str) -> None:
    if message.eburst:
        raise invalid(f"meter {name!r}: eburst does not apply to a two-rate meter")


def _one_rate(message: p4rt.MeterConfig, name: str) -> None:
    if (message.pir, message.pburst) != (message.cir, message.cburst):
        raise invalid(f"meter {name!r}: a single-rate meter has pir = cir and pburst = cburst")


def _two_colours(message: p4rt.MeterConfig, name: str) -> None:
    _one_rate(message, name)
    if message.eburst:
        raise invalid(f"meter {name!r}: eburst does not apply to a two-colour meter")


def _one_rate_three_colours(message: p4rt.MeterConfig, name: str) -> None:
    _one_rate(message, name)
    if message.eburst:
        raise unsupported(
            f"meter {name!r}: excess bursts are not supported, meters follow RFC 2698"
        )


_TYPE_CHECKS: Mapping[int, Callable[[p4rt.MeterConfig, str], None]] = {
    _Type.TWO_RATE_THREE_COLOR: _two_rates,
    _Type.SINGLE_RATE_THREE_COLOR: _one_rate_three_colours,
    _Type.SINGLE_RATE_TWO_COLOR: _two_colours,
}
