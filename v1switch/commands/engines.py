"""Composes the engine that the command line asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from v1switch.commands.parsing import NATIVE, PYTHON
from v1switch.control.engine import Engine
from v1switch.engines.python.engine import PythonEngine
from v1switch.engines.upgrading import Code, UpgradingEngine
from v1switch.program.model import Program


@contextmanager
def engine(name: str) -> Iterator[Engine]:
    """The engine of one of the names in ENGINES, while a switch uses it.

    Plain Python alone loads no Numba, and `auto` loads it in the thread that compiles, so that
    the switch listens within a second.
    """
    plain = PythonEngine()
    if name == PYTHON:
        yield plain
    elif name == NATIVE:
        from v1switch.engines.native.engine import NativeEngine

        yield NativeEngine(plain)
    else:
        with UpgradingEngine(plain, _compile) as upgrading:
            yield upgrading


def _compile(program: Program) -> Code | None:
    from v1switch.engines.native.engine import compile_program

    return compile_program(program)
