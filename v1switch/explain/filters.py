"""The language of `--trace-filter`: which frames are explained.

    port = 1 and ipv4.dst_addr = 10.0.0.0/8 and not (tcp.dst_port = 22 or arp)

`port` is the ingress port of a frame, `len` its length; every other name is a header of the program
or one of its fields, with or without a leading "hdr.". A header alone tests whether it is valid
after parsing; every comparison with a field of an invalid header is false. Operators are = (==),
!=, <, <=, >, >=, and, or, not; values are decimal or 0x… numbers and MAC, IPv4 and IPv6 addresses,
the latter two optionally with a prefix length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from v1switch.errors import RequestError, quoted
from v1switch.literals import ALLOWED, Number, read_number
from v1switch.program import expressions as ex
from v1switch.program.hidden import is_temporary
from v1switch.program.model import Program

TOKEN = re.compile(r"\s*(==|!=|<=|>=|&&|\|\||[()=<>!]|[^\s()=<>!&|]+)")
COMPARE = {"=": "==", "==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
SAME = {"&&": "and", "||": "or", "!": "not"}
WORDS = {"and", "or", "not", "(", ")", *COMPARE}
STANDARD = "standard_metadata"
BUILT_IN = {"port": "ingress_port", "len": "packet_length"}
MAX_NESTED = 20  # parentheses and nots inside one another; Python compiles fewer than 200


class FilterError(RequestError):
    """A filter cannot be used.

    Attributes:
        text: the whole filter.
        place: the part of it that is wrong.
        reason: what is wrong, and what is expected.
    """

    def __init__(self, text: str, place: str, reason: str) -> None:
        super().__init__(f"filter {quoted(text)}: {quoted(place)}: {reason}")
        self.text = text
        self.place = place
        self.reason = reason


@dataclass(frozen=True)
class Test:
    """A comparison, or without an operator the test whether a header is valid."""

    name: str
    op: str = ""
    number: Number | None = None


@dataclass(frozen=True)
class Combined:
    """`and`, `or` of several filters, `not` of one."""

    op: str
    parts: tuple[Node, ...]


Node = Test | Combined


@dataclass(frozen=True)
class Filter:
    """A well-formed filter; `expression` checks whether it fits a program."""

    text: str
    root: Node

    def expression(self, program: Program) -> ex.Expr:
        """The filter as a condition on the program's fields; raises FilterError."""
        return _Resolver(self.text, program).resolve(self.root)


def parse(text: str) -> Filter:
    """Parse a filter; raises FilterError."""
    return Filter(text, _Parser(text).whole())


