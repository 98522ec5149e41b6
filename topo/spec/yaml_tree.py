"""Parse YAML to plain data and the line of every value.

Unlike yaml.safe_load it rejects duplicate keys and converts only plain decimal numbers, true, false
and null; all else is text. YAML 1.1 reads a MAC address such as 12:10:00:00:00:01 as a number in
base 60 and the name ``no`` as a boolean.
"""

import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

import yaml

DEPTH = 8  # a topology has 4; an alias that contains itself would never end
MOST_VALUES = 20_000  # with what aliases stand for: twice what the largest network has
MOST_BYTES = 1024 * 1024
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML without libyaml lacks the first

_TOO_MANY = f"expected at most {MOST_VALUES} values, with what aliases stand for"


class TreeError(Exception):
    """A YAML text is not a tree of mappings, lists and scalars; `path` and `line` say where."""

    def __init__(self, line: int, path: tuple[str | int, ...], expected: str) -> None:
        self.line, self.path, self.expected = line, path, expected
        super().__init__(expected)


class Tree(NamedTuple):
    """Parsed data and the 1-based line of each path in it."""

    data: Any
    lines: dict[tuple[str | int, ...], int]

    def line(self, path: tuple[str | int, ...]) -> int:
        """The line of a value, or of the innermost enclosing value that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(path: Path) -> str:
    """Read a file, or a pipe until it is closed.

    Raises:
        OSError: it cannot be read, is neither, or is too long.
        UnicodeDecodeError: it is not UTF-8.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        mode = os.fstat(handle).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise OSError(None, "it is no file", str(path))
        os.set_blocking(handle, True)
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise OSError(None, f"it is longer than {MOST_BYTES} bytes", str(path))
    return data.decode()


def parse(text: str) -> Tree:
    """Parse one YAML document; raise TreeError."""
    try:
        _check_size(text)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        line = mark.line + 1 if mark else 1
        raise TreeError(line, (), f"expected YAML: {err.problem or err.context}") from err
    except yaml.YAMLError as err:
        raise TreeError(1, (), f"expected YAML: {str(err).splitlines()[0]}") from err
    lines: dict[tuple[str | int, ...], int] = {}
    return Tree(_build(root, (), lines), lines)


def _check_size(text: str) -> None:
    """Raise TreeError for more than composing, which is recursive and slow, can take."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        line = event.start_mark.line + 1 if event.start_mark else 1
        if depth > DEPTH + 1:
            raise TreeError(line, (), f"expected at most {DEPTH} levels")
        if count > 2 * MOST_VALUES:
            raise TreeError(line, (), _TOO_MANY)


def _build(
    node: yaml.Node | None, path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]
) -> Any:
    if node is None:
        return None
    lines.setdefault(path, node.start_mark.line + 1)
    if len(lines) > MOST_VALUES:
        raise TreeError(lines[path], path[:2], _TOO_MANY)
    if len(path) > DEPTH:
        raise TreeError(lines[path], path[:2], f"expected at most {DEPTH} levels")
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, i), lines) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    return _scalar(node)


def _mapping(
    node: yaml.MappingNode,
    path: tuple[str | int, ...],
    lines: dict[tuple[str | int, ...], int],
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise TreeError(line, path, "expected a scalar as key")
        here = (*path, key.value)
        if key.value in result:
            what = f"duplicate key, expected it once (line {lines[here]} has it)"
            raise TreeError(line, here, what)
        lines[here] = line
        result[key.value] = _build(value, here, lines)
    return result


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    if getattr(node, "style", None):  # quoted, or a block
        return text
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "~", "null"):
        return None
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else text
