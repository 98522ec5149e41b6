"""From the helpers' Python source to LLVM bitcode and an object file, by Numba.

Numba's own calling convention ends here: every helper gets a function of 64-bit words under a
plain name, and all that they call is inlined or made internal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from v1switch.engines.native import machine
from v1switch.engines.native.helpers import (
    changes,
    hashes,
    lookups,
    loop,
    octets,
    offload,
    queues,
    sending,
)
from v1switch.engines.native.helpers.signatures import HELPERS, LOOP, SYMBOL

_WORD = ir.IntType(64)
_MODULES = (lookups, changes, octets, hashes, offload, queues, sending, loop)


def build() -> tuple[bytes, bytes]:
    """Compile all helpers.

    Returns:
        bitcode of those that programs call, and an object file with those that Python calls.
    """
    config.LOOP_VECTORIZE = config.SLP_VECTORIZE = 0  # loops over a handful of words
    _keep_modules_whole(cpu_target.target_context.codegen())
    bitcode = _compiled("helpers", HELPERS).as_bitcode()
    return bitcode, machine.host().emit_object(_compiled("loop", LOOP))


def _keep_modules_whole(codegen: Any) -> None:
    """Have Numba generate machine code from copies of its modules.

    LLVM's last passes rewrite a module in place (addresses become offsets from null), in ways that
    only what follows them understands; linked into another module, stores would get lost.
    """
    add_module = codegen._add_module  # no public place is early enough
    codegen._add_module = lambda module: add_module(module.clone())  # as above


def _compiled(title: str, arities: Mapping[str, int]) -> llvm.ModuleRef:
    """A module that holds the named helpers and whatever they call."""
    target = cpu_target.target_context
    with global_compiler_lock:
        library = target.codegen().create_library(title)
        module = library.create_ir_module(title)
        for name, arity in arities.items():
            _entry(module, library, target, _named(name), arity)
        library.add_ir_module(module)
        library.finalize()
        linked = llvm.parse_bitcode(library._final_module.as_bitcode())  # its text would cost more
    machine.keep_only(linked, {SYMBOL + name for name in arities})
    machine.optimise(linked)
    return linked


def _named(name: str) -> Any:
    return next(getattr(module, name) for module in _MODULES if hasattr(module, name))


def _entry(module: ir.Module, library: Any, target: Any, helper: Any, arity: int) -> None:
    """Add a function of so many words that calls a helper by Numba's convention."""
    words = (types.int64,) * arity
    helper.compile(words)
    compiled = helper.overloads[words]
    library.add_linking_library(compiled.library)
    kind = ir.FunctionType(_WORD, [_WORD] * arity)
    entry = ir.Function(module, kind, SYMBOL + helper.__name__)
    builder = ir.IRBuilder(entry.append_basic_block())
    result, arguments = compiled.signature.return_type, compiled.signature.args
    convention = target.call_conv
    inner = ir.Function(
        module, convention.get_function_type(result, arguments), compiled.fndesc.llvm_func_name
    )
    _, value = convention.call_function(builder, inner, result, arguments, entry.args)
    builder.ret(value if result == types.int64 else ir.Constant(_WORD, 0))
