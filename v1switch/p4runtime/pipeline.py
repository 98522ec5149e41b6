"""A pipeline: a configuration, its schema, and the data plane that its entities live in.

There are up to two: the running one, and one that is saved and not yet committed. The saved one
has a separate data plane that no packet reaches, so that it can be written and read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.control.dataplane import Dataplane
from v1switch.control.engine import Prepared
from v1switch.p4runtime.errors import invalid
from v1switch.p4runtime.join import join, with_initial_entries
from v1switch.p4runtime.scan import parts
from v1switch.p4runtime.schema import Schema
from v1switch.program.loader import load_program
from v1switch.state.digests import DigestConfig

log = logging.getLogger("v1switch")
DEVICE_DATA = 3  # field number in PI's proto/p4/tmp/p4config.proto


@dataclass
class Notes:
    """What the server stores besides the data plane's state.

    Attributes:
        written: groups and replication entries as the client wrote them, for symmetric reads,
            keyed by kind and id. Where another client has changed one since (Thrift), it is not
            what is read.
        digests: configurations of the enabled digests by id.
    """

    written: dict[tuple[str, int, int], Any] = field(default_factory=dict)
    digests: dict[int, DigestConfig] = field(default_factory=dict)

    def copy(self) -> Notes:
        """Return an independent copy."""
        return Notes(dict(self.written), dict(self.digests))


@dataclass
class Pipeline:
    """A configuration with its state; the context of the entity handlers."""

    config: p4rt.ForwardingPipelineConfig
    schema: Schema
    plane: Dataplane
    notes: Notes = field(default_factory=Notes)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, for packets as well: an exception undoes every change made inside."""
        before = self.notes.copy()
        try:
            with self.plane.transaction():
                yield
        except BaseException:
            self.notes = before
            raise


def device_data(config: bytes) -> bytes:
    """Return the program in a device config.

    It is BMv2 JSON, or a `p4.tmp.P4DeviceConfig` with that in its field `device_data`, which BMv2
    takes as well and older clients send. Its other fields (`reassign`, `extras`) have no meaning.
    """
    if config.lstrip()[:1] == b"{":
        return config
    try:
        found = [part for part in parts(config) if part.field == DEVICE_DATA]
    except ValueError:
        return config
    return config[found[-1].start : found[-1].end] if found else config


def verify(config: p4rt.ForwardingPipelineConfig, plane: Dataplane) -> tuple[Schema, Prepared]:
    """Load and compile a configuration's program and join it with its P4Info; changes nothing.

    Raises:
        ProgramError: the device config is not a program that this switch can run.
        Refused: P4Info and program do not fit.
    """
    source = device_data(config.p4_device_config)
    if not source:
        raise invalid("p4_device_config is empty, expected BMv2 JSON")
    program = with_initial_entries(load_program(source), config.p4info)
    schema = join(config.p4info, program)
    if program.remarks:
        log.warning("pipeline: %s", program.remark)
    return schema, plane.prepare(program)
