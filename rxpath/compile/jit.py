"""How the receive path's functions are compiled: entry points, cached on disk, and what they call.

Numba optimises and assembles each function alone, with all that it calls, and then again as part of
each caller.  Here only an entry point is, once, with all its inner functions as its own: so each
that has one caller becomes part of it, and the machine code lies in one piece instead of beginning
a page for each function.

Numba's own cache considers the file of the compiled function only: a kernel that calls into a
changed module would be taken stale from disk.  Here the name of a function's file carries the hash
of its module and of all modules of rxpath that it imports, so that any change compiles again and
nothing else does.
"""

from __future__ import annotations

import gc
import hashlib
import pickle
import re
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite.binding import Linkage, parse_assembly
from numba.core import config, serialize
from numba.core.caching import NullCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompileResult
from numba.core.runtime import rtsys

from rxpath.compile.store import CodeStore

F = TypeVar("F")

_PACKAGE = Path(__file__).parents[1]
_STORE = CodeStore("falcon-testbed")
_NO_BRACKETS = str.maketrans("", "", "<>/")
# Of Numba, what machine code names must be there: its allocator, and the key of its hashes.
_ALLOCATOR, _HASHES = b"NRT_", b"_numba_hashsecret"
_NO_CODE = re.compile(r"#.*|\\\n")  # comments, and line ends that end no line
_IMPORT = re.compile(
    rf"(?:^|[;:])[ \t]*(?:from[ \t]+({_PACKAGE.name}[\w.]*)[ \t]+import\b[ \t]*(\([^)]*\)|[^;\n]*)"
    rf"|import[ \t]+([^;\n]*))", re.MULTILINE,
)  # fmt: skip
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
    return cast("F", _cached(numba.njit(nogil=True)(function)))


def entry(function: F) -> F:
    """As `jit`, for an entry point of the model: it must not allocate or return arrays.

    It is called, and never handed on as a function pointer.
    """
    return cast("F", _cached(numba.njit(**_KERNEL, pipeline_class=_WholeCompiler)(function)))


def pointed(function: F) -> F:
    """As `entry`, but to be handed on as a function pointer; it may allocate."""
    return cast("F", _cached(numba.njit(nogil=True, pipeline_class=_WholeCompiler)(function)))


def _cached(dispatcher: Any) -> Any:
    if not config.DISABLE_JIT:
        dispatcher._cache = _DiskCache(dispatcher.py_func)  # as its enable_caching() does
    return dispatcher


def inner(function: F) -> F:
    """A function that only compiled functions call: no wrappers for Python, no cache of its own."""
    return cast("F", numba.njit(**_INNER, pipeline_class=_PartCompiler)(function))


def shared(function: F) -> F:
    """An inner function that is compiled once for all entry points, cached on disk.

    `compile_for` must have come before it comes for the entry points: they know it by its name.
    """
    return cast("F", _cached(numba.njit(**_INNER, pipeline_class=_SharedCompiler)(function)))


def uncompiled(function: F) -> Any:
    """Its types are checked, and those of what it calls, but no machine code is made of it."""
    return numba.njit(boundscheck=True, no_cpython_wrapper=True, no_cfunc_wrapper=True,
                      pipeline_class=_PartCompiler)(function)  # fmt: skip


def inlined(function: F) -> F:
    """An inner function with one caller, made part of it: there is less to compile and to link."""
    return cast("F", numba.njit(**_KERNEL, inline="always", pipeline_class=_PartCompiler)(function))


class _DiskCache(NullCache):  # type: ignore[misc]  # Numba has no types
    """Numba's cache of one function, in this user's store of compiled code."""

    def __init__(self, function: Any) -> None:
        self._function = function
        path = _file_of(function)
        name = f"{path.stem}.{function.__qualname__}".translate(_NO_BRACKETS)
        self._name = f"{name}-{function.__code__.co_firstlineno}"
        self._source = f"{path} {stamp(path)}"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The function as it was compiled for a signature, or None.

        Numba's registries (and SciPy with them) take longer to load than the code. What compiles
        loads them itself.
        """
        kept = _STORE.read(self._key(sig, target_context.codegen()))
        if kept is None:
            return None
        if _ALLOCATOR in kept:
            rtsys.initialize(target_context)
        if _HASHES in kept:
            target_context.refresh()
        return CompileResult._rebuild(target_context, *pickle.loads(kept))

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, unless it holds addresses of this process."""
        if data.lifted or data.library.has_dynamic_globals:
            return
        _STORE.write(self._key(sig, data.codegen), serialize.dumps(data._reduce()))

    def _key(self, sig: Any, codegen: Any) -> str:
        code, cells = self._function.__code__, self._function.__closure__ or ()
        digest = hashlib.sha256(serialize.dumps([cell.cell_contents for cell in cells]))
        digest.update(code.co_code)
        versions = numba.__version__, sys.implementation.cache_tag, codegen.magic_tuple()
        digest.update(f"{self._source} {sig} {versions}".encode())
        return f"{self._name}-{digest.hexdigest()[:32]}"


@cache
def stamp(module: Path) -> str:
    """Changes with a module and with any module of rxpath that it imports."""
    digest = hashlib.sha256()
    for path in sorted(closure(module)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


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
    """The modules of rxpath that a module imports; parsing it would take seven times as long."""
    names = []
    text = _NO_CODE.sub("", path.read_text("utf-8", "replace"))
    for module, members, modules in _IMPORT.findall(text):
        names += [module, *(f"{module}.{name}" for name in re.findall(r"\w+", members))]
        names += re.findall(r"[\w.]+", modules)
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
