"""TOML of students and authors, with a bound on its depth."""

from __future__ import annotations

import sys
from typing import Any

from rxpath.config.tomlfile import DEEPEST, depth

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def loads(text: str) -> dict[str, Any]:
    """The tables of a text. Raises ValueError."""
    if depth(text) > DEEPEST:
        raise ValueError(f"expected at most {DEEPEST} levels")
    return tomllib.loads(text)
