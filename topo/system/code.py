"""Which version of the code a program runs: a hash of its package's sources.

A version number does not change with an edit, a hash does. Programs of a network that is up keep
the code that they were started with, while the checkout may have moved on.
"""

import hashlib
import importlib.util
from pathlib import Path

SOURCES = ("*.py", "*.toml")
UNKNOWN = "unknown"
_DIGITS = 16


def digest(package: str) -> str:
    """The first 16 hex digits of a SHA-256 over the sources of a top-level package.

    The package is not imported. ``unknown`` when it is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return UNKNOWN
    return digest_of(Path(spec.submodule_search_locations[0]))


def digest_of(folder: Path) -> str:
    """As `digest`, of the sources below a folder: their names and contents."""
    found = hashlib.sha256()
    sources = (path for kind in SOURCES for path in folder.rglob(kind))
    paths = {path.relative_to(folder).as_posix(): path for path in sources}
    for name in sorted(paths):
        content = paths[name].read_bytes()
        found.update(f"{name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()[:_DIGITS]
