"""Programs that show what packets meet in egress queues. No tests here."""

import json
import struct
from pathlib import Path
from typing import Any, NamedTuple

from tests.v1switch import small
from v1switch.program import load_program
from v1switch.program.model import Program

Json = dict[str, Any]
COPIES = Path(__file__).with_name("programs") / "compiled" / "copies.json"
STANDARD = "standard_metadata"
METADATA = {
    "enq_timestamp": 32,
    "enq_qdepth": 19,
    "deq_timedelta": 32,
    "deq_qdepth": 19,
    "egress_global_timestamp": 48,
    "priority": 3,
    "qid": 5,
}
FIELDS = {"enq_timestamp": "at", "enq_qdepth": "depth", "deq_timedelta": "wait"}
FIELDS |= {"deq_qdepth": "left", "qid": "qid"}
HEADER = struct.Struct("!IHHHIIII")


class Shown(NamedTuple):
    """A frame of the program: its number, port, priority and group as asked for; what it met.

    Times are in us.
    """

    number: int
    port: int
    priority: int
    group: int = 0
    at: int = 0
    depth: int = 0
    wait: int = 0
    left: int = 0
    qid: int = 0

    def frame(self, size: int = 64) -> bytes:
        """Its bytes, padded to a size; the last byte of the header is the queue's number."""
        head = HEADER.pack(*self[:8]) + bytes([self.qid])
        return head.ljust(size, b"\0")

    @classmethod
    def of(cls, frame: bytes) -> "Shown":
        """What a frame shows."""
        return cls(*HEADER.unpack_from(frame), frame[HEADER.size])


def showing() -> Json:
    """A program (parsed JSON) that sends frames where they ask to and writes what they met.

    BMv2 takes it as well.
    """
    made = small.program()
    standard = {**small.STANDARD, **METADATA}
    del standard["_padding"]
    bits = {"number": 32, "port": 16, "priority": 16, "group": 16, "at": 32, "depth": 32}
    made["header_types"][1:] = [
        small.header_type(1, STANDARD, **standard, _padding=-sum(standard.values()) % 8),
        small.header_type(2, "eth_t", **bits, wait=32, left=32, qid=8),
    ]
    aliases = dict.fromkeys(FIELDS, "queueing")
    aliases |= dict.fromkeys(("mcast_grp", "egress_rid", "priority"), "intrinsic")
    aliases["egress_global_timestamp"] = "intrinsic"
    made["field_aliases"] = [
        [f"{where}_metadata.{name}", [STANDARD, name]] for name, where in aliases.items()
    ]

    def cut(name: str, width: int) -> Json:
        masked = small.operation("&", small.field("eth", name), small.number((1 << width) - 1))
        return {"type": "expression", "value": masked}

    ask = small.action(
        *(0, "ask", small.assign(STANDARD, "egress_spec", cut("port", 9))),
        small.assign(STANDARD, "priority", cut("priority", 3)),
        small.assign(STANDARD, "mcast_grp", small.field("eth", "group")),
    )
    shows = [small.assign("eth", own, small.field(STANDARD, name)) for name, own in FIELDS.items()]
    made["actions"] = [ask, small.action(1, "show", *shows)]
    asking, show = (
        small.table("asking", [], {"ask": 0}, 0),
        small.table("shows", [], {"show": 1}, 1),
    )
    show["id"] = 1
    made["pipelines"] = [
        small.pipeline("ingress", asking),
        {**small.pipeline("egress", show), "id": 1},
    ]
    return made


def showing_program() -> Program:
    """The same, loaded."""
    return load_program(json.dumps(showing()))


def copying() -> Program:
    """`copies.p4` with its trails showing depth and wait, and priorities taken from frames."""
    made = json.loads(COPIES.read_text())
    (note,) = (a for a in made["actions"] if a["name"].endswith("note"))
    rounds = small.operation("&", small.field("order", "rounds"), small.number(3))
    value = {"type": "expression", "value": rounds}
    note["primitives"].append(small.assign(STANDARD, "priority", value))
    text = json.dumps(made)
    for old, new in (("packet_length", "deq_timedelta"), ("egress_port", "enq_qdepth")):
        text = text.replace(f'["{STANDARD}", "{old}"]', f'["{STANDARD}", "{new}"]')
    return load_program(text)