class _Parser:
    """Recursive descent: or, and, not, comparison."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [SAME.get(t, t) for t in TOKEN.findall(text)]
        if "".join(TOKEN.findall(text)) != "".join(text.split()):
            self._fail(text, "expected comparisons with and, or, not and parentheses")
        self.at = 0
        self.nested = 0

    def _fail(self, place: str, reason: str) -> NoReturn:
        raise FilterError(self.text, place, reason)

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self.at += 1
        return token

    def whole(self) -> Node:
        node = self._several("or")
        if self._peek():
            self._fail(self._peek(), "expected 'and' or 'or'")
        return node

    def _several(self, op: str) -> Node:
        def part() -> Node:
            return self._several("and") if op == "or" else self._negated()

        parts = [part()]
        while self._peek() == op:
            self._next()
            parts.append(part())
        return parts[0] if len(parts) == 1 else Combined(op, tuple(parts))

    def _negated(self) -> Node:
        if self._peek() in ("not", "("):
            self.nested += 1
            if self.nested > MAX_NESTED:
                self._fail(self._peek(), f"expected at most {MAX_NESTED} of them nested")
            node = self._inner(self._next())
            self.nested -= 1
            return node
        return self._compared(self._next())

    def _inner(self, token: str) -> Node:
        if token == "not":
            return Combined("not", (self._negated(),))
        node = self._several("or")
        if self._next() != ")":
            self._fail(self.text, "expected ')' for every '('")
        return node

    def _compared(self, token: str) -> Node:
        if not token or token in WORDS:
            self._fail(token or "the end", "expected a field, a header or 'port'")
        if self._peek() not in COMPARE:
            return Test(token)
        op, written = COMPARE[self._next()], self._next()
        number = read_number(written)
        if number is None:
            self._fail(written or "the end", f"expected {ALLOWED}")
        if number.prefix is not None and op not in ("==", "!="):
            self._fail(written, "a prefix length is only allowed with = and !=")
        return Test(token, op, number)


class _Resolver:
    """Resolves names to the program's fields."""

    def __init__(self, text: str, program: Program) -> None:
        self.text = text
        self.program = program

    def resolve(self, node: Node) -> ex.Expr:
        if isinstance(node, Test):
            return self._test(node)
        parts = [self.resolve(part) for part in node.parts]
        if node.op == "not":
            return ex.Operation("not", None, parts[0])
        return self._joined(node.op, parts)

    def _joined(self, op: str, parts: Sequence[ex.Expr]) -> ex.Expr:
        """Join parts as a balanced tree, so that long filters are not deeply nested."""
        if len(parts) == 1:
            return parts[0]
        half = len(parts) // 2
        return ex.Operation(op, self._joined(op, parts[:half]), self._joined(op, parts[half:]))

    def _test(self, test: Test) -> ex.Expr:
        name = test.name.removeprefix("hdr.")
        if test.number is None:
            header = self.program.headers.get(name)
            if header is None or header.metadata:
                raise FilterError(self.text, test.name, f"expected {self._headers()}")
            return ex.Operation("valid", None, ex.HeaderRef(name))
        ref = self._field(name, test.name)
        compared = self._compared(ref, test.op, test.number)
        if ref.header == STANDARD:
            return compared
        return ex.Operation("and", self._valid(ref), compared)

    @staticmethod
    def _valid(ref: ex.FieldRef) -> ex.Expr:
        return ex.Operation("valid", None, ex.HeaderRef(ref.header))

    def _field(self, name: str, written: str) -> ex.FieldRef:
        if name in BUILT_IN:
            return ex.FieldRef(STANDARD, BUILT_IN[name])
        header_name, _, field = name.rpartition(".")
        header = self.program.headers.get(header_name)
        if header is None or header.metadata:
            raise FilterError(
                self.text, written, f"expected 'port', 'len', or a field of {self._headers()}"
            )
        if header.header_type.field(field) is None:
            names = ", ".join(f.name for f in header.header_type.fields)
            raise FilterError(self.text, written, f"header {header_name!r} has the fields {names}")
        return ex.FieldRef(header_name, field)

    def _headers(self) -> str:
        known = (h.name for h in self.program.headers.values() if not h.metadata)
        names = (name for name in known if not is_temporary(name))
        return f"one of the program's headers: {', '.join(names)}"

    def _compared(self, ref: ex.FieldRef, op: str, number: Number) -> ex.Expr:
        width = self._width(ref)
        if number.bits not in (0, width) or number.value >> width or (number.prefix or 0) > width:
            reason = f"{ref.header}.{ref.field} has {width} bits, expected a value of that size"
            raise FilterError(self.text, number.text, reason)
        field: ex.Expr = ref
        value = number.value
        if number.prefix is not None:
            ones = (1 << width) - 1
            mask = ones ^ (ones >> number.prefix)
            field, value = ex.Operation("&", ref, ex.Const(mask)), value & mask
        return ex.Operation(op, field, ex.Const(value))

    def _width(self, ref: ex.FieldRef) -> int:
        field = self.program.headers[ref.header].header_type.field(ref.field)
        if field is None or field.width is None:
            raise FilterError(self.text, ref.field, "expected a field of fixed width")
        return field.width
