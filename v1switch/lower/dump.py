"""The representation as text, for people and tests: one statement a line, blocks indented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from v1switch.lower import ir

INDENT = "    "
UNARY = {ir.Invert: "~", ir.Not: "not "}


def dump(switch: ir.Switch) -> str:
    """A lowered program as text."""
    return "\n".join(_block(switch.body, ""))


def _block(block: ir.Block, indent: str) -> Iterator[str]:
    for statement in block:
        yield from _statement(statement, indent)


def _statement(statement: ir.Stmt, indent: str) -> Iterator[str]:
    deeper = indent + INDENT
    if isinstance(statement, ir.Assign):
        yield f"{indent}{statement.target.name} = {show(statement.value)}"
    elif isinstance(statement, ir.If):
        yield f"{indent}if {show(statement.condition)}:"
        yield from _block(statement.then, deeper)
        if statement.otherwise:
            yield f"{indent}else:"
            yield from _block(statement.otherwise, deeper)
    elif isinstance(statement, ir.Match):
        yield f"{indent}match {show(statement.value)}:"
        for values, block in statement.cases:
            yield f"{deeper}case {', '.join(map(str, values))}:"
            yield from _block(block, deeper + INDENT)
        if statement.default:
            yield f"{deeper}default:"
            yield from _block(statement.default, deeper + INDENT)
    elif isinstance(statement, ir.Region):
        yield f"{indent}region:"
        yield from _block(statement.body, deeper)
    elif isinstance(statement, ir.Machine):
        yield f"{indent}machine, at most {statement.limit} jumps back:"
        for number, block in enumerate(statement.states):
            yield f"{deeper}state {number}:"
            yield from _block(block, deeper + INDENT)
        yield f"{deeper}exceeded:"
        yield from _block(statement.exceeded, deeper + INDENT)
    elif isinstance(statement, ir.ForEachCopy):
        saved = ", ".join(var.name for var in statement.saved)
        copies = ", ".join(v.name for v in (statement.port, statement.instance, statement.replicas))
        yield f"{indent}for each {copies} (saved: {saved}):"
        yield from _block(statement.body, deeper)
    else:
        yield indent + show(statement)


def show(node: object) -> str:
    """An expression, or a statement without blocks, on one line."""
    if isinstance(node, ir.Var):
        return node.name
    if isinstance(node, (ir.Const, ir.BoolConst)):
        return str(node.value)
    if isinstance(node, (ir.Binary, ir.Compare)):
        return f"({show(node.left)} {node.op} {show(node.right)})"
    if isinstance(node, ir.Logic):
        return f"({f' {node.op} '.join(map(show, node.operands))})"
    if isinstance(node, (ir.Invert, ir.Not)):
        return f"{UNARY[type(node)]}{show(node.value)}"
    if isinstance(node, (ir.Truncate, ir.Saturate, ir.Fits)):
        sign = "i" if node.type.signed else "u"
        return f"{type(node).__name__.lower()}({show(node.value)}, {sign}{node.type.bits})"
    if isinstance(node, ir.Input):
        return f"${node.name}"
    if isinstance(node, ir.Header):
        return node.name
    if isinstance(node, tuple):
        return f"({', '.join(map(show, node))})"
    if hasattr(node, "spec"):  # a reference
        return str(node.spec.name)
    if is_dataclass(node) and type(node).__module__.startswith(ir.__name__):
        shown = (getattr(node, field.name) for field in fields(node) if field.name != "type")
        return f"{type(node).__name__}({', '.join(map(show, shown))})"
    name = getattr(node, "name", None)
    return str(node) if name is None else str(name)
