"""A policy from a user's Python file: compiled, and with the line of what is wrong in it.

    policy = load("labs/policies/in_turn.py:in_turn")
    result = policy.run(lambda policy: experiment(Model(..., policy=policy)))

The function is that of a policy (`rxpath.policies`), or returns the CPU alone: then the packet is
steered there, and stays unsteered where it is when that is the CPU it is on.  Its result must
follow from its arguments and its memory.  The file stands alone: it may import NumPy, Numba and
rxpath.  Its functions may call each other.
"""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar

import numba
from numba import types
from numba.core import config
from numba.core.errors import NumbaError, UnsupportedBytecodeError

from rxpath.compile.jit import compile_for, uncompiled
from rxpath.errors import ConfigError, PolicyError, RxPathError
from rxpath.model.policy import POLICY_TYPES, Choose, Host, Packet, trampoline
from rxpath.model.state import codes
from rxpath.model.state.steering import STEER_SIGNATURE
from rxpath.policies.policy import Policy
from rxpath.reading import read_text

T = TypeVar("T")
SUFFIX = ".py:"
MOST_BYTES = 1024 * 1024
CHOICES = (codes.CHOICE_NONE, codes.CHOICE_FIRST, codes.CHOICE_SECOND, codes.CHOICE_FALLBACK)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # of Numba's messages, where colorama is installed
_READ = types.Array(types.int64, 1, "C", readonly=True)
READING_TYPES = (
    POLICY_TYPES[0],
    types.NamedTuple([POLICY_TYPES[1].types[0], *[_READ] * 4, POLICY_TYPES[1].types[5]], Host),
)  # `POLICY_TYPES` with the memory as the only array that can be written
RETURNS = "expected (cpu, choice), two integers, or a CPU"


@dataclass(frozen=True)
class CustomPolicy(Policy):
    """A policy that was loaded from ``source``, the text of ``path``."""

    path: str = ""
    source: str = ""
    function: Callable[..., Any] = len  # as it was written

    @property
    def spec(self) -> str:
        """FILE.py:NAME with an absolute path, as the knob ``policy`` takes it."""
        return f"{Path(self.path).absolute()}:{self.name}"

    def run(self, work: Callable[[CustomPolicy], T]) -> T:
        """``work(policy)``, which runs a model from its start.

        When the policy fails, ``work`` is called again with the policy in plain Python, because
        compiled code does not always know at which line it failed.

        Raises:
            PolicyError: the policy raised, or returned a CPU or a choice that does not exist.
        """
        try:
            return work(self)
        except RxPathError:
            raise
        except Exception as error:
            blamed = self._blamed(error) or self._replayed(work)
            if blamed is None:
                raise
            raise blamed from error

    def explain(self, error: Exception) -> Exception:
        """The error of a live run, which cannot be repeated to find the line."""
        where, what = _line_of(self.function), f"{type(error).__name__}: {error}"
        hint = f"`falcon_ctl figures --policy {self.path}:{self.name}` finds the line"
        return self._blamed(error) or PolicyError(
            self.path, where, f"{self.name} raised {what}; {hint}"
        )

    def _blamed(self, error: Exception) -> PolicyError | None:
        """The error with its line, if the policy's file is where it was raised."""
        if isinstance(error, PolicyError):
            return error
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == self.path]
        if not lines:
            return None
        what = f"{self.name} raised {type(error).__name__}: {error}"
        return PolicyError(self.path, lines[-1] or 0, what)

    def _replayed(self, work: Callable[[CustomPolicy], T]) -> PolicyError | None:
        plain = _checked(self.name, self.path, self.function)
        try:
            work(replace(self, choose=_interpreted(plain)))
        except Exception as error:  # noqa: BLE001  # whatever the policy raises is what we look for
            return self._blamed(error)
        return None


