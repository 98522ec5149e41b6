"""How explanations write a program's names, values, expressions and statements."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from v1switch.explain import events as ev
from v1switch.program import expressions as ex
from v1switch.program.hidden import is_temporary
from v1switch.program.model import Primitive, Program, Source, Transition
from v1switch.program.primitives import OPERATORS
from v1switch.program.symbols import VALID
from v1switch.state.entries import Exact, Lpm, Match, Ternary

SCALARS = "scalars"
IPV4 = re.compile(r"(addr|ip|src|dst|vtep|hop)", re.IGNORECASE)
HEX = re.compile(r"(type|flags?|checksum|cksum|mask|hash|crc|cookie)$", re.IGNORECASE)
NESTED = re.compile(r"_(.+?)(\d+)")
DECIMAL_BITS = 32  # wider numbers are written in hexadecimal
ASSIGNS = {"assign", "modify_field", "assign_VL", "assign_header", "copy_header"}


def value_text(value: ev.Value, width: int, name: str = "") -> str:
    """A value in its usual notation; the field's name decides between address and number."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f"0x{value.hex()}" if value else "empty"
    if value < 0:
        return str(value)
    if width == 48:
        return ":".join(f"{byte:02x}" for byte in value.to_bytes(6, "big"))
    if width == 128:
        low = 0xFFFF < value <= 0xFFFF_FFFF
        return f"::{ipaddress.IPv4Address(value)}" if low else str(ipaddress.IPv6Address(value))
    last = name.rpartition(".")[2]
    if width == 32 and IPV4.search(last):
        return str(ipaddress.IPv4Address(value))
    if width > DECIMAL_BITS or (width >= 8 and HEX.search(last)):
        return f"0x{value:0{(width + 3) // 4}x}"
    return str(value)


def match_text(match: Match, width: int, name: str) -> str:
    """A match field as simple_switch_CLI takes it; a full mask is left out."""
    if isinstance(match, Exact):
        return value_text(match.value, width, name)
    if isinstance(match, Lpm):
        return f"{value_text(match.value, width, name)}/{match.prefix_len}"
    if isinstance(match, Ternary):
        text = value_text(match.value, width, name)
        full = match.mask == (1 << width) - 1
        return text if full else f"{text}&&&{match.mask:#x}"
    return f"{value_text(match.low, width, name)}->{value_text(match.high, width, name)}"


def restricts(match: Match, width: int) -> bool:
    """Whether a match field excludes any value."""
    if isinstance(match, Lpm):
        return match.prefix_len > 0
    if isinstance(match, Ternary):
        return match.mask > 0
    return isinstance(match, Exact) or (match.low, match.high) != (0, (1 << width) - 1)


def location(source: Source | None) -> str:
    """A location in the P4 source as file:line; empty if it is not known."""
    return f"{source.file}:{source.line}" if source else ""


def fragment(source: Source | None) -> str:
    """The P4 text of a statement; empty when p4c truncated it."""
    text = source.fragment if source else ""
    head, cut, _ = text.partition("; ...")
    if cut:
        text = head
    return "" if text.endswith("...") else text.rstrip("; ")


