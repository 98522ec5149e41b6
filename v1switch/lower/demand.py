"""Demand analysis: which fields a program reads or writes; all others only pass through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from v1switch.program import expressions as ex
from v1switch.program.model import (
    CalculationInput,
    Checksum,
    FieldList,
    Header,
    LearnList,
    MeterArray,
    Primitive,
    Program,
    SetField,
)

# fields of standard_metadata that the architecture itself reads (simple_switch.cpp)
INTRINSIC_READS = {"egress_spec", "mcast_grp", "egress_rid", "priority"}
STANDARD = "standard_metadata"
# primitives whose first (or, for meters, last) argument is only written
WRITES_FIRST = {
    *("assign", "modify_field", "assign_VL", "modify_field_rng_uniform", "register_read"),
    *("modify_field_with_hash_based_offset", "add", "subtract", "bit_xor", "bit_or", "bit_and"),
    *("shift_left", "shift_right"),
}
ADDS_TO_FIRST = {"add_to_field", "subtract_from_field"}  # it is read and written
DROPS = {"drop", "mark_to_drop"}  # they write egress_spec without naming it
COPIES_HEADER = {"assign_header", "copy_header"}
CHANGES_HEADER = {"add_header", "add_header_fast", "assign_header", "copy_header", "assign_union"}


def walk(node: object) -> Iterator[object]:
    """Every dataclass inside a tree of dataclasses, tuples and dictionaries, itself included."""
    if is_dataclass(node) and not isinstance(node, type):
        yield node
    for child in _children(node):
        yield from walk(child)


def _children(node: object) -> Iterator[object]:
    if isinstance(node, (tuple, list)):
        yield from node
    elif isinstance(node, dict):
        yield from node.values()
    elif is_dataclass(node) and not isinstance(node, type):
        for part in fields(node):
            yield getattr(node, part.name)


class Demand:
    """What a program looks at and writes: fields, whole headers, primitives.

    Attributes:
        primitives: names of those that it calls.
        written: headers that something writes to.
        written_fields: (header, field) of those that are written one by one.
        copied: headers of which something needs every field: copies, comparisons, hashes.
    """

    def __init__(self, program: Program, every: bool = False) -> None:
        """Walk through the whole program; `every`: count every field as read, as tracing does."""
        self.program = program
        self.every = every
        self.by_type: dict[str, set[str]] = {}
        types = (header.header_type for header in program.headers.values())
        self._fields = {t.name: {f.name for f in t.fields} for t in types}
        self.primitives: set[str] = set()
        self._whole: list[object] = [
            *(program.parser, program.deparser, program.calculations, program.checksums),
            *(program.actions, program.action_profiles, program.ingress, program.egress),
            *(program.learn_lists, program.field_lists, program.meters),
        ]
        self.written: set[str] = set()
        self.written_fields: set[tuple[str, str]] = set()
        self.copied: set[str] = set()
        self._reads: set[tuple[str, str]] = set()
        self._read_whole: set[str] = set(program.deparser.order)
        for header in program.headers.values():
            self._visit_length(header)
        for node in walk(self._whole):
            self._visit(node)
        for node in self._whole:
            self._collect_reads(node)

    def _visit_length(self, header: Header) -> None:
        """Note the fields that a header's own length expression looks at, by their offsets."""
        header_type = header.header_type
        for node in walk(header_type.length_expr):
            if isinstance(node, ex.ParamRef):
                name = header_type.fields[node.index].name
                self._mark(header_type.name, name)
                self._reads.add((header.name, name))

    def _visit(self, node: object) -> None:
        program = self.program
        for header, field in self._meant(node):
            self._mark(program.headers[header].header_type.name, field)
        if isinstance(node, Primitive):
            self.primitives.add(node.op)
            if node.op in DROPS:
                self._mark(program.headers[STANDARD].header_type.name, "egress_spec")

    def _meant(self, node: object) -> Iterator[tuple[str, str]]:
        """The fields, with their headers, that a reference to a field may mean."""
        program = self.program
        if isinstance(node, ex.FieldRef):
            yield node.header, node.field
        elif isinstance(node, ex.LastField):
            yield from ((header, node.field) for header in program.stacks[node.stack].headers)
        elif isinstance(node, ex.LastUnionField):
            for name in program.union_stacks[node.stack].unions:
                union = program.unions[name]
                yield union.headers[union.members.index(node.member)], node.field
        elif isinstance(node, ex.MemberField):
            for header in self.candidates(node.header):
                fields = program.headers[header].header_type.fields
                if node.offset < len(fields):
                    yield header, fields[node.offset].name

    def _collect_reads(self, node: object) -> None:
        """Note the fields that are read, the headers that are read whole, those written to."""
        if isinstance(node, Primitive):
            args = list(node.args)
            if node.op in WRITES_FIRST:
                self._collect_target(args.pop(0))
            elif node.op in ADDS_TO_FIRST:
                self._collect_target(args[0])
            elif node.op == "execute_meter":
                self._collect_target(args.pop())
            elif node.op in CHANGES_HEADER:
                self.written.update(self.candidates(args[0]))
            if node.op in COPIES_HEADER:
                self.copied.update(self.candidates(args[1]))
            if node.op in ("add_header", "remove_header", "mark_to_drop"):  # no field of theirs
                args = [n.index for n in walk(args) if isinstance(n, ex.ElementRef)]
            self._collect_reads(args)
            return
        if isinstance(node, SetField):
            self._collect_target(node.target)
            self._collect_reads(node.value)
            return
        if isinstance(node, Checksum):
            if node.update:
                self._write(node.target)
            if node.verify:
                self._collect_reads(node.target)
            self._collect_reads(node.condition)
            return
        if isinstance(node, MeterArray):
            if node.target is not None:
                self._write(node.target)
            return
        self._collect_leaf(node)
        for child in _children(node):
            self._collect_reads(child)

    def _collect_leaf(self, node: object) -> None:
        program = self.program
        self._reads.update(self._meant(node))
        if isinstance(node, ex.Operation) and node.op in ("==", "!=") and node.left is not None:
            for side in (node.left, node.right):
                self.copied.update(self.candidates(side) if side is not None else ())
        elif isinstance(node, CalculationInput) and isinstance(node.value, ex.HeaderRef):
            self.copied.add(node.value.name)
        elif isinstance(node, (ex.HeaderRef, ex.ElementRef, ex.UnionMember)):
            self._read_whole.update(self.candidates(node))
        elif isinstance(node, (ex.StackRef, ex.LastField)):
            name = node.name if isinstance(node, ex.StackRef) else node.stack
            self._read_whole.update(program.stacks[name].headers)
        elif isinstance(node, (ex.UnionRef, ex.UnionStackRef, ex.LastUnionField)):
            self._read_whole.update(program.headers)
        elif isinstance(node, (LearnList, FieldList)):
            fields = (f for f in node.fields if isinstance(f, ex.FieldRef))
            self._reads.update((f.header, f.field) for f in fields)

    def _collect_target(self, target: object) -> None:
        if isinstance(target, ex.FieldRef):
            self._write(target)
            return
        self.written_fields.update(self._meant(target))
        if isinstance(target, ex.MemberField):
            self.written.update(self.candidates(target.header))
        elif isinstance(target, ex.LastField):
            self.written.update(self.program.stacks[target.stack].headers)
        self._collect_reads(target)

    def _write(self, target: ex.FieldRef) -> None:
        self.written.add(target.header)
        self.written_fields.add((target.header, target.field))

    def is_read(self, header: str, field: str) -> bool:
        """Whether anything reads a field, alone or as part of its header."""
        if self.every or (header == STANDARD and field in INTRINSIC_READS):
            return True
        return (header, field) in self._reads or header in self._read_whole

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
            unions = [program.unions[name] for name in self.unions(node.union)]
            return tuple(union.headers[node.offset] for union in unions)
        return ()

    def unions(self, node: ex.Expr) -> tuple[str, ...]:
        """The unions that a union expression may mean."""
        if isinstance(node, ex.UnionRef):
            return (node.name,)
        if isinstance(node, ex.ElementRef) and isinstance(node.stack, ex.UnionStackRef):
            return self.program.union_stacks[node.stack.name].unions
        return ()

    def is_read_alone(self, header: str, field: str) -> bool:
        """Whether anything reads this field of this header alone."""
        return self.every or (header, field) in self._reads

    def has_variable(self, header_type: str, field: str) -> bool:
        """Whether a field of a type is read or written alone, in any header."""
        if self.every:
            return field in self._fields.get(header_type, ())
        return field in self.by_type.get(header_type, ())
