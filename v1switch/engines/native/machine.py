"""This machine as LLVM knows it: what is generated for it, optimised for it and loaded into it."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import llvmlite.binding as llvm

SPEED = 1  # -O1: -O2 takes a quarter longer, and frames are no faster
SPEED_OF_LARGE = (
    0  # time and memory then grow in proportion to the module, frames take a third more
)
_SELECTION = 2  # how well instructions are selected and scheduled


@cache
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def host() -> llvm.TargetMachine:
    """The processor that this process runs on; a new object each time, as engines take theirs."""
    _initialize()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=_SELECTION,
        reloc="pic",
        codemodel="jitdefault",
        jit=True,
    )


def parse(text: str) -> llvm.ModuleRef:
    """Parse LLVM assembly as a module for this machine."""
    module, target = llvm.parse_assembly(text), host()
    module.triple, module.data_layout = target.triple, str(target.target_data)
    return module


def keep_only(module: llvm.ModuleRef, names: Collection[str]) -> None:
    """Make all definitions of a module internal, except the named functions."""
    for function in module.functions:
        if not function.is_declaration and function.name not in names:
            function.linkage = "internal"
    for variable in module.global_variables:
        if not variable.is_declaration:
            variable.linkage = "internal"


def optimise(module: llvm.ModuleRef, speed: int = SPEED) -> None:
    """Run LLVM's passes, without vectorisation: there is nothing in packets to vectorise."""
    options = llvm.create_pipeline_tuning_options(speed_level=speed)
    options.loop_vectorization = options.slp_vectorization = False
    options.loop_unrolling = options.loop_interleaving = False
    machine = host()
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)


def identity() -> str:
    """What object code depends on besides its module: LLVM's version and the processor."""
    version = ".".join(map(str, llvm.llvm_version_info))
    return f"{version} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
