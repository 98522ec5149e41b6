"""The errors of a failed Write, one per update (P4Runtime specification 1.4, section 10).

The call fails with UNKNOWN. Its trailing metadata hold a google.rpc.Status, whose details are one
p4.v1.Error for each update of the request in order, those included that were carried out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, status_pb2
from p4.v1 import p4runtime_pb2

DETAILS = "grpc-status-details-bin"
SHOWN = 5  # failed updates that a message names
_STATUS = {code.value[0]: code for code in grpc.StatusCode}


class FailedUpdate(NamedTuple):
    """An update that was refused: its place in the request, the code and the switch's words."""

    place: int
    code: grpc.StatusCode
    message: str


def failed_updates(error: Any) -> list[FailedUpdate]:
    """The refused updates that a grpc.RpcError names; none when it has no (readable) details."""
    metadata = [*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())]
    details = next((value for key, value in metadata if key == DETAILS), b"")
    try:
        return _refused(status_pb2.Status.FromString(details).details)
    except DecodeError:
        return []


def _refused(details: Sequence[Any]) -> list[FailedUpdate]:
    found = []
    for index, detail in enumerate(details):
        one = p4runtime_pb2.Error()
        if not detail.Unpack(one):
            found.append(FailedUpdate(index, grpc.StatusCode.UNKNOWN, "no p4.v1.Error"))
        elif one.canonical_code != code_pb2.OK:
            code = _STATUS.get(one.canonical_code, grpc.StatusCode.UNKNOWN)
            found.append(FailedUpdate(index, code, one.message))
    return found


def text(failed: Sequence[FailedUpdate]) -> str:
    """Name the first SHOWN of them, and how many there are besides."""
    named = [f"update {one.place}: {one.message or one.code.name}" for one in failed[:SHOWN]]
    more = len(failed) - len(named)
    return "; ".join([*named, f"and {more} more"] if more else named)
