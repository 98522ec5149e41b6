"""TOML files, built in and a user's."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from rxpath.errors import ConfigError
from rxpath.reading import read_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SUFFIX = ".toml"
MOST_BYTES = 256 * 1024  # the built-in profiles have up to 11 KiB
DEEPEST = 16  # brackets within brackets, and parts of a dotted key


def read(key: str, path: Path) -> dict[str, Any]:
    """The tables of a file, which is read again when it has changed.

    Raises `ConfigError` for ``key``, when the file cannot be read or is no TOML.
    """
    try:
        found = path.stat()
        return _read(path, found.st_mtime_ns, found.st_size)
    except OSError as error:
        raise ConfigError(key, str(path), f"a TOML file: {error.strerror}") from error
    except ValueError as error:  # neither TOML nor, perhaps, UTF-8
        raise ConfigError(key, str(path), f"TOML: {error}") from error


@lru_cache(maxsize=32)
def _read(path: Path, _time: int, _size: int) -> dict[str, Any]:
    text = read_text(path, MOST_BYTES)
    if depth(text) > DEEPEST:  # tomllib needs memory and time by the square of it
        raise ValueError(f"at most {DEEPEST} levels")
    return tomllib.loads(text)


def depth(text: str) -> int:
    """How deep a TOML text is nested at most: by brackets, or by the dots of a key."""
    deepest = brackets = dots = at = 0
    while at < len(text):
        char = text[at]
        if char in "\"'":
            at = _end_of_string(text, at)
            continue
        if char == "#":
            at = _found(text, "\n", at)
            continue
        if char == ".":
            dots += 1
        elif char in "\n=,[]{}":
            brackets += (char in "[{") - (char in "]}")
            dots = 0
        deepest = max(deepest, brackets, dots)
        at += 1
    return deepest


def _end_of_string(text: str, at: int) -> int:
    """Behind the string that begins with a quote; the text's end when it does not end."""
    quote = text[at]
    mark = quote * 3 if text.startswith(quote * 3, at) else quote
    at += len(mark)
    while at < len(text) and not text.startswith(mark, at):
        at += 2 if quote == '"' and text[at] == "\\" else 1
    return at + len(mark)


def _found(text: str, what: str, at: int) -> int:
    place = text.find(what, at)
    return len(text) if place < 0 else place
