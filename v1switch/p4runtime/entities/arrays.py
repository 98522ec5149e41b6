"""Indexed counters, meters and registers (specification 1.4, "CounterEntry", ...)."""

from __future__ import annotations

from typing import Any

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime.entities.base import Handler, New
from v1switch.p4runtime.entities.resources import (
    decode_counter,
    decode_meter,
    encode_counter,
    encode_meter,
    no_colour_counters,
)
from v1switch.p4runtime.errors import Code, Refused, invalid
from v1switch.p4runtime.pipeline import Pipeline
from v1switch.p4runtime.schema import Counter, Meter, Register, lookup, select


class Counters(Handler):
    """Cells of indexed counters."""

    member = "counter_entry"

    def modify(self, pipeline: Pipeline, message: p4rt.CounterEntry) -> None:
        """Set one cell, or without an index all; without data nothing changes."""
        counter = lookup(pipeline.schema, pipeline.schema.counters, message.counter_id, "counter")
        indexes = _indexes(message, counter)
        if message.HasField("data"):
            data = decode_counter(message.data, counter.name)
            for index in indexes:
                pipeline.plane.write_counter(counter.name, index, data)

    def read(self, pipeline: Pipeline, message: p4rt.CounterEntry, new: New) -> None:
        """Read the cells that the request selects."""
        for counter in select(
            pipeline.schema, pipeline.schema.counters, message.counter_id, "counter"
        ):
            for index in _indexes(message, counter):
                found = new()
                found.counter_id = counter.id
                found.index.index = index
                encode_counter(pipeline.plane.counter(counter.name, index), found.data)


class Meters(Handler):
    """Cells of indexed meters."""

    member = "meter_entry"

    def modify(self, pipeline: Pipeline, message: p4rt.MeterEntry) -> None:
        """Configure one cell, or without an index all; no configuration means green."""
        meter = lookup(pipeline.schema, pipeline.schema.meters, message.meter_id, "meter")
        no_colour_counters(message)
        config = decode_meter(message.config, meter.spec) if message.HasField("config") else None
        for index in _indexes(message, meter):
            pipeline.plane.set_meter(meter.name, index, config)

    def read(self, pipeline: Pipeline, message: p4rt.MeterEntry, new: New) -> None:
        """Read the cells that the request selects."""
        no_colour_counters(message)
        for meter in select(pipeline.schema, pipeline.schema.meters, message.meter_id, "meter"):
            for index in _indexes(message, meter):
                found = new()
                found.meter_id = meter.id
                found.index.index = index
                config = pipeline.plane.meter(meter.name, index)
                if config is not None:
                    encode_meter(config, found.config)


class Registers(Handler):
    """Cells of registers."""

    member = "register_entry"

    def modify(self, pipeline: Pipeline, message: p4rt.RegisterEntry) -> None:
        """Set one cell, or without an index all."""
        register = lookup(
            pipeline.schema, pipeline.schema.registers, message.register_id, "register"
        )
        indexes = _indexes(message, register)
        if not message.HasField("data"):
            raise invalid(f"register {register.name!r}: the data is missing")
        (value,) = register.type.decode(message.data, f"register {register.name!r}")
        for index in indexes:
            pipeline.plane.write_register(register.name, index, value)

    def read(self, pipeline: Pipeline, message: p4rt.RegisterEntry, new: New) -> None:
        """Read the cells that the request selects."""
        for register in select(
            pipeline.schema, pipeline.schema.registers, message.register_id, "register"
        ):
            for index in _indexes(message, register):
                found = new()
                found.register_id = register.id
                found.index.index = index
                value = pipeline.plane.register(register.name, index)
                register.type.encode(iter((value,)), found.data)


def _indexes(message: Any, array: Counter | Meter | Register) -> range:
    """Return the index that a message names, or all of the array's.

    Raises:
        Refused: INVALID_ARGUMENT for a negative index, OUT_OF_RANGE for one beyond the end.
    """
    if not message.HasField("index"):
        return range(array.size)
    index: int = message.index.index
    if index < 0:
        raise invalid(f"{array.name!r}: index {index} is negative")
    if index >= array.size:
        raise Refused(Code.OUT_OF_RANGE, f"{array.name!r}: index {index} of {array.size}")
    return range(index, index + 1)
