"""Reading checksums: over a calculation, or that of an IPv4 header."""

from __future__ import annotations

from v1switch.errors import ProgramError
from v1switch.program.expression_reader import ExpressionReader
from v1switch.program.expressions import FieldRef
from v1switch.program.json_cursor import Node
from v1switch.program.model import Calculation, CalculationInput, Checksum
from v1switch.program.symbols import Symbols

IPV4, GENERIC = "ipv4", "generic"
IPV4_AT, IPV4_BITS = 80, 16  # where the checksum of an IPv4 header is, in bits (RFC 791)


def read_checksums(
    root: Node, symbols: Symbols, calculations: dict[str, Calculation]
) -> tuple[Checksum, ...]:
    """Read all checksums; adds the calculations of those of type `ipv4` to `calculations`."""
    found = []
    for node in root.items("checksums"):
        kind, condition = node.get("type"), node.find("if_cond")
        if kind.text() not in (GENERIC, IPV4):
            raise kind.fail(f"{GENERIC} or {IPV4}")
        symbols.number(node.get("target"))
        target = symbols.writable(node.get("target"))
        if kind.text() == IPV4:
            calculation = _of_ipv4(node, target, symbols)
            symbols.remark("checksums of type ipv4")
        else:
            named = node.get("calculation").text()
            if named not in symbols.calculations:
                raise node.get("calculation").fail("the name of a calculation")
            calculation = calculations[named]
        calculations[calculation.name] = calculation
        found.append(
            Checksum(
                node.get("name").name(),
                target,
                calculation.name,
                node.flag("update", default=True),
                node.flag("verify", default=True),
                ExpressionReader(symbols).value(condition) if condition else None,
                node.source(),
            )
        )
    return tuple(found)


def _of_ipv4(node: Node, target: FieldRef, symbols: Symbols) -> Calculation:
    """The Internet checksum of a header, its own checksum left out."""
    header = symbols.headers[target.header]
    inputs, at = [], 0
    for field in header.header_type.fields:
        ref = FieldRef(header.name, field.name)
        if ref == target:
            if (at, field.width) != (IPV4_AT, IPV4_BITS):
                raise _misplaced(node.get("target"), at, field.width)
            inputs.append(CalculationInput("hexstr", 0, IPV4_BITS))
        else:
            inputs.append(CalculationInput("field", ref, symbols.width(ref)))
        at += field.width or 0
    name = f"checksum of header {header.name}"
    if name in symbols.calculations:
        raise node.fail("a name that no calculation has", repr(name))
    return Calculation(name, "csum16", tuple(inputs))


def _misplaced(node: Node, at: int, width: int | None) -> ProgramError:
    wanted = f"the field of {IPV4_BITS} bits after {IPV4_AT} bits of an IPv4 header"
    return node.fail(wanted, f"{width} bits after {at}")
