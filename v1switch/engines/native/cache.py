"""Compiled code on disk: the helpers, and programs' object files by the hash of their modules."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from v1switch.engines.native import machine
from v1switch.engines.native.errors import NotNative

_PACKAGE = Path(__file__).parents[2]
_SOURCES = (
    *("helpers/*", "loop_memory", "machine", "output", "sockets"),
    *("../../state/lookup", "../../state/meters", "../../state/mirror", "../../state/random"),
    *("../../state/words", "../../io/ports"),
)
"""Source files whose content decides whether the helpers have to be compiled again."""
_FOLDER = "v1switch-native"
_PROGRAMS = 1000  # object files that are kept, some ten kilobytes each


class Helpers(NamedTuple):
    """The compiled helpers.

    Attributes:
        bitcode: of those that programs call.
        loop: object file of those that Python calls.
        key: changes whenever they do.
    """

    bitcode: bytes
    loop: bytes
    key: str


_SHARED = _PACKAGE / "__pycache__" / _FOLDER
"""What was compiled when the package was installed, perhaps by another user."""


@cache
def directory() -> Path:
    """Where compiled code is kept: beside the sources if possible, else in the user's cache."""
    if "NUMBA_CACHE_DIR" in os.environ:
        found = Path(os.environ["NUMBA_CACHE_DIR"]) / _FOLDER
    elif os.access(_PACKAGE, os.W_OK):
        found = _SHARED
    else:
        home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
        found = Path(home) / "falcon-testbed" / _FOLDER
    found.mkdir(parents=True, exist_ok=True)
    return found


def _known(name: str) -> Path:
    """A file of compiled code: where it is, or else where it may be written."""
    shared, own = _SHARED / name, directory() / name
    return shared if os.access(shared, os.R_OK) and not own.exists() else own


@cache
def helpers() -> Helpers:
    """Load the helpers; compile them first if this machine has none.

    Raises:
        NotNative: they cannot be compiled.
    """
    digest = hashlib.sha256(f"{machine.identity()} {version('numba')}".encode())
    for pattern in _SOURCES:
        for path in sorted(Path(__file__).parent.glob(f"{pattern}.py")):
            digest.update(path.read_bytes())
    key = digest.hexdigest()[:16]
    bitcode, loop = (_known(f"helpers-{key}.{kind}") for kind in ("bc", "o"))
    if not loop.exists():
        with _locked(directory() / "helpers.lock"):
            if not loop.exists():
                _compile_helpers(bitcode, loop)
    return Helpers(bitcode.read_bytes(), loop.read_bytes(), key)


def _compile_helpers(bitcode: Path, loop: Path) -> None:
    """Compile the helpers in a process of their own, as Numba takes long to import."""
    root = str(_PACKAGE.parent)
    places = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    made = subprocess.run(
        [sys.executable, "-m", "v1switch.engines.native.helpers", str(bitcode), str(loop)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), "NUMBA_DISABLE_JIT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        said = made.stderr.strip().splitlines() or [f"status {made.returncode}"]
        raise NotNative(f"the helpers do not compile: {said[-1]}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes out: many switches of one program may start at once."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def object_file(text: str, make: Callable[[], bytes]) -> bytes:
    """The object code of a module: from disk, or made and kept there.

    Args:
        text: LLVM assembly that the code is made of, besides the helpers.
        make: compiles it.
    """
    whole = f"{machine.identity()} {helpers().key} {text}"
    name = hashlib.sha256(whole.encode()).hexdigest()[:16]
    path = _known(f"program-{name}.o")
    if path.exists() and path.parent != directory():
        return path.read_bytes()
    with _locked(directory() / f"program-{name[0]}.lock"):
        if path.exists():
            path.touch()  # it was used
        else:
            _write(path, make())
            _prune()
        return path.read_bytes()


def _write(path: Path, content: bytes) -> None:
    """Write a file that appears complete or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    draft.rename(path)


def _prune() -> None:
    """Remove the least recently used programs."""
    used = {}
    for path in directory().glob("program-*.o"):
        with contextlib.suppress(FileNotFoundError):  # another process removed it
            used[path] = path.stat().st_mtime
    for path in sorted(used, key=used.__getitem__)[:-_PROGRAMS]:
        path.unlink(missing_ok=True)
