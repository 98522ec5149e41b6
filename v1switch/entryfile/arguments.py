"""Arguments of commands: names of the program, match fields, parameters, numbers."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence

from v1switch.entryfile.errors import InvalidLine
from v1switch.errors import quoted
from v1switch.literals import ALLOWED, read_number
from v1switch.program.hidden import visible_names
from v1switch.program.model import KeyField, Param, Program
from v1switch.state.entries import Exact, Lpm, Match, Range, Ternary

SHOWN = 12  # names that a message lists at most


def find_name(kind: str, wanted: str, names: Iterable[str], owner: str = "") -> str:
    """The object that a name refers to: by its full name, or an unambiguous suffix after a dot.

    Raises:
        InvalidLine: no object has this name, or several have it; lists the allowed ones, without
            those that p4c has made.
    """
    known = list(dict.fromkeys(names))
    if wanted in known:
        return wanted
    found = [name for name in known if name.endswith(f".{wanted}")]
    what = f"{owner}{kind} {quoted(wanted)}"
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidLine(what, f"ambiguous: {', '.join(found)}")
    raise InvalidLine(what, f"unknown, {_listed(wanted, visible_names(known))}")


def find(program: Program, kind: str, wanted: str) -> str:
    """The full name of a program's object; raises InvalidLine, which says what else it is."""
    kinds = _kinds(program)
    try:
        return find_name(kind, wanted, kinds[kind])
    except InvalidLine as error:
        for other, names in kinds.items():
            if wanted in names or any(name.endswith(f".{wanted}") for name in names):
                reason = error.reason.removeprefix("unknown, ")
                article = "an" if other.startswith("a") else "a"
                raise InvalidLine(error.what, f"that is {article} {other}, {reason}") from None
        raise


def _kinds(program: Program) -> dict[str, Iterable[str]]:
    """The names of a program's objects, by what a message calls them."""
    return {
        "table": program.tables,
        "action profile": program.action_profiles,
        "counter": program.counters,
        "meter": program.meters,
        "register": program.registers,
        "parser value set": program.value_sets,
    }


def _listed(wanted: str, known: Sequence[str]) -> str:
    """Names to choose from, the closest first, shortened where that is unambiguous."""
    short = _shortened(known)
    close = difflib.get_close_matches(wanted.rpartition(".")[2], short, n=SHOWN, cutoff=0.5)
    names = [*close, *(name for name in short if name not in close)]
    if not names:
        return "the program has none"
    more = f", … ({len(names)} in all)" if len(names) > SHOWN else ""
    return f"expected one of {', '.join(names[:SHOWN])}{more}"


def _shortened(names: Sequence[str]) -> list[str]:
    last = Counter(name.rpartition(".")[2] for name in names)
    shorts = ((name, name.rpartition(".")[2]) for name in names)
    return [short if last[short] == 1 else name for name, short in shorts]


def integer(what: str, text: str, low: int = 0, high: int | None = None) -> int:
    """A plain number within bounds; raises InvalidLine."""
    number = read_number(text)
    bounds = f"{low}..{high}" if high is not None else f"{low} or more"
    if number is None or number.bits or number.prefix is not None or number.value < low:
        raise InvalidLine(what, f"{quoted(text)}, expected a number, {bounds}")
    if high is not None and number.value > high:
        raise InvalidLine(what, f"{quoted(text)}, expected a number, {bounds}")
    return number.value


def value(what: str, text: str, width: int) -> int:
    """A value of a field of `width` bits; raises InvalidLine."""
    number = read_number(text)
    if number is None or number.prefix is not None:
        raise InvalidLine(what, f"{quoted(text)}, expected {ALLOWED}")
    if number.value >> width:
        raise InvalidLine(what, f"{quoted(text)} does not fit in {width} bits")
    return number.value


def params(owner: str, texts: Sequence[str], expected: Sequence[Param]) -> tuple[int, ...]:
    """The parameters of an action; raises InvalidLine."""
    if len(texts) != len(expected):
        names = " ".join(f"{p.name}:{p.width}" for p in expected) or "none"
        raise InvalidLine(owner, f"{len(texts)} parameters, expected {len(expected)} ({names})")
    return tuple(
        value(f"{owner}, parameter {param.name!r}", text, param.width)
        for text, param in zip(texts, expected, strict=True)
    )


def key(owner: str, texts: Sequence[str], fields: Sequence[KeyField]) -> tuple[Match, ...]:
    """The match fields of an entry; raises InvalidLine."""
    if len(texts) != len(fields):
        names = " ".join(f"{f.name}:{FORMS[f.match_kind]}" for f in fields) or "none"
        raise InvalidLine(owner, f"{len(texts)} match fields, expected {len(fields)} ({names})")
    return tuple(
        _match(f"{owner}, field {field.name!r} ({field.match_kind})", text, field)
        for text, field in zip(texts, fields, strict=True)
    )


FORMS = {
    "exact": "VALUE",
    "lpm": "VALUE/LENGTH",
    "ternary": "VALUE&&&MASK",
    "range": "LOW->HIGH",
    "optional": "VALUE&&&MASK",
    "valid": "0|1",
}


def _match(what: str, text: str, field: KeyField) -> Match:
    width, kind = field.width, field.match_kind
    if kind == "lpm":
        return prefix(what, text, width)
    if kind in ("ternary", "optional"):
        left, right = _pair(what, text, "&&&", kind)
        mask = value(what, right, width)
        return Ternary(value(what, left, width) & mask, mask)
    if kind == "range":
        left, right = _pair(what, text, "->", kind)
        low, high = value(what, left, width), value(what, right, width)
        if low > high:
            raise InvalidLine(what, f"{quoted(text)}, expected LOW->HIGH with LOW at most HIGH")
        return Range(low, high)
    return Exact(value(what, text, width))


def _pair(what: str, text: str, separator: str, kind: str) -> tuple[str, str]:
    left, found, right = text.partition(separator)
    if not found:
        raise InvalidLine(what, f"{quoted(text)}, expected {FORMS[kind]}")
    return left, right


def prefix(what: str, text: str, width: int) -> Lpm:
    """A prefix; bits beyond its length are ignored. Raises InvalidLine."""
    number = read_number(text)
    if number is None or number.prefix is None:
        raise InvalidLine(what, f"{quoted(text)}, expected {FORMS['lpm']}, such as 10.0.0.0/8")
    if number.value >> width:
        raise InvalidLine(what, f"{quoted(text)} does not fit in {width} bits")
    if number.prefix > width:
        raise InvalidLine(what, f"{quoted(text)}, expected a prefix length of at most {width}")
    ones = (1 << width) - 1
    return Lpm(number.value & (ones ^ (ones >> number.prefix)), number.prefix)
