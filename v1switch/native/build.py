"""From a program to the address of its machine function, kept on disk."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
from numba.core import types

from v1switch.native.assemble import generate
from v1switch.native.jit import OPTIONS, Lean, cache_dir
from v1switch.native.loop import carry, locate
from v1switch.native.runtime import undo
from v1switch.program.model import Program

ARGUMENTS = 6
_SIGNATURE = types.int64(*[types.int64] * ARGUMENTS)


@dataclass(frozen=True)
class Plan:
    """A program's machine code, for any state.

    Attributes:
        address: of its function, see `assemble`.
        slots: names of what the words of `ctx` lead to.
        head_size: the most bytes of headers that a frame leaves with.
        reasons: what frames may be handed over to plain Python for.
        seconds: how long it took to make, or to load from disk.
        function: what keeps the code in memory.
    """

    address: int
    slots: tuple[str, ...]
    head_size: int
    reasons: tuple[str, ...]
    seconds: float
    function: Any


def build(program: Program) -> Plan:
    """Make a program's machine code, or load it when it was made before.

    Raises:
        NotNative, ProgramError: the program has no place in machine code.
        numba.core.errors.NumbaError: the compiler refuses the code; a fault of this backend.
    """
    started = time.perf_counter()
    for helper in (undo, carry, locate):  # what Python calls besides
        helper.compile((types.int64,) * (2 if helper is locate else 1))
    source, assembler = generate(program)
    function = numba.cfunc(_SIGNATURE, cache=True, pipeline_class=Lean, **OPTIONS)(
        _module(source).run
    )
    return Plan(
        function.address,
        tuple(assembler.writer.slots),
        assembler.head_size(),
        tuple(assembler.writer.reasons),
        time.perf_counter() - started,
        function,
    )


def _module(source: str) -> ModuleType:
    """Import generated source from a file of its own, which Numba needs for its cache."""
    path = _written(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # Numba's cache looks the module up by its name
    spec.loader.exec_module(module)
    return module


def _written(source: str) -> Path:
    directory = cache_dir()
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"program_{hashlib.sha256(source.encode()).hexdigest()[:16]}.py"
    if not path.exists():  # several switches may start at once: each writes, the last one stays
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(source)
        draft.rename(path)
    return path
