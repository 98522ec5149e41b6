"""How Numba compiles here, and where compiled code is kept.

Generated functions are long and plain: every variable has one type, nothing is a closure, no
argument is a literal. So most of Numba's passes have nothing to do there and are left out; what
is left takes less than half of the time.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager
from numba.core.typed_passes import (
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
)
from numba.core.untyped_passes import FixupArgs, GenericRewrites, IRProcessing, TranslateByteCode

F = TypeVar("F")

# No Python object is ever touched: no reference counts, no exceptions, no GIL
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
_ROOM = Path(__file__).parents[1]
_PASSES = (
    *(TranslateByteCode, FixupArgs, IRProcessing, GenericRewrites),
    *(NopythonTypeInference, IRLegalization, NativeLowering, NoPythonBackend),
)


class Lean(CompilerBase):  # type: ignore[misc]  # Numba has no types
    """The passes that generated code needs."""

    def define_pipelines(self) -> list[Any]:
        """Give the one pipeline that there is."""
        manager = PassManager("generated code")
        for each in _PASSES:
            manager.add_pass(each, each.__name__)
        manager.finalize()
        return [manager]


@cache
def cache_dir() -> Path:
    """Where compiled code lies: beside the sources, else with the user.

    Numba compares the time stamp of one file only. The directory's name carries the hash of all
    that compiled code is made by, so that any change compiles anew.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        base = Path(os.environ["NUMBA_CACHE_DIR"])
    elif os.access(_ROOM, os.W_OK):
        base = _ROOM / "__pycache__"
    else:
        home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
        base = Path(home) / "falcon-testbed"
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted([*_ROOM.glob("state/*.py"), *_ROOM.glob("native/*.py")]):
        digest.update(path.read_bytes())
    return base / f"switch-{digest.hexdigest()[:16]}"


def kernel(function: F) -> F:
    """Compile a function when it is first called, and keep it on disk."""
    if config.DISABLE_JIT:
        return function
    dispatcher = numba.njit(**OPTIONS)(function)
    before, config.CACHE_DIR = config.CACHE_DIR, str(cache_dir())
    try:
        dispatcher.enable_caching()
    finally:
        config.CACHE_DIR = before
    return cast("F", dispatcher)
