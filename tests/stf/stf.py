"""Parses simple test framework files (.stf) as p4c's suites have them.

A line is a command, `#` starts a comment. Hexadecimal data may contain blanks; in expected data
`*` matches any digit, and data that ends in `$` is the whole frame, else its beginning.
Of the larger framework this knows the commands that p4c's v1model tests use:

    packet PORT DATA                          an input frame
    expect PORT [DATA]                        an output frame: this port's next one
    add TABLE [PRIORITY] KEY:MATCH... ACTION(PARAM:VALUE, ...)
    mc_mgrp_create GROUP                      multicast: groups, nodes (numbered from 0), which
    mc_node_create RID PORT...                nodes a group has
    mc_node_associate GROUP NODE
    mirroring_add SESSION PORT                a clone session
    wait                                      everything before it has happened
"""

import re
from dataclasses import dataclass, field

ADD = re.compile(r"add\s+(\S+)\s+(?:(\d+)\s+)?(.*?)([^\s:]+)\s*\(([^()]*)\)$")
PAIR = re.compile(r"([^\s:,]+)\s*:\s*([^\s:,]+)")


class StfError(Exception):
    """An invalid line; the message has its number and content."""


@dataclass(frozen=True)
class Packet:
    """An input frame."""

    port: int
    data: bytes


@dataclass(frozen=True)
class Add:
    """A table entry, as text of the file; the larger priority wins."""

    table: str
    priority: int
    key: dict[str, str]
    action: str
    params: dict[str, str]


@dataclass(frozen=True)
class Expected:
    """An output frame: digits or `*`; `whole` when nothing may follow them."""

    digits: str = ""
    whole: bool = False

    def matches(self, frame: bytes) -> bool:
        """Whether a frame is what was expected."""
        found = frame.hex()
        if len(found) < len(self.digits) or (self.whole and len(found) > len(self.digits)):
            return False
        return all(want in ("*", digit) for want, digit in zip(self.digits, found, strict=False))

    def __str__(self) -> str:
        return self.digits + "$" * self.whole


@dataclass
class Case:
    """One file. `steps` are in order; groups, nodes and sessions hold from the start."""

    steps: list[Packet | Add] = field(default_factory=list)
    expected: dict[int, list[Expected]] = field(default_factory=dict)
    nodes: list[list[tuple[int, int]]] = field(default_factory=list)
    groups: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    sessions: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    @property
    def packets(self) -> list[Packet]:
        """The input frames."""
        return [step for step in self.steps if isinstance(step, Packet)]

    @property
    def entries(self) -> list[Add]:
        """The table entries."""
        return [step for step in self.steps if isinstance(step, Add)]


def parse(text: str) -> Case:
    """Read a file.

    Raises:
        StfError: an unknown command, or wrong arguments.
    """
    test = Case()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            _command(test, words)
        except (ValueError, IndexError, KeyError) as error:
            raise StfError(f"line {number}: {line.strip()!r}: {error!r}") from error
    return test


def _command(test: Case, words: list[str]) -> None:
    command, *rest = words
    if command == "packet":
        test.steps.append(Packet(int(rest[0]), bytes.fromhex("".join(rest[1:]))))
    elif command == "expect":
        test.expected.setdefault(int(rest[0]), []).append(_expected("".join(rest[1:])))
    elif command == "add":
        test.steps.append(_add(" ".join(words)))
    elif command == "mc_mgrp_create":
        test.groups[int(rest[0])] = []
    elif command == "mc_node_create":
        test.nodes.append([(int(port), int(rest[0])) for port in rest[1:]])
    elif command == "mc_node_associate":
        test.groups[int(rest[0])] += test.nodes[int(rest[1])]
    elif command == "mirroring_add":
        test.sessions[int(rest[0])] = [(int(rest[1]), 0)]
    elif command != "wait":  # our steps are in order anyway
        raise ValueError("not a known command")


def _expected(data: str) -> Expected:
    digits = data.removesuffix("$").lower()
    if digits.strip("0123456789abcdef*"):
        raise ValueError("digits, * and a last $ are allowed")
    return Expected(digits, data.endswith("$"))


def _add(line: str) -> Add:
    found = ADD.match(line)
    if found is None:
        raise ValueError("add TABLE [PRIORITY] KEY:MATCH... ACTION(PARAM:VALUE, ...)")
    table, priority, key, action, params = found.groups()
    pairs = dict(PAIR.findall(key)), dict(PAIR.findall(params))
    return Add(table, int(priority or 0), pairs[0], action, pairs[1])
