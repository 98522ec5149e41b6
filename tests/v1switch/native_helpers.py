"""The compiled helpers of machine code as functions of words, for tests to call."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import llvmlite.binding as llvm

from v1switch.engines.native import cache as disk
from v1switch.engines.native import machine
from v1switch.engines.native.compile import function, load
from v1switch.engines.native.helpers.signatures import HELPERS, SYMBOL


@cache
def _code() -> llvm.ExecutionEngine:
    module = llvm.parse_bitcode(disk.helpers().bitcode)
    return load(machine.host().emit_object(module))


def helper(name: str) -> Callable[..., int]:
    """A helper that programs call."""
    found: Callable[..., int] = function(_code().get_function_address(SYMBOL + name), HELPERS[name])
    return found
