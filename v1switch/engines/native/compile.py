"""From a lowered program to the address of its machine function."""

from __future__ import annotations

import atexit
import ctypes
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import llvmlite.binding as llvm

from v1switch.engines.native import cache as disk
from v1switch.engines.native import machine
from v1switch.engines.native.helpers.signatures import LOOP, SYMBOL
from v1switch.engines.native.printer.function import RUN, RUN_ARGUMENTS, Printed, print_switch
from v1switch.lower import ir

_LARGE = 800_000  # characters: some 130 tables
_llvm_at_work = threading.RLock()
atexit.register(_llvm_at_work.acquire)  # a process that ends while a thread is in LLVM crashes


def is_at_work() -> bool:
    """Whether some thread is in LLVM now."""
    free = _llvm_at_work.acquire(blocking=False)
    if free:
        _llvm_at_work.release()
    return not free


Function = Any
"""A C function of words, which gives a word. Calling it lets other threads run meanwhile."""


class Code:
    """Keeps machine code in memory; the next compilation frees what nothing refers to any more.

    LLVM frees code only between compilations, and the last reference may be the packet loop's,
    which must not wait for one.

    Attributes:
        dropped: what the next compilation is to free.
    """

    dropped: ClassVar[list[llvm.ExecutionEngine]] = []

    def __init__(self, engine: llvm.ExecutionEngine) -> None:
        self.engine = engine

    def __del__(self) -> None:
        """Leave the code to the next compilation."""
        self.dropped.append(self.engine)


@dataclass(frozen=True)
class Compiled:
    """A program's machine code, for any state.

    Attributes:
        printed: what it was made of.
        run: its function (see `printer.function`), and `address` that function's address.
        seconds: how long it took to make, or to load from disk.
        code: what keeps it in memory.
    """

    printed: Printed
    run: Function
    address: int
    seconds: float
    code: Code


def compile_switch(switch: ir.Switch) -> Compiled:
    """Make a program's machine code, or load it when it was made before.

    Most of the time is spent inside of LLVM, where other threads of Python run.

    Raises:
        NotNative: helpers cannot be compiled on this machine.
    """
    started = time.perf_counter()
    Code.dropped.clear()
    printed = print_switch(switch)
    code = disk.object_file(printed.text, lambda: object_code(printed.text))
    engine = load(code)
    address = engine.get_function_address(RUN)
    run = function(address, len(RUN_ARGUMENTS))
    return Compiled(printed, run, address, time.perf_counter() - started, Code(engine))


def object_code(text: str) -> bytes:
    """Object code of a printed program, with the helpers that it calls."""
    helpers = disk.helpers().bitcode
    with _llvm_at_work:
        module = machine.parse(text)
        module.link_in(llvm.parse_bitcode(helpers))
        machine.keep_only(module, {RUN})
        large = len(text) > _LARGE
        machine.optimise(module, machine.SPEED_OF_LARGE if large else machine.SPEED)
        return bytes(machine.host().emit_object(module))


def load(code: bytes) -> llvm.ExecutionEngine:
    """Load an object file into this process."""
    with _llvm_at_work:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine.host())
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
    return engine


def function(address: int, arity: int) -> Function:
    """The function at an address, which takes so many words."""
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * arity)(address)


@cache
def loop_functions() -> Mapping[str, Function]:
    """The helpers that Python calls, by name."""
    engine = load(disk.helpers().loop)
    found = {
        name: function(engine.get_function_address(SYMBOL + name), arity)
        for name, arity in LOOP.items()
    }
    found["engine"] = engine  # keeps the code
    return found
