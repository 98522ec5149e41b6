"""From generated source to Python's bytecode, without keeping other threads waiting for it."""

from __future__ import annotations

import marshal
import subprocess
import sys
from types import CodeType

LARGE = 50_000  # characters; compiling them takes some 10 ms
PATIENCE_S = 60.0
_CHILD = """
import marshal, sys
try:
    code = compile(sys.stdin.buffer.read(), sys.argv[1], "exec", dont_inherit=True)
except (RecursionError, MemoryError):
    sys.exit(3)
except SyntaxError as error:
    sys.stderr.write(error.msg)
    sys.exit(4)
sys.stdout.buffer.write(marshal.dumps(code))
"""
_TOO_DEEP, _WRONG = 3, 4


def code_of(text: str, name: str) -> CodeType:
    """Compile source that is named `name` in tracebacks.

    `compile` lets no other thread run until it is done, so large sources go to a process of
    their own.

    Raises:
        RecursionError, MemoryError: it is nested too deeply for Python's parser.
        SyntaxError: it is nested too deeply for Python's compiler, or wrong.
        RuntimeError: the process failed.
    """
    if len(text) <= LARGE:
        return compile(text, name, "exec", dont_inherit=True)
    command = [sys.executable, "-I", "-S", "-c", _CHILD, name]
    made = subprocess.run(
        command, input=text.encode(), capture_output=True, timeout=PATIENCE_S, check=False
    )
    if made.returncode == _TOO_DEEP:
        raise RecursionError
    if made.returncode == _WRONG:
        raise SyntaxError(made.stderr.decode())
    if made.returncode:
        said = made.stderr.decode(errors="replace").strip().splitlines() or ["no output"]
        raise RuntimeError(f"compiling took status {made.returncode}: {said[-1]}")
    found = marshal.loads(made.stdout)  # of our own process, of the same Python
    assert isinstance(found, CodeType)
    return found