def load(spec: str) -> CustomPolicy:
    """The policy ``FILE.py:NAME``. Raises `ConfigError`, for what the file holds `PolicyError`.

    A text that was not loaded before is compiled by Numba, which takes a second.
    """
    path, colon, name = spec.rpartition(":")
    if not colon or not path.endswith(".py") or not name.isidentifier():
        raise ConfigError("policy", spec, "FILE.py:NAME, a file and a function in it")
    try:
        source = read_text(Path(path), MOST_BYTES)
    except OSError as error:
        raise PolicyError(path, 0, f"expected a Python file: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PolicyError(path, 0, "expected text in UTF-8") from error
    return from_source(path, name, source)


@cache
def from_source(path: str, name: str, source: str) -> CustomPolicy:
    """As `load`, of a text that was read already; error messages call it ``path``."""
    function = _function(path, name, _execute(path, source))
    if config.DISABLE_JIT:
        choose = trampoline(_checked(name, path, function), function)
    else:
        choose = _compiled(path, function, source)
    return CustomPolicy(name, choose, path=path, source=source, function=function)


def _jitted(function: Callable[..., Any]) -> Any:
    """Compiled, to be called by compiled code; bounds are checked, for an index may be wrong."""
    return numba.njit(nogil=True, boundscheck=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(
        function
    )


def _execute(
    path: str, source: str, jit: Callable[[Callable[..., Any]], Any] = _jitted
) -> dict[str, Any]:
    """The names that the file defines; its functions are those that `jit` makes of them."""
    module = ModuleType(Path(path).stem)
    module.__file__ = path
    try:
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    except SyntaxError as error:
        raise PolicyError(path, error.lineno or 0, f"expected Python: {error.msg}") from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == path]
        what = f"{type(error).__name__}: {error}"
        raise PolicyError(path, (lines or [0])[-1] or 0, what) from error
    for name, value in list(module.__dict__.items()):
        if isinstance(value, FunctionType) and _is_of(value, path):
            # Numba calls what it has compiled only; each function is, when another one calls it.
            module.__dict__[name] = jit(value)
    return module.__dict__


def _function(path: str, name: str, names: dict[str, Any]) -> Callable[..., Any]:
    """The function ``name``, undecorated."""
    found = getattr(names.get(name), "py_func", names.get(name))
    if not isinstance(found, FunctionType):
        defined = [
            key for key, value in names.items() if _is_of(getattr(value, "py_func", value), path)
        ]
        there = ", ".join(defined) if defined else "none"
        raise PolicyError(path, 0, f"no function {name}; expected one of its functions: {there}")
    try:
        inspect.signature(found).bind(None, None)
    except TypeError:
        given = f"{name}{inspect.signature(found)}"
        what = f"got {given}, expected {name}(packet, host)"
        raise PolicyError(path, _line_of(found), what) from None
    return found


def _is_of(value: object, path: str) -> bool:
    return isinstance(value, FunctionType) and value.__code__.co_filename == path


def _line_of(function: Callable[..., Any]) -> int:
    return int(function.__code__.co_firstlineno)


def _compiled(path: str, function: Callable[..., Any], source: str) -> Any:
    """The function pointer."""
    written = _jitted(function)
    try:
        written.compile(POLICY_TYPES)
    except (NumbaError, UnsupportedBytecodeError) as error:
        raise _refused(path, function, error) from error
    _verify_only_memory_is_written(path, function, source)
    returned = written.nopython_signatures[0].return_type
    if isinstance(returned, types.Integer):
        choose = _steering_to(written)
    elif _is_pair(returned):
        choose = _choosing(written)
    else:
        what = f"{function.__name__} returns {returned}; {RETURNS}"
        raise PolicyError(path, _line_of(function), what)
    pointer = numba.njit(nogil=True)(trampoline(numba.njit(nogil=True)(choose), function))
    compile_for(pointer, STEER_SIGNATURE)
    return pointer


def _verify_only_memory_is_written(path: str, function: Callable[..., Any], source: str) -> None:
    """Check its types with all arrays but its memory read-only: what they hold is the model's own.

    Machine code of that would take half the time of compiling, and nobody would run it.
    """
    reading = _function(path, function.__name__, _execute(path, source, uncompiled))
    try:
        uncompiled(reading).compile(READING_TYPES)
    except (NumbaError, AttributeError) as error:  # with writable ones it was compiled before
        line = _refused(path, function, error).line
        what = f"{function.__name__} changes what it may only read"
        raise PolicyError(path, line, f"{what}; host.memory is what it may change") from error


def _is_pair(kind: Any) -> bool:
    is_tuple = isinstance(kind, types.BaseTuple) and len(kind) == 2
    return is_tuple and all(isinstance(item, types.Integer) for item in kind)


def _steering_to(written: Callable[..., int]) -> Choose:
    def choose(packet: Packet, host: Host) -> tuple[int, int]:
        cpu = written(packet, host)
        return cpu, codes.CHOICE_NONE if cpu == packet.here else codes.CHOICE_FIRST

    return choose


def _choosing(written: Callable[..., tuple[int, int]]) -> Choose:
    def choose(packet: Packet, host: Host) -> tuple[int, int]:
        cpu, choice = written(packet, host)
        if choice not in CHOICES:
            raise ValueError("the steering policy returned a choice that does not exist")
        return cpu, choice

    return choose


def _refused(path: str, function: Callable[..., Any], error: Exception) -> PolicyError:
    """The error for what Numba refused to compile, reduced to Numba's own first message."""
    text = _COLOURS.sub("", str(error))
    at = getattr(error, "loc", None)
    if at is not None and at.filename == path:
        line = at.line
    else:
        named = re.findall(rf'{re.escape(Path(path).name)}"?,? (?:line |\()(\d+)', text)
        line = min(map(int, named), default=_line_of(function))
    said = [one.strip() for one in text.splitlines() if not one.startswith("Failed in ")]
    what = next((one for one in said if one), type(error).__name__).split(". Raised from")[0]
    return PolicyError(path, line, f"Numba cannot compile {function.__name__}: {what}")


def _checked(name: str, path: str, function: Callable[..., Any]) -> Choose:
    """The function in plain Python, with its result checked."""

    def choose(packet: Packet, host: Host) -> tuple[int, int]:
        packet = Packet(*map(int, packet))  # NumPy's integers do not raise at a division by zero
        answer = function(packet, host)
        if not isinstance(answer, tuple):
            answer = answer, codes.CHOICE_NONE if answer == packet.here else codes.CHOICE_FIRST
        wrong, expected = _wrong(answer, len(host.load))
        if wrong:
            where = f"CPU {packet.here} before {codes.STAGE_NAMES[packet.stage]}"
            what = f"{name} returned {wrong} for a packet on {where}; {expected}"
            raise PolicyError(path, _line_of(function), what)
        return int(answer[0]), int(answer[1])

    return choose


def _wrong(answer: tuple[Any, ...], cpus: int) -> tuple[str, str]:
    """What is wrong with the answer of a policy, and what is expected; or nothing."""
    try:
        cpu, choice = (int(value.__index__()) for value in answer)
    except (AttributeError, ValueError):
        return repr(answer), RETURNS
    if not 0 <= cpu < cpus:
        return f"CPU {cpu}", f"expected 0 to {cpus - 1}"
    return ("", "") if choice in CHOICES else (f"choice {choice}", f"expected 0 to {CHOICES[-1]}")


def _interpreted(plain: Choose) -> Any:
    """A function pointer to a function of plain Python: some 10 µs a call."""
    if config.DISABLE_JIT:
        return trampoline(plain, plain)

    def choose(packet: Packet, host: Host) -> tuple[int, int]:
        with numba.objmode(answer="UniTuple(int64, 2)"):
            answer = plain(packet, host)
        return answer  # noqa: RET504  # Numba's block defines it

    pointer = numba.njit(trampoline(numba.njit(choose), choose))
    compile_for(pointer, STEER_SIGNATURE)
    return pointer