class Notation:
    """Writes expressions and statements of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._short = _user_metadata(program)
        self._held: dict[ex.FieldRef, tuple[str, tuple[ev.Operand, ...]]] = {}

    def reset(self) -> None:
        """Forget the temporaries of the previous frame."""
        self._held.clear()

    def absorb(self, step: ev.Executed) -> bool:
        """Whether a step only writes a temporary of p4c; remembers what it then holds.

        Where the temporary is read, the expression that it holds is shown instead.
        """
        target = step.target if step.call is None else next(iter(step.call.args), None)
        if isinstance(target, ex.HeaderRef):
            return is_temporary(target.name)
        if not isinstance(target, ex.FieldRef):
            return False
        name = target.field if target.header == SCALARS else target.header
        if not is_temporary(name) or "tmp" in fragment(step.source):
            return False
        if step.op in ("assign", "set"):
            held = step.expression if step.call is None else step.call.args[1]
            self._held[target] = self.expression(held, step.params), self._known(step.args)
        return True

    def _known(self, operands: Sequence[ev.Operand]) -> tuple[ev.Operand, ...]:
        """Operands, each temporary of p4c replaced by what it holds."""
        found: list[ev.Operand] = []
        for operand in operands:
            node = operand.expression
            behind = self._held.get(node) if isinstance(node, ex.FieldRef) else None
            found += behind[1] if behind else (operand,)
        return tuple(dict.fromkeys(found))

    def field(self, header: str, field: str) -> str:
        """A field's name; user metadata as "meta.…", p4c's temporaries by their name."""
        if field == VALID:
            return f"{header}.isValid()"
        if header == SCALARS:
            return self._short.get(field, field)
        return f"{header}.{field}"

    # -- expressions ------------------------------------------------------------------------------

    def expression(self, node: ex.Expr | None, params: Sequence[str] = ()) -> str:
        """An expression in P4's notation, for where the source text is not known."""
        if isinstance(node, ex.Operation):
            return self._operation(node, params)
        text = self._leaf(node, params)
        if text is not None:
            return text
        if isinstance(node, ex.ElementRef):
            return f"{self.expression(node.stack)}[{self.expression(node.index, params)}]"
        if isinstance(node, ex.MemberField):
            return f"{self.expression(node.header, params)}.{self._member(node)}"
        if isinstance(node, ex.UnionMember):
            return f"{self.expression(node.union, params)}.{node.offset}"
        if isinstance(node, ex.RegisterRef):
            return f"{node.array}[{self.expression(node.index, params)}]"
        if isinstance(node, ex.Vector):
            return f"{{{', '.join(self.expression(item, params) for item in node.items)}}}"
        return ""

    def _leaf(self, node: ex.Expr | None, params: Sequence[str]) -> str | None:
        if isinstance(node, ex.FieldRef):
            held = self._held.get(node)
            return held[0] if held else self.field(node.header, node.field)
        if isinstance(node, ex.Const):
            mask = node.value > 0xFF and not node.value & (node.value + 1)
            return hex(node.value) if mask or abs(node.value) >> 16 else str(node.value)
        if isinstance(node, ex.BoolConst):
            return "true" if node.value else "false"
        if isinstance(node, ex.ParamRef):
            return params[node.index] if node.index < len(params) else f"parameter {node.index}"
        if isinstance(node, (ex.HeaderRef, ex.StackRef, ex.UnionRef, ex.UnionStackRef, ex.Named)):
            return node.name
        if isinstance(node, ex.LastField):
            return f"{node.stack}.last.{node.field}"
        if isinstance(node, ex.LastUnionField):
            return f"{node.stack}.last.{node.member}.{node.field}"
        if isinstance(node, ex.Lookahead):
            return f"lookahead[{node.offset}:{node.offset + node.width}]"
        return repr(node.value) if isinstance(node, ex.Text) else None

    def _member(self, node: ex.MemberField) -> str:
        if isinstance(node.header, ex.ElementRef) and isinstance(node.header.stack, ex.StackRef):
            fields = self.program.stacks[node.header.stack.name].header_type.fields
            return fields[node.offset].name if node.offset < len(fields) else "isValid()"
        return str(node.offset)

    def _operation(self, node: ex.Operation, params: Sequence[str]) -> str:
        op, right = node.op, self.expression(node.right, params)
        if op in ("d2b", "b2d"):
            return right
        if op in ("valid", "valid_union"):
            return f"{right}.isValid()"
        if op == "last_stack_index":
            return f"{right}.lastIndex"
        if op == "size_stack":
            return f"{right}.nextIndex"
        if op == "not":
            return f"!({right})"
        if op == "~":
            return f"~{right}"
        left = self.expression(node.left, params)
        if op == "&" and self._fits(node.left, node.right):
            return left
        if op == "?":
            return f"({self.expression(node.cond, params)} ? {left} : {right})"
        if op in ("two_comp_mod", "usat_cast", "sat_cast"):
            return f"{op}({left}, {right})"
        return f"({left} {({'and': '&&', 'or': '||'}).get(op, op)} {right})"

    def _fits(self, node: ex.Expr | None, mask: ex.Expr | None) -> bool:
        """Whether a mask keeps all bits of a field, as those of p4c's widening casts do."""
        if not isinstance(node, ex.FieldRef) or not isinstance(mask, ex.Const):
            return False
        found = self.program.headers[node.header].header_type.field(node.field)
        ones = (1 << found.width) - 1 if found and found.width else 0
        return bool(ones) and mask.value & ones == ones

    def condition(self, step: ev.Condition) -> str:
        """The condition of an `if` or `verify`: the source text where p4c kept all of it."""
        text = fragment(step.source)
        if text and text != "if":  # all that p4c keeps of an `if` inside an action
            return text
        return _without_parentheses(self.expression(step.expression, step.params))

    def case(self, case: Transition | None, key: Sequence[ev.Operand]) -> str:
        """The case of a select that matched, its value in the notation of the key's fields."""
        if case is None:
            return ""
        if case.kind != "value":
            return "default " if case.kind == "default" else f"in {case.value_set} "
        values, left = [], sum(operand.width for operand in key)
        for operand in key:
            left -= operand.width
            ones = (1 << operand.width) - 1
            value = case.value >> left & ones
            mask = ones if case.mask is None else case.mask >> left & ones
            name = self.expression(operand.expression)
            text = value_text(value & mask, operand.width, name)
            values.append("_" if not mask else text if mask == ones else f"{text}&&&{mask:#x}")
        whole = ", ".join(values)
        return f"({whole}) " if len(values) > 1 else f"{whole} "

    # -- statements -------------------------------------------------------------------------------

    def statement(self, step: ev.Executed) -> str:
        """A primitive as a statement: the source text where p4c kept all of it."""
        if step.call is None:
            left = self.expression(step.target)
            if step.op == "update_checksum":
                return f"update checksum {left}"
            return f"{left} = {_without_parentheses(self.expression(step.expression))}"
        text = fragment(step.source)
        if text.startswith("="):  # p4c gives the location of the right-hand side
            return f"{self.expression(step.call.args[0])} {text}"
        if text and (step.op not in ASSIGNS or "=" in text):
            return text
        return self._call(step.call, step.params)

    @staticmethod
    def message(step: ev.Executed) -> str | None:
        """What a log message prints, or None for any other step."""
        if step.op != "log_msg" or step.call is None or not isinstance(step.call.args[0], ex.Text):
            return None
        text = step.call.args[0].value
        for operand in step.args:
            text = text.replace("{}", str(operand.value), 1)
        return text

    def _call(self, call: Primitive, params: Sequence[str]) -> str:
        if call.op == "modify_field_with_hash_based_offset":
            return self._hash(call, params)
        args = [_without_parentheses(self.expression(arg, params)) for arg in call.args]
        if call.op in ASSIGNS:
            return f"{args[0]} = {args[1]}"
        if call.op in OPERATORS:
            return f"{args[0]} = {args[1]} {OPERATORS[call.op]} {args[2]}"
        return f"{call.op}({', '.join(args)})"

    def _hash(self, call: Primitive, params: Sequence[str]) -> str:
        target, base, size = (self.expression(call.args[at], params) for at in (0, 1, 3))
        assert isinstance(call.args[2], ex.Named)
        calculation = self.program.calculations[call.args[2].name]
        inputs = [
            hex(item.value) if isinstance(item.value, int) else self.expression(item.value)
            for item in calculation.inputs
        ]
        hashed = f"{calculation.algo}({', '.join(text or 'payload' for text in inputs)})"
        offset = "" if base == "0" else f"{base} + "
        return f"{target} = {offset}{hashed} % {size}"

    def effect(self, effect: ev.Effect) -> str:
        """An effect: what changed, from which value to which."""
        if effect.what == "header":
            became = "valid" if effect.new else "invalid"
            same = "stays" if effect.old == effect.new else "becomes"
            return f"{effect.name} {same} {became}"
        name = effect.name
        if effect.what == "field":
            name = self.field(effect.name, effect.field)
        if effect.index is not None and effect.new is None:
            return f"{name} has no cell {effect.index}: nothing is done"
        if effect.index is not None:
            name += f"[{effect.index}]" + (" packets" if effect.what == "counter" else "")
        new = value_text(effect.new, effect.width, name)
        if effect.old is None:
            return f"{name} = {new}"
        if effect.old == effect.new:
            return f"{name} stays {new}"
        return f"{name} {value_text(effect.old, effect.width, name)} → {new}"

    def operands(self, operands: Sequence[ev.Operand], params: Sequence[str] = ()) -> list[str]:
        """Operands of an expression with their values, constants left out."""
        known = (o for o in self._known(operands) if not isinstance(o.expression, ex.Const))
        return [self.operand(o, params) for o in known]

    def operand(self, operand: ev.Operand, params: Sequence[str] = ()) -> str:
        """An operand with its value."""
        node = operand.expression
        name = _without_parentheses(self.expression(node, params))
        if isinstance(node, ex.FieldRef) and node.field == VALID:
            return f"{name} = {'true' if operand.value else 'false'}"
        return f"{name} = {value_text(operand.value, operand.width, name)}"


def _without_parentheses(text: str) -> str:
    """Text without parentheses that enclose all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if not depth and at < len(text) - 1:
            return text
    return text[1:-1]


def _user_metadata(program: Program) -> dict[str, str]:
    """Readable names of p4c's `scalars`: user metadata and the compiler's temporaries.

    p4c joins the type's name and the field's; for a struct of structs it joins the path by "_" and
    adds the field's running number ("metadata_t._tenant_vni7").
    """
    scalars = program.headers.get(SCALARS)
    groups: dict[str, list[str]] = {}
    for field in scalars.header_type.fields if scalars else ():
        struct, dot, name = field.name.partition(".")
        if dot:
            groups.setdefault(struct, []).append(name)
    short = {}
    for struct, names in groups.items():
        numbered = [NESTED.fullmatch(name) for name in names]
        flat = all(name.startswith("_") and name.endswith(str(n)) for n, name in enumerate(names))
        for number, (name, found) in enumerate(zip(names, numbered, strict=True)):
            shown = name[1 : len(name) - len(str(number))] if flat and found else name
            short[f"{struct}.{name}"] = f"meta.{shown}"
    return short
