"""A cursor over parsed JSON that knows its path, so that every error says where."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from v1switch.errors import ProgramError, escaped
from v1switch.program.limits import MAX_BITS, MAX_INTEGER, MAX_NAME, MAX_PARTS, MAX_TEXT
from v1switch.program.packet_model import Source

SHOWN = 40
HEXSTR = re.compile(r"[+-]?(0[xX])?[0-9a-fA-F]+", re.ASCII)
LIST_MEMBER = re.compile(r"(\w+)\[\d+\]$")


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members.

    The parser is C code: a function of Python's is where other threads, frames among them, get
    their turn while it reads megabytes.
    """
    return dict(members)


class Node:
    """A JSON value with its path. Every access checks the type and raises ProgramError.

    Attributes:
        value: the JSON value.
        path: its JSON path.
    """

    __slots__ = ("_outer", "path", "value")

    def __init__(self, value: Any, path: str = "$", owner: Node | None = None) -> None:
        """Wrap the value at `path`, which is inside of `owner`."""
        self.value = value
        self.path = path
        self._outer = owner

    @classmethod
    def parse(cls, text: bytes | str) -> Node:
        """Parse a document; raises ProgramError if it is truncated or otherwise broken."""
        try:
            text = text.decode() if isinstance(text, bytes) else text
            if len(text) - text.count(" ") - text.count("\n") > MAX_TEXT:
                raise ProgramError("$", f"at most {MAX_TEXT} bytes besides white space", "more")
            if text.count("[") + text.count("{") > MAX_PARTS:
                raise ProgramError("$", f"at most {MAX_PARTS} objects and arrays", "more")
            return cls(json.loads(text, object_pairs_hook=_object))
        except UnicodeDecodeError as error:
            raise ProgramError("$", "JSON text in UTF-8", f"byte {error.start} is not") from None
        except json.JSONDecodeError as error:
            place = f"{error.msg} at line {error.lineno} column {error.colno}"
            raise ProgramError("$", "a complete JSON document", place) from None
        except ValueError:  # Python's limit for decimal numbers
            wanted = f"integers in -{MAX_INTEGER}..{MAX_INTEGER}"
            raise ProgramError("$", wanted, "one with thousands of digits") from None
        except RecursionError:
            raise ProgramError("$", "JSON with less nesting", "too many levels") from None

    @property
    def owner(self) -> Node | None:
        """The innermost enclosing value, or itself, that has a name: see `subject`."""
        return self if isinstance(self.value, dict) and "name" in self.value else self._outer

    def release(self) -> None:
        """Free a large document bit by bit; with it all at once other threads would wait."""
        if isinstance(self.value, dict):
            for member in self.value.values():
                while isinstance(member, list) and member:
                    member.pop()

    def fail(self, expected: str, found: str | None = None) -> ProgramError:
        """Return the error that this value is not what was expected."""
        if found is None:
            parts = json.JSONEncoder().iterencode(self.value)  # a part at a time: it may be huge
            found = "".join(itertools.islice(parts, SHOWN + 1))
            found = found if len(found) <= SHOWN else found[: SHOWN - 1] + "…"
        return ProgramError(self.path, expected, found, self.subject)

    @property
    def subject(self) -> str:
        """The named object that this belongs to, such as `table 'acl'`; empty without one."""
        if self.owner is None or not isinstance(self.owner.value["name"], str):
            return ""
        found = LIST_MEMBER.search(self.owner.path)
        kind = found.group(1).replace("_", " ").removesuffix("s") if found else "object"
        return f"{kind} {self.owner.value['name'][:SHOWN]!r}"

    def get(self, key: str) -> Node:
        """A required member of an object."""
        if not isinstance(self.value, dict):
            raise self.fail("a JSON object")
        if key not in self.value:
            raise self.fail(f"a member {key!r}", "none")
        return Node(self.value[key], f"{self.path}.{key}", self.owner)

    def find(self, key: str) -> Node | None:
        """A member of an object, or None when it is missing or null."""
        if not isinstance(self.value, dict):
            raise self.fail("a JSON object")
        if self.value.get(key) is None:
            return None
        return Node(self.value[key], f"{self.path}.{key}", self.owner)

    def member_names(self) -> list[str]:
        """Names of the members of an object."""
        if not isinstance(self.value, dict):
            raise self.fail("a JSON object")
        return list(self.value)

    def items(self, key: str | None = None) -> Iterator[Node]:
        """Elements of an array, or of the array member `key` (none when that is missing)."""
        node: Node | None = self if key is None else self.find(key)
        if node is None:
            return
        if not isinstance(node.value, list):
            raise node.fail("a JSON array")
        for number, item in enumerate(node.value):
            yield Node(item, f"{node.path}[{number}]", node.owner)

    def at(self, index: int) -> Node:
        """A required element of an array."""
        if not isinstance(self.value, list):
            raise self.fail("a JSON array")
        if index >= len(self.value):
            raise self.fail(f"an array of at least {index + 1} elements", f"{len(self.value)}")
        return Node(self.value[index], f"{self.path}[{index}]", self.owner)

    def text(self) -> str:
        """This as a string."""
        if not isinstance(self.value, str):
            raise self.fail("a string")
        return self.value

    def name(self) -> str:
        """This as the name of an object: printable, of limited length, not empty."""
        text = self.text()
        if not text or len(text) > MAX_NAME or not text.isprintable():
            raise self.fail(f"a printable name of 1 to {MAX_NAME} characters")
        return text

    def integer(self, low: int = 0, high: int = MAX_INTEGER) -> int:
        """This as an integer in low..high."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.fail(f"an integer ≥ {low}")
        if not low <= self.value <= high:
            raise self.fail(f"an integer in {low}..{high}")
        return self.value

    def width(self) -> int:
        """This as the width of a number in bits."""
        return self.integer(1, MAX_BITS)

    def width_or_zero(self) -> int:
        """This as the width of a number in bits, which may be 0."""
        return self.integer(0, MAX_BITS)

    def boolean(self) -> bool:
        """This as a boolean."""
        if not isinstance(self.value, bool):
            raise self.fail("true or false")
        return self.value

    def truth(self) -> bool:
        """This as a boolean, which p4c also writes as 0 or 1."""
        if self.value not in (0, 1):  # False and True are equal to them
            raise self.fail("true or false")
        return bool(self.value)

    def hexstr(self) -> int:
        """This as a hexadecimal string, possibly negative."""
        if not HEXSTR.fullmatch(self.text()):
            raise self.fail("a hexadecimal string")
        value = int(self.text(), 16)
        if value.bit_length() > MAX_BITS:
            raise self.fail(f"a hexadecimal string of at most {MAX_BITS} bits")
        return value

    def number(self, width: int) -> int:
        """This as a hexadecimal string whose value fits `width` bits."""
        value = self.hexstr()
        if not 0 <= value < 1 << width:
            raise self.fail(f"a value of {width} bits")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """Optional boolean member."""
        node = self.find(key)
        return default if node is None else node.boolean()

    def source(self) -> Source | None:
        """The location in the P4 source, from `source_info`, or None."""
        info = self.find("source_info")
        if info is None or not isinstance(info.value, dict):
            return None  # informational only: it never makes a program invalid
        file, line = info.value.get("filename"), info.value.get("line")
        if not isinstance(file, str) or not isinstance(line, int):
            return None
        fragment = " ".join(str(info.value.get("source_fragment", "")).split())
        return Source(escaped(file), line, escaped(fragment))
