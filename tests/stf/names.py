"""Resolves table entries of .stf files in a compiled program.

A file may omit the prefix of a name (the control's, or the struct's), and writes
elements of a header stack with a `$`: `extra$0.h`.
"""

from collections.abc import Iterable

from tests.stf.stf import Add
from v1switch.program.model import Action, KeyField, Program, Table
from v1switch.state.entries import ActionCall, Exact, Lpm, Match, Range, TableEntry, Ternary


def find(name: str, among: Iterable[str]) -> str:
    """The full name that `name` is or ends; a KeyError lists the known ones."""
    names = list(dict.fromkeys(among))
    found = [n for n in names if n == name] or [n for n in names if n.endswith("." + name)]
    if len(found) != 1:
        raise KeyError(f"{name}: {len(found)} of {', '.join(names)}")
    return found[0]


def entry(program: Program, add: Add) -> tuple[Table, Action, TableEntry]:
    """The table, the action and the entry of a line of the file."""
    table = program.tables[find(add.table, program.tables)]
    fields = [f.name.replace("[", "$").replace("]", "") for f in table.key]
    texts = {find(name, fields): text for name, text in add.key.items()}
    allowed = (program.actions[number].name for number in table.actions)
    action = program.action_of(table, find(add.action, allowed))
    assert action is not None, "its name was found in the table"
    params = tuple(int(add.params[p.name], 0) for p in action.params)
    key = tuple(_match(f, texts.get(name)) for f, name in zip(table.key, fields, strict=True))
    call = ActionCall(action.name, params)
    priority = add.priority + 1 if table.match_type in ("ternary", "range") else 0
    return table, action, TableEntry(key, call, priority)


def _match(field: KeyField, text: str | None) -> Match:
    ones = (1 << field.width) - 1
    if field.match_kind in ("ternary", "optional"):
        return _ternary(text or "0x*", ones)
    if field.match_kind == "range":
        low, _, high = (text or f"0->{ones}").partition("->")
        return Range(int(low, 0), int(high or low, 0))
    if text is None:
        raise KeyError(f"no match for {field.name}")
    number, _, length = text.partition("/")
    if field.match_kind == "lpm":
        return Lpm(int(number, 0), int(length or field.width))
    return Exact(int(number, 0))


def _ternary(text: str, ones: int) -> Ternary:
    """A number, or a hexadecimal one with `*` for any digit."""
    if "*" not in text:
        return Ternary(int(text, 0), ones)
    digits = text.removeprefix("0x")
    mask = int("".join("0" if digit == "*" else "f" for digit in digits), 16) & ones
    return Ternary(int(digits.replace("*", "0"), 16), mask)
