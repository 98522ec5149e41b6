"""One decorator for every compiled function, with a disk cache that follows the sources.

Numba's own cache looks at the file of the compiled function only: a kernel that calls into a
changed module would be taken stale from disk.  Here the cache directory carries the hash of all
of the model's sources, so that any change compiles anew and nothing else does.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config

F = TypeVar("F")

_PACKAGE = Path(__file__).parent


def _sources_hash() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_dir() -> Path:
    """Beside the sources when they are writable, else in the user's own cache directory."""
    if "NUMBA_CACHE_DIR" in os.environ:
        base = Path(os.environ["NUMBA_CACHE_DIR"])
    elif os.access(_PACKAGE, os.W_OK):
        base = _PACKAGE / "__pycache__"
    else:
        home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
        base = Path(home) / "falcon-testbed"
    return base / f"kernels-{_sources_hash()}"


CACHE_DIR = _cache_dir()


def jit(function: F) -> F:
    """Compile ``function`` when first called: GIL released, cached on disk."""
    dispatcher: Any = numba.njit(nogil=True)(function)
    if not config.DISABLE_JIT:
        before, config.CACHE_DIR = config.CACHE_DIR, str(CACHE_DIR)
        try:
            dispatcher.enable_caching()
        finally:
            config.CACHE_DIR = before
    return cast("F", dispatcher)


def compile_for(dispatcher: Any, signature: Any) -> None:
    """Compile (or load from disk) for ``signature`` and for nothing else ever after.

    Arguments are converted to the signature's types: so a policy, any policy, is taken as a
    function pointer and the kernel is compiled once for all of them.
    """
    if not config.DISABLE_JIT and not dispatcher.signatures:
        dispatcher.compile(signature)
        dispatcher.disable_compile()
