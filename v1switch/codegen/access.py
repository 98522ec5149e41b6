"""Which fields a program looks at or writes one by one: all others only travel along."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from v1switch.program import expressions as ex
from v1switch.program.model import Program

# what the architecture itself reads or writes (simple_switch.cpp)
INTRINSIC = (
    *("ingress_port", "egress_spec", "egress_port", "instance_type", "packet_length"),
    *("mcast_grp", "egress_rid", "checksum_error", "parser_error", "priority"),
    *("ingress_global_timestamp", "egress_global_timestamp"),
    *("enq_timestamp", "enq_qdepth", "deq_timedelta", "deq_qdepth"),
)


def walk(node: object) -> Iterator[object]:
    """Every dataclass inside a tree of dataclasses, tuples and dictionaries, itself included."""
    if isinstance(node, (tuple, list)):
        for item in node:
            yield from walk(item)
    elif isinstance(node, dict):
        for item in node.values():
            yield from walk(item)
    elif is_dataclass(node) and not isinstance(node, type):
        yield node
        for part in fields(node):
            yield from walk(getattr(node, part.name))


class Access:
    """Accessed fields by header type, and which intrinsic fields the program reads."""

    def __init__(self, program: Program) -> None:
        """Walk through the whole program."""
        self.program = program
        self.by_type: dict[str, set[str]] = {}
        self.primitives: set[str] = set()
        self._whole: list[object] = [
            *(program.parser, program.deparser, program.calculations, program.checksums),
            *(program.actions, program.action_profiles, program.ingress, program.egress),
            *(program.learn_lists, program.field_lists, program.meters),
        ]
        self.reads: set[tuple[str, str]] = set()
        for node in walk(self._whole):
            self._visit(node)

    def _visit(self, node: object) -> None:
        program = self.program
        if isinstance(node, ex.FieldRef):
            self.reads.add((node.header, node.field))
            self._mark(program.headers[node.header].header_type.name, node.field)
        elif isinstance(node, ex.LastField):
            self._mark(program.stacks[node.stack].header_type.name, node.field)
        elif isinstance(node, ex.LastUnionField):
            union = program.unions[program.union_stacks[node.stack].unions[0]]
            header = union.headers[union.members.index(node.member)]
            self._mark(program.headers[header].header_type.name, node.field)
        elif isinstance(node, ex.MemberField):
            for header in self.candidates(node.header):
                header_type = program.headers[header].header_type
                if node.offset < len(header_type.fields):
                    self._mark(header_type.name, header_type.fields[node.offset].name)
        elif hasattr(node, "op") and hasattr(node, "args"):
            self.primitives.add(node.op)

    def _mark(self, header_type: str, field: str) -> None:
        self.by_type.setdefault(header_type, set()).add(field)

    def candidates(self, node: ex.Expr) -> tuple[str, ...]:
        """The headers that a header expression may mean."""
        program = self.program
        if isinstance(node, ex.HeaderRef):
            return (node.name,)
        if isinstance(node, ex.ElementRef) and isinstance(node.stack, ex.StackRef):
            return program.stacks[node.stack.name].headers
        if isinstance(node, ex.UnionMember):
            return tuple(
                program.unions[name].headers[node.offset] for name in self.unions(node.union)
            )
        return ()

    def unions(self, node: ex.Expr) -> tuple[str, ...]:
        """The unions that a union expression may mean."""
        if isinstance(node, ex.UnionRef):
            return (node.name,)
        if isinstance(node, ex.ElementRef) and isinstance(node.stack, ex.UnionStackRef):
            return self.program.union_stacks[node.stack.name].unions
        return ()

    def accessed(self, header_type: str, field: str) -> bool:
        """Whether a field is looked at or written on its own anywhere."""
        return field in self.by_type.get(header_type, ())
