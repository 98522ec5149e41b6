"""Checks of refusals: one line, with the object and the reason."""

import re

from google.protobuf.descriptor import Descriptor
from p4.v1 import p4runtime_pb2 as rt

from v1switch.errors import ProgramError
from v1switch.p4runtime.errors import Refused

LEGAL = {  # codes that the specification gives a server for what a client sends
    *("OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "ABORTED"),
    *("RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED"),
}


def _words(descriptor: Descriptor, seen: set[str]) -> set[str]:
    """Names of all fields of a message and of those inside, as they are and in plain words."""
    if descriptor.full_name in seen:
        return set()
    seen.add(descriptor.full_name)
    found = set()
    for field in descriptor.fields:
        short = field.name.removesuffix("_entry")
        found |= {field.name, short, short.replace("_", " ")}
        if field.message_type is not None:
            found |= _words(field.message_type, seen)
    return found


_MESSAGES = (rt.WriteRequest, rt.ReadRequest, rt.SetForwardingPipelineConfigRequest)
_MESSAGES += (rt.StreamMessageRequest, rt.GetForwardingPipelineConfigRequest)
WORDS = set().union(*(_words(m.DESCRIPTOR, set()) for m in _MESSAGES))
NAMED = re.compile(r"'[^']*'|\"[^\"]*\"|0x[0-9a-f]+|\$[.\w\[\]]*|packet-out|pipeline|primary|\d+")


def check_line(text: str) -> None:
    """Assert that a text is one readable line."""
    assert text.strip(), "an empty message"
    assert text.isprintable(), f"not one line of printable text: {text!r}"
    assert len(text) < 600, f"{len(text)} characters: {text[:80]}"


def check_program_error(error: ProgramError) -> None:
    """The place, the object there if it has a name, and both sides of the disagreement."""
    check_line(str(error))
    assert error.path.startswith("$"), f"no path: {error.path!r}"
    assert error.subject, "no object"
    assert error.reason, "no reason"
    assert error.expected, "no expectation"
    assert error.found, "nothing found"


def check_message(text: str) -> None:
    """A message for a client names what it is about: an object, an id, or a field."""
    check_line(text)
    lower = text.lower()
    assert NAMED.search(text) or any(word in lower for word in WORDS), f"names nothing: {text!r}"


def check_refusal(refused: Refused) -> str:
    """A code that a client may get, and a message that names what it is about; the code's name."""
    assert refused.code.name in LEGAL, f"{refused.code.name}: {refused.message}"
    check_message(refused.message)
    return refused.code.name
