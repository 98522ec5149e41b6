"""Whether a file is a pure policy: imports of a few modules, constants and functions.

A policy is compiled into the model and runs in its process.  A file that did more could change what
the model counts.  So it is read as a syntax tree before any of it runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

# Modules and what may be imported from them; None: every name in capitals.
IMPORTS: dict[str, frozenset[str] | None] = {
    "rxpath.model.hashes": frozenset({"hash_32", "reciprocal_scale"}),
    "rxpath.model.policy": frozenset({"Host", "Packet"}),
    "rxpath.model.state.codes": None,
    "__future__": frozenset({"annotations"}),
}
EXPECTED = "a policy's file has imports, constants and functions"
_CONSTANTS = (
    ast.Constant, ast.Name, ast.Tuple, ast.List, ast.Subscript, ast.BinOp, ast.UnaryOp,
    ast.operator, ast.unaryop, ast.expr_context,
)  # fmt: skip
_FORBIDDEN: dict[type[ast.AST], str] = {
    ast.AsyncFunctionDef: "async",
    ast.Await: "await",
    ast.ClassDef: "a class",
    ast.Delete: "del",
    ast.Global: "global",
    ast.Import: "an import inside a function",
    ast.ImportFrom: "an import inside a function",
    ast.Lambda: "lambda",
    ast.Nonlocal: "nonlocal",
    ast.Try: "try",
    ast.With: "with",
    ast.Yield: "yield",
    ast.YieldFrom: "yield from",
}
# The built-in functions that a policy may call; Numba knows few others.
BUILTINS = frozenset(
    {"abs", "bool", "divmod", "enumerate", "float", "int", "len", "max", "min", "range", "round",
     "sum", "zip"}
)  # fmt: skip
_LISTED = ", ".join(sorted(BUILTINS))


def wrong(source: str) -> tuple[int, str] | None:
    """The line and what is wrong there, for the first thing that a policy may not have."""
    tree = ast.parse(source)
    names = set(BUILTINS)
    for node in tree.body:
        found = _of_module(node, names)
        if found:
            return found
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found = next(_of_function(node, names), None)
            if found:
                return found
    return None


def _of_module(node: ast.stmt, names: set[str]) -> tuple[int, str] | None:
    """A statement at the module's level; adds the names that it defines."""
    if isinstance(node, ast.FunctionDef):
        names.add(node.name)
        if node.decorator_list:
            return node.lineno, f"{node.name} has a decorator; {EXPECTED}"
        outside = [*node.args.defaults, *filter(None, node.args.kw_defaults), node.returns]
        outside += [one.annotation for one in [*node.args.args, *node.args.kwonlyargs]]
        return next((bad for part in outside if part for bad in _not_constant(part)), None)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return None  # a docstring
    if isinstance(node, ast.Import) and {alias.name for alias in node.names} == {"math"}:
        return None
    if isinstance(node, ast.ImportFrom):
        names.update(alias.asname or alias.name for alias in node.names)
        return _import(node)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if not all(isinstance(target, ast.Name) for target in targets):
            return node.lineno, f"expected a name to be assigned to; {EXPECTED}"
        return next((bad for part in [node.value] if part for bad in _not_constant(part)), None)
    return node.lineno, f"{_line_of(node)} at the file's level; {EXPECTED}"


def _import(node: ast.ImportFrom) -> tuple[int, str] | None:
    module = "." * node.level + (node.module or "")
    if module not in IMPORTS:
        return node.lineno, f"imports from {module}; a policy may import from {', '.join(IMPORTS)}"
    allowed = IMPORTS[module]
    for name in (alias.name for alias in node.names):
        if name not in allowed if allowed else not (name.isupper() and name[0] != "_"):
            what = ", ".join(sorted(allowed)) if allowed else "names in capitals"
            return node.lineno, f"imports {name} from {module}; a policy may import {what}"
    return None


def _not_constant(part: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(part):
        if not isinstance(node, _CONSTANTS):
            yield getattr(node, "lineno", 0), f"{_line_of(node)} is no constant; {EXPECTED}"


def _of_function(function: ast.FunctionDef, names: set[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(function):
        what = _forbidden(node, function, names)
        if what:
            yield getattr(node, "lineno", function.lineno), what


def _forbidden(node: ast.AST, function: ast.FunctionDef, names: set[str]) -> str:
    if type(node) in _FORBIDDEN:
        return f"{_FORBIDDEN[type(node)]} in a policy's function; Numba compiles plain code"
    if isinstance(node, ast.FunctionDef) and node is not function:
        return f"{node.name} is a function inside a function"
    if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
        return f"the attribute {node.attr}; a policy uses public ones"
    if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
        return f"sets {ast.unparse(node)}; a policy changes nothing but host.memory"
    if isinstance(node, ast.Name) and node.id.startswith("__"):
        return f"the name {node.id}; a policy uses names of its own"
    if isinstance(node, ast.Call) and not _may_be_called(node.func, names):
        allowed = "functions of its file, hash_32, reciprocal_scale, those of math, "
        return f"calls {_line_of(node.func)}; a policy may call {allowed}{_LISTED}"
    return ""


def _may_be_called(called: ast.expr, names: set[str]) -> bool:
    if isinstance(called, ast.Attribute):
        return isinstance(called.value, ast.Name) and called.value.id == "math"
    return isinstance(called, ast.Name) and called.id in names


def _line_of(node: ast.AST) -> str:
    text = ast.unparse(node).splitlines()[0]
    return text if len(text) <= 60 else f"{text[:60]}…"
