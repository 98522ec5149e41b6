"""From a program to the address of its machine function, kept on disk."""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
from numba.core import config, types

from v1switch.native.assemble import generate
from v1switch.native.errors import NotNative
from v1switch.native.jit import OPTIONS, Lean, cache_dir
from v1switch.native.loop import carry, locate
from v1switch.native.runtime import undo
from v1switch.program.model import Program

ARGUMENTS = 6
_SIGNATURE = types.int64(*[types.int64] * ARGUMENTS)
_HELPERS = {undo: 1, carry: 1, locate: 2}  # what Python calls besides, and with how many words
_ROOT = Path(__file__).parents[2]
_PR_SET_PDEATHSIG = 1  # uapi linux/prctl.h
_NICE = 10


@dataclass(frozen=True)
class Plan:
    """A program's machine code, for any state.

    Attributes:
        address: of its function, see `assemble`.
        slots: names of what the words of `ctx` lead to.
        head_size: the most bytes of headers that a frame leaves with.
        messages: the program's log messages, each with how many values it takes.
        reasons: what frames may be handed over to plain Python for.
        seconds: how long it took to make, or to load from disk.
        function: what keeps the code in memory.
    """

    address: int
    slots: tuple[str, ...]
    head_size: int
    messages: tuple[tuple[str, int], ...]
    reasons: tuple[str, ...]
    seconds: float
    function: Any


def build(program: Program) -> Plan:
    """Make a program's machine code, or load it when it was made before.

    It is made by a process of its own: a compiler in this one would hold up its packets.

    Raises:
        NotNative, ProgramError: the program has no place in machine code.
    """
    if config.DISABLE_JIT:
        raise NotNative("NUMBA_DISABLE_JIT is set")
    started = time.perf_counter()
    source, assembler = generate(program)
    path = _written(source)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # many switches of one program start at once
        if not _stamp(path).exists():
            _compile_beside(path)
    function = compile_file(path)
    return Plan(
        function.address,
        tuple(assembler.writer.slots),
        assembler.head_size(),
        tuple(assembler.writer.messages),
        tuple(assembler.writer.reasons),
        time.perf_counter() - started,
        function,
    )


def _written(source: str) -> Path:
    """Put generated source into a file of its own, which Numba needs for its cache."""
    directory = cache_dir()
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"program_{hashlib.sha256(source.encode()).hexdigest()[:16]}.py"
    if not path.exists():  # several switches may start at once: each writes, the last one stays
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(source)
        draft.rename(path)
    return path


def _stamp(path: Path) -> Path:
    """The file that says that generated source has been compiled."""
    return path.with_suffix(".compiled")


def _compile_beside(path: Path) -> None:
    places = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    made = subprocess.run(
        [sys.executable, "-m", "v1switch.native", str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        said = made.stderr.strip().splitlines() or [f"status {made.returncode}"]
        raise NotNative(f"the compiler failed: {said[-1]}")


def compile_file(path: Path) -> Any:
    """Compile generated source in this process, or load from disk what was compiled before."""
    for helper, arguments in _HELPERS.items():
        helper.compile((types.int64,) * arguments)  # type: ignore[attr-defined]  # Numba's
    run = _module(path).run
    return numba.cfunc(_SIGNATURE, cache=True, pipeline_class=Lean, **OPTIONS)(run)


def compile_alone(path: Path) -> None:
    """Compile generated source in a process that exists for that, and ends with its parent."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(_NICE)
    compile_file(path)
    _stamp(path).touch()


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # Numba's cache looks the module up by its name
    spec.loader.exec_module(module)
    return module
