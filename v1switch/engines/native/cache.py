"""Compiled code on disk: the helpers, and programs' object files by the hash of their modules."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import os
import signal
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
"""What helpers are made of, beside this file."""
_PR_SET_PDEATHSIG = 1  # uapi linux/prctl.h
_NICE = 10
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


@cache
def directory() -> Path:
    """Where compiled code lies: beside the sources if those can be written, else with the user."""
    if "NUMBA_CACHE_DIR" in os.environ:
        base = Path(os.environ["NUMBA_CACHE_DIR"])
    elif os.access(_PACKAGE, os.W_OK):
        base = _PACKAGE / "__pycache__"
    else:
        home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
        base = Path(home) / "falcon-testbed"
    found = base / "v1switch-native"
    found.mkdir(parents=True, exist_ok=True)
    return found


@cache
def helpers() -> Helpers:
    """Load the helpers, which are compiled before if that has not been done on this machine.

    Raises:
        NotNative: they cannot be compiled.
    """
    digest = hashlib.sha256(f"{machine.identity()} {version('numba')}".encode())
    for pattern in _SOURCES:
        for path in sorted(Path(__file__).parent.glob(f"{pattern}.py")):
            digest.update(path.read_bytes())
    key = digest.hexdigest()[:16]
    bitcode, loop = (directory() / f"helpers-{key}.{kind}" for kind in ("bc", "o"))
    if not loop.exists():
        with _locked(directory() / "helpers.lock"):
            if not loop.exists():
                _compile_helpers(bitcode, loop)
    return Helpers(bitcode.read_bytes(), loop.read_bytes(), key)


def _compile_helpers(bitcode: Path, loop: Path) -> None:
    """Compile the helpers in a process of low priority that ends with this one."""
    root = str(_PACKAGE.parent)
    places = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    made = subprocess.run(
        [sys.executable, "-m", "v1switch.engines.native.helpers", str(bitcode), str(loop)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), "NUMBA_DISABLE_JIT": "0"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_yield_to_parent,  # two system calls, no locks
    )
    if made.returncode:
        said = made.stderr.strip().splitlines() or [f"status {made.returncode}"]
        raise NotNative(f"the helpers do not compile: {said[-1]}")


def _yield_to_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(_NICE)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes out: many switches of one program start at once."""
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
    path = directory() / f"program-{name}.o"
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
    """Remove the programs that have not been used for the longest time."""
    used = {}
    for path in directory().glob("program-*.o"):
        with contextlib.suppress(FileNotFoundError):  # another process removed it
            used[path] = path.stat().st_mtime
    for path in sorted(used, key=used.__getitem__)[:-_PROGRAMS]:
        path.unlink(missing_ok=True)
