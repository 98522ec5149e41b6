"""How the receive path's functions are compiled: entry points, cached on disk, and what they call.

Numba optimises and assembles each function alone, with all that it calls, and then again as part of
each caller.  Here only an entry point is, once, with all its inner functions as its own: so each
that has one caller becomes part of it, and the machine code lies in one piece instead of beginning
a page for each function.

Numba's own cache considers the file of the compiled function only: a kernel that calls into a
changed module would be taken stale from disk.  Here a function's cache directory carries the hash
of its module and of all modules of rxpath that it imports, so that any change compiles again and
nothing else does.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import os
import threading
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite.binding import Linkage, parse_assembly
from numba.core import config
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

F = TypeVar("F")

_PACKAGE = Path(__file__).parents[1]
_compiling = threading.RLock()


class _Part(JITCodeLibrary):  # type: ignore[misc]  # Numba has no types
    """An inner function: linked into entry points, neither optimised nor assembled alone."""

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True

    @property
    def codegen(self) -> _Part:
        return self

    def set_env(self, *_: Any) -> None:
        """Without machine code there is no place for the environment's address."""


class _Whole(JITCodeLibrary):  # type: ignore[misc]  # Numba has no types
    """An entry point with all that is linked into it."""

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if function.linkage == Linkage.linkonce_odr and not function.is_declaration:
                function.linkage = Linkage.internal
        super()._optimize_final_module()


class _Shared(_Whole):
    """As a whole, but others are linked to its machine code and not with a copy of it."""

    def _get_module_for_linking(self) -> Any:
        return parse_assembly("")


class _PartCompiler(Compiler):  # type: ignore[misc]  # Numba has no types
    LIBRARY: type[JITCodeLibrary] = _Part

    def _compile_bytecode(self) -> Any:
        state = self.state
        state.library = self.LIBRARY(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return super()._compile_bytecode()


class _WholeCompiler(_PartCompiler):
    LIBRARY = _Whole


class _SharedCompiler(_PartCompiler):
    LIBRARY = _Shared

    def _compile_bytecode(self) -> Any:
        self.state.func_id.unique_id = 0  # a part of the name: what is in the cache calls by name
        return super()._compile_bytecode()


# Numba counts references to arrays, atomically, whenever a function takes one out of a tuple: two
# thirds of the model's time.  A kernel allocates nothing and returns no array, so it can do
# without (`_nrt`); its caller holds the arrays.
_KERNEL = {"nogil": True, "_nrt": False, "no_cfunc_wrapper": True}
_INNER = {**_KERNEL, "no_cpython_wrapper": True}


def jit(function: F) -> F:
    """Compiled when first called, the GIL released, cached on disk."""
    return _cached(numba.njit(nogil=True)(function), function)


def entry(function: F) -> F:
    """As `jit`, for an entry point of the model: it must not allocate or return arrays.

    It is called, and never handed on as a function pointer.
    """
    return _cached(numba.njit(**_KERNEL, pipeline_class=_WholeCompiler)(function), function)


def pointed(function: F) -> F:
    """As `entry`, but to be handed on as a function pointer; it may allocate."""
    return _cached(numba.njit(nogil=True, pipeline_class=_WholeCompiler)(function), function)


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
    return cast("F", numba.njit(**_INNER, pipeline_class=_PartCompiler)(function))


def shared(function: F) -> F:
    """An inner function that is compiled once for all entry points, cached on disk.

    `compile_for` must have come before it comes for the entry points: they know it by its name.
    """
    return _cached(numba.njit(**_INNER, pipeline_class=_SharedCompiler)(function), function)


def inlined(function: F) -> F:
    """An inner function with one caller, made part of it: there is less to compile and to link."""
    return cast("F", numba.njit(**_KERNEL, inline="always", pipeline_class=_PartCompiler)(function))


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
    for path in sorted(closure(module)):
        digest.update(path.read_bytes())
    return base / f"kernels-{digest.hexdigest()[:16]}"


def closure(module: Path) -> set[Path]:
    """The module and all modules of rxpath that it imports, directly or not."""
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
    ours = [name.split(".")[1:] for name in names if name.split(".")[0] == _PACKAGE.name]
    files = [_PACKAGE.joinpath(*parts) for parts in ours]
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
            gc.disable()  # it would look through Numba's many objects again and again
            # Most loops here end after a few turns: vector code for them is large, and slower.
            vectorize, config.LOOP_VECTORIZE = config.LOOP_VECTORIZE, 0
            try:
                dispatcher.compile(signature)
            finally:
                gc.enable()
                config.LOOP_VECTORIZE = vectorize
            dispatcher.disable_compile()
