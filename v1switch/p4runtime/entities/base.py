"""The base of all entity handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from p4.v1 import p4runtime_pb2 as p4rt

from v1switch.p4runtime.errors import invalid, unsupported
from v1switch.p4runtime.pipeline import Pipeline

Update = p4rt.Update

New = Callable[[], Any]
"""Adds an empty message of the handler's kind to the response."""


class Handler:
    """Reads and writes entities of one kind: one member of the Entity message's oneof.

    A subclass defines those of `insert`, `modify` and `delete` that its kind supports; the others
    are refused with INVALID_ARGUMENT, as the specification requires for entities that can only be
    modified. All methods raise `Refused` or an error of the data plane.
    """

    member: ClassVar[str]

    def write(self, pipeline: Pipeline, kind: int, message: Any) -> None:
        """Apply one update of type `kind` (INSERT, MODIFY or DELETE)."""
        method = _METHODS.get(kind)
        if method is None:
            raise invalid("the update's type is not set")
        getattr(self, method)(pipeline, message)

    def insert(self, _pipeline: Pipeline, _message: Any) -> None:
        """Add an entity."""
        raise invalid(f"{self.member} does not support INSERT, only MODIFY")

    def modify(self, _pipeline: Pipeline, _message: Any) -> None:
        """Change an entity."""
        raise invalid(f"{self.member} does not support MODIFY")

    def delete(self, _pipeline: Pipeline, _message: Any) -> None:
        """Remove an entity."""
        raise invalid(f"{self.member} does not support DELETE, only MODIFY")

    def read(self, pipeline: Pipeline, message: Any, new: New) -> None:
        """Fill in a `new` message for every entity that the request `message` selects."""
        raise NotImplementedError


_METHODS = {Update.INSERT: "insert", Update.MODIFY: "modify", Update.DELETE: "delete"}


class Extern(Handler):
    """Externs of other architectures: v1model has none with a control plane interface."""

    member = "extern_entry"

    def write(self, _pipeline: Pipeline, _kind: int, message: Any) -> None:
        """Raise Refused."""
        raise unsupported(f"extern type {message.extern_type_id:#x} is not supported")

    def read(self, _pipeline: Pipeline, message: Any, _new: New) -> None:
        """Read nothing for the wildcard; raises Refused for a type id."""
        if message.extern_type_id or message.extern_id:
            raise unsupported(f"extern type {message.extern_type_id:#x} is not supported")
