"""How this room's functions are compiled: entry points, cached on disk, and what they call.

Numba's own cache looks at the file of the compiled function only: a kernel that calls into a
changed module would be taken stale from disk.  Here a function's cache directory carries the hash
of its module and of all modules of this room that it imports, so that any change compiles anew and
nothing else does.
"""

from __future__ import annotations

import ast
import hashlib
import os
import threading
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config

F = TypeVar("F")

_PACKAGE = Path(__file__).parent
_compiling = threading.RLock()


# Numba counts references to arrays, atomically, whenever a function takes one out of a tuple: two
# thirds of the model's time.  A kernel allocates nothing and returns no array, so it can do
# without (`_nrt`); its caller holds the arrays.
_KERNEL = {"nogil": True, "_nrt": False}


def jit(function: F) -> F:
    """Compiled when first called, the GIL released, cached on disk."""
    return _cached(numba.njit(nogil=True)(function), function)


def kernel(function: F) -> F:
    """As `jit`, for an entry point of the model: it must not allocate or return arrays."""
    return _cached(numba.njit(**_KERNEL)(function), function)


def _cached(dispatcher: Any, function: F) -> F:
    if not config.DISABLE_JIT:
        before, config.CACHE_DIR = config.CACHE_DIR, str(cache_dir(_file_of(function)))
        try:
            dispatcher.enable_caching()
        finally:
            config.CACHE_DIR = before
    return cast("F", dispatcher)


def inner(function: F) -> F:
    """A function that only compiled functions call: no wrappers for Python, no cache of its own."""
    wrappers = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast("F", numba.njit(**_KERNEL, **wrappers)(function))


def inlined(function: F) -> F:
    """An inner function with one caller, made part of it: there is less to compile and to link."""
    return cast("F", numba.njit(**_KERNEL, inline="always")(function))


@cache
def cache_dir(module: Path) -> Path:
    """Where the compiled functions of a module lie: beside the sources, else with the user."""
    if "NUMBA_CACHE_DIR" in os.environ:
        base = Path(os.environ["NUMBA_CACHE_DIR"])
    elif os.access(_PACKAGE, os.W_OK):
        base = _PACKAGE / "__pycache__"
    else:
        home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
        base = Path(home) / "falcon-testbed"
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(_closure(module)):
        digest.update(path.read_bytes())
    return base / f"kernels-{digest.hexdigest()[:16]}"


def _closure(module: Path) -> set[Path]:
    """The module and all that it imports of this room, directly or not."""
    found: set[Path] = set()
    todo = [module]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo.extend(_imports(path))
    return found


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    names = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    room = [name.split(".")[1:] for name in names if name.split(".")[0] == _PACKAGE.name]
    files = [_PACKAGE.joinpath(*parts) for parts in room]
    found = [path.with_suffix(".py") for path in files] + [path / "__init__.py" for path in files]
    return tuple(path for path in found if path.is_file())


def _file_of(function: Any) -> Path:
    return Path(function.__code__.co_filename).resolve()


def compile_for(dispatcher: Any, signature: Any) -> None:
    """Compile (or load from disk) for ``signature`` and for nothing else ever after.

    Arguments are converted to the signature's types: so a policy, any policy, is taken as a
    function pointer and the kernel is compiled once for all of them.  Threads may call it at once.
    """
    with _compiling:
        if not config.DISABLE_JIT and not dispatcher.signatures:
            dispatcher.compile(signature)
            dispatcher.disable_compile()
