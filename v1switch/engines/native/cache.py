"""Compiled code on disk: the helpers, and programs' object files by the hash of their modules."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from v1switch.engines.native import machine
from v1switch.engines.native.errors import NotNative
from v1switch.engines.native.helpers.signatures import SIZE
from v1switch.engines.native.store import CodeStore

_PACKAGE = Path(__file__).parents[2]
_SOURCES = (
    *("helpers/*", "loop_memory", "machine", "output", "sockets"),
    *("../../state/lookup", "../../state/meters", "../../state/mirror", "../../state/random"),
    *("../../state/words", "../../state/queues", "../../io/ports"),
)
"""Source files whose content decides whether the helpers have to be compiled again."""


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


STORE = CodeStore("v1switch")
_PATIENCE = 60.0  # s: who compiles may have been stopped


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
    key = digest.hexdigest()[:32]
    names = [f"helpers-{key}.{kind}" for kind in ("bc", "o")]
    bitcode, loop = map(STORE.read, names)
    if bitcode is None or loop is None:
        with _locked("helpers"):
            bitcode, loop = map(STORE.read, names)
            if bitcode is None or loop is None:
                bitcode, loop = _compile_helpers()
                for name, content in zip(names, (bitcode, loop), strict=True):
                    STORE.write(name, content)
    return Helpers(bitcode, loop, key)


def _compile_helpers() -> tuple[bytes, bytes]:
    """Compile the helpers in a process of their own, as Numba takes long to import."""
    root = str(_PACKAGE.parent)
    places = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    made = subprocess.run(
        [sys.executable, "-m", "v1switch.engines.native.helpers"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), "NUMBA_DISABLE_JIT": "0"},
        capture_output=True,
        check=False,
    )
    if made.returncode:
        said = made.stderr.decode(errors="replace").strip() or f"status {made.returncode}"
        raise NotNative(f"the helpers do not compile: {said.splitlines()[-1]}")
    (size,) = SIZE.unpack_from(made.stdout)
    parts = made.stdout[SIZE.size :]
    return parts[:size], parts[size:]


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """Keep other processes out for a while: many switches of one program may start at once."""
    lock = _lock_file(name)
    try:
        end = time.monotonic() + _PATIENCE
        while lock is not None and not _taken(lock) and time.monotonic() < end:
            time.sleep(0.02)
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _lock_file(name: str) -> int | None:
    """A descriptor; None where nothing can be kept anyway."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(STORE.folders[-1] / f"{name}.lock", flags, 0o600)
    except (IndexError, OSError):
        return None


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def object_file(text: str, make: Callable[[], bytes]) -> bytes:
    """The object code of a module: from disk, or made and kept there.

    Args:
        text: LLVM assembly that the code is made of, besides the helpers.
        make: compiles it.
    """
    whole = f"{machine.identity()} {helpers().key} {text}"
    name = f"program-{hashlib.sha256(whole.encode()).hexdigest()[:32]}.o"
    code = STORE.read(name)
    if code is None:
        with _locked(name[: len("program-") + 1]):
            code = STORE.read(name)
            if code is None:
                code = make()
                STORE.write(name, code)
    return code
