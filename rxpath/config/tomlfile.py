"""TOML files, built in and a user's."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

from rxpath.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SUFFIX = ".toml"


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


@cache
def _read(path: Path, _time: int, _size: int) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))
