"""Calls of the student's functions, with a message where what comes back is of no use."""

from __future__ import annotations

from typing import Any

from labs.checking import Student, beside, expect, fail
from labs.frames import OUTER_SIZE

tunnel = beside(__file__, "tunnel")
Given = dict[str, Any]

FILE = "vxlan.py"


def port_of(student: Student, inner: bytes) -> int:
    """The student's source port of a frame."""
    port = student.call(FILE, "source_port", inner)
    if not isinstance(port, int) or isinstance(port, bool):
        fail("source_port has to return a number", seen=shown(port), expected="49152..65535")
    return int(port)


def encapsulated(student: Student, given: Given, inner: bytes) -> bytes:
    """The student's outer frame of an inner frame."""
    frame = student.call(FILE, "encapsulate", inner, given["vni"], given["tunnel"])
    if not isinstance(frame, bytes):
        fail(
            "encapsulate has to return bytes: bytes(packet) turns a Scapy packet into them",
            seen=shown(frame),
            expected="bytes",
        )
    expect(
        len(frame) >= OUTER_SIZE,
        "the outer frame is shorter than its own headers",
        seen=f"{len(frame)} bytes",
        expected=f"{OUTER_SIZE} bytes and the inner frame",
    )
    return bytes(frame)


def decapsulated(student: Student, given: Given, frame: bytes) -> Any:
    """What the student's decapsulation returns, as (VNI, inner) or None."""
    found = student.call(FILE, "decapsulate", frame, given["tunnel"]["dst_ip"])
    return tuple(found) if isinstance(found, list | tuple) else found


def shown(value: Any) -> str:
    """A value for a message, at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def taken(student: Student, given: Given, frame: bytes, inner: bytes, message: str) -> None:
    """Fail unless a frame is decapsulated to the VNI and an inner frame."""
    found = decapsulated(student, given, frame)
    expected = f"VNI {given['vni']} and {len(inner)} bytes"
    if found is None:
        fail(message, seen="None: the frame was dropped", expected=expected)
    if not (isinstance(found, tuple) and len(found) == 2):
        fail("decapsulate has to return (vni, inner) or None", shown(found), expected)
    vni, got = found
    expect(vni == given["vni"], message, seen=f"VNI {vni}", expected=expected)
    if got != inner:
        what = f"{len(got)} bytes" if isinstance(got, bytes) else shown(got)
        same = isinstance(got, bytes) and len(got) == len(inner)
        fail(
            message,
            seen=f"{what}, {'but other ones' if same else 'not the same'}",
            expected=expected,
        )


def dropped(student: Student, given: Given, frame: bytes, message: str) -> None:
    """Fail unless a frame is dropped."""
    found = decapsulated(student, given, frame)
    expect(found is None, message, seen=shown(found), expected="None")
