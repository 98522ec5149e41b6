"""Reads Perfetto's files by its published schema, which the package `perfetto` from PyPI carries.

Its generated module wants a newer protobuf than P4Runtime's, so the descriptor in it is taken out.
"""

from __future__ import annotations

import ast
import importlib.util
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_MODULE = "protos/perfetto/trace/perfetto_trace_pb2.py"
_BEGIN, _END, _INSTANT, _COUNTER = 1, 2, 3, 4


@cache
def trace_class() -> Any:
    """The message class of perfetto.protos.Trace."""
    spec = importlib.util.find_spec("perfetto")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("Perfetto's schema is missing: pip install 'falcon-testbed[dev]'")
    source = Path(spec.submodule_search_locations[0], _MODULE).read_text()
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    (content,) = (
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "AddSerializedFile"
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(content))
    found = pool.FindMessageTypeByName("perfetto.protos.Trace")
    return message_factory.MessageFactory(pool).GetPrototype(found)


@dataclass
class Slice:
    """A slice as a reader makes it of its events."""

    track: int
    start: int
    end: int
    category: str
    name: str
    flows: tuple[int, ...]
    detail: dict[str, Any]
    correlation: str


@dataclass
class File:
    """A trace file's content."""

    tracks: dict[int, Any] = field(default_factory=dict)
    slices: list[Slice] = field(default_factory=list)
    instants: list[Slice] = field(default_factory=list)
    counters: dict[int, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))

    def name(self, track: int) -> str:
        """A track's name."""
        return str(self.tracks[track].name)

    def path(self, track: int) -> tuple[str, ...]:
        """Names of the tracks that it lies in, and its own."""
        found = self.tracks[track]
        outer = self.path(found.parent_uuid) if found.HasField("parent_uuid") else ()
        return (*outer, found.name)


def read(content: bytes) -> File:
    """Read a file; whatever is not as the format wants it is an AssertionError."""
    trace = trace_class()()
    assert trace.ParseFromString(content) == len(content)
    found, strings, opened = File(), {}, defaultdict(list)
    now = 0
    for packet in trace.packet:
        assert packet.trusted_packet_sequence_id == 1
        assert not packet.UnknownFields() if hasattr(packet, "UnknownFields") else True
        if packet.HasField("track_descriptor"):
            described = packet.track_descriptor
            assert described.uuid not in found.tracks
            if described.HasField("parent_uuid"):
                assert described.parent_uuid in found.tracks
            found.tracks[described.uuid] = described
        elif packet.HasField("interned_data"):
            assert packet.sequence_flags & 1
            strings = _strings(packet.interned_data)
        else:
            assert packet.sequence_flags == 2
            assert packet.timestamp >= now
            now = packet.timestamp
            _event(found, packet.track_event, now, strings, opened)
    assert not any(opened.values())
    return found


def _strings(data: Any) -> dict[str, dict[int, str]]:
    found = {
        "category": {one.iid: one.name for one in data.event_categories},
        "name": {one.iid: one.name for one in data.event_names},
        "key": {one.iid: one.name for one in data.debug_annotation_names},
        "text": {one.iid: one.str.decode() for one in data.debug_annotation_string_values},
        "correlation": {one.iid: one.str.decode() for one in data.correlation_id_str},
    }
    assert all(0 not in table for table in found.values())
    return found


def _event(file: File, event: Any, now: int, strings: Any, opened: Any) -> None:
    track = event.track_uuid
    is_counter = file.tracks[track].HasField("counter")
    assert is_counter == (event.type == _COUNTER)
    if event.type == _COUNTER:
        value = event.WhichOneof("counter_value_field")
        file.counters[track].append((now, getattr(event, value)))
    elif event.type == _END:
        opened[track].pop().end = now
    else:
        made = Slice(
            track,
            now,
            now,
            strings["category"][event.category_iids[0]],
            strings["name"][event.name_iid],
            tuple(event.flow_ids),
            {strings["key"][one.name_iid]: _value(one, strings) for one in event.debug_annotations},
            strings["correlation"].get(event.correlation_id_str_iid, ""),
        )
        if event.type == _INSTANT:
            file.instants.append(made)
        else:
            assert event.type == _BEGIN
            opened[track].append(made)
            file.slices.append(made)


def _value(annotation: Any, strings: Any) -> int | str:
    if annotation.WhichOneof("value") == "int_value":
        return int(annotation.int_value)
    return str(strings["text"][annotation.string_value_iid])
