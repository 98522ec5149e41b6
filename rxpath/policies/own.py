"""A policy of one's own, from a Python file: compiled, and with the line of what is wrong in it.

    policy = load("labs/policies/in_turn.py:in_turn")
    result = policy.run(lambda choose: experiment(Model(..., choose=choose)))

The function is a policy's (`rxpath.policies`), or gives the CPU alone: then the packet is steered
there, and stays unsteered where it is when that is the CPU it is on.  What it computes must follow
from what it is asked and from its memory.  The file is one for itself: it may import NumPy, Numba
and rxpath, its other functions want ``@numba.njit``.
"""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar

import numba
from numba import types
from numba.core import config
from numba.core.errors import NumbaError, UnsupportedBytecodeError

from rxpath.compile.jit import compile_for
from rxpath.errors import ConfigError, OwnPolicyError, RxPathError
from rxpath.model.policy import CHOOSE_SIGNATURE, POLICY_TYPES, Choose, Host, Packet, door
from rxpath.model.state import layout as lay

T = TypeVar("T")
CHOICES = (lay.CHOICE_NONE, lay.CHOICE_FIRST, lay.CHOICE_SECOND, lay.CHOICE_FALLBACK)
RETURNS = "expected (cpu, choice), two integers, or a CPU"


@dataclass(frozen=True)
class OwnPolicy:
    """A policy that was loaded from ``source``, the text of ``path``."""

    name: str
    path: str
    source: str
    function: Callable[..., Any]  # as it was written
    choose: Any  # for `rxpath.host.Model`

    def run(self, work: Callable[[Any], T]) -> T:
        """``work(choose)``, which is to run a model from its start, with the policy.

        When the policy fails, ``work`` is called again with a `choose` in plain Python, because
        compiled code does not always know at which line it failed.

        Raises:
            OwnPolicyError: the policy raised, or named a CPU or a choice that there is not.
        """
        try:
            return work(self.choose)
        except RxPathError:
            raise
        except Exception as error:
            blamed = self._blamed(error) or self._replayed(work)
            if blamed is None:
                raise
            raise blamed from error

    def _blamed(self, error: Exception) -> OwnPolicyError | None:
        """The error with its line, if the policy's file is where it was raised."""
        if isinstance(error, OwnPolicyError):
            return error
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == self.path]
        if not lines:
            return None
        what = f"{self.name} raised {type(error).__name__}: {error}"
        return OwnPolicyError(self.path, lines[-1] or 0, what)

    def _replayed(self, work: Callable[[Any], T]) -> OwnPolicyError | None:
        try:
            work(_interpreted(_checked(self.name, self.path, self.function)))
        except Exception as error:  # noqa: BLE001  # whatever the policy raises is what we look for
            return self._blamed(error)
        return None


def load(spec: str) -> OwnPolicy:
    """The policy ``FILE.py:NAME``. Raises `ConfigError`, for what the file holds `OwnPolicyError`.

    The file is read once and compiled by Numba, which takes a second.
    """
    path, colon, name = spec.rpartition(":")
    if not colon or not path.endswith(".py") or not name.isidentifier():
        raise ConfigError("policy", spec, "FILE.py:NAME, a file and a function in it")
    try:
        source = Path(path).read_text("utf-8")
    except OSError as error:
        raise OwnPolicyError(path, 0, f"expected a Python file: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise OwnPolicyError(path, 0, "expected text in UTF-8") from error
    return from_source(path, name, source)


def from_source(path: str, name: str, source: str) -> OwnPolicy:
    """As `load`, of a text that is at hand; ``path`` is what errors call it."""
    function = _function(path, name, _execute(path, source))
    if config.DISABLE_JIT:
        choose = door(_checked(name, path, function), function)
    else:
        choose = _compiled(path, function)
    return OwnPolicy(name, path, source, function, choose)


def _execute(path: str, source: str) -> dict[str, Any]:
    """The names that the file defines."""
    module = ModuleType(Path(path).stem)
    module.__file__ = path
    try:
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    except SyntaxError as error:
        raise OwnPolicyError(path, error.lineno or 0, f"expected Python: {error.msg}") from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == path]
        what = f"{type(error).__name__}: {error}"
        raise OwnPolicyError(path, (lines or [0])[-1] or 0, what) from error
    return module.__dict__


def _function(path: str, name: str, names: dict[str, Any]) -> Callable[..., Any]:
    """The function ``name``, undecorated."""
    found = getattr(names.get(name), "py_func", names.get(name))
    if not isinstance(found, FunctionType):
        own = [
            key for key, value in names.items() if _is_of(getattr(value, "py_func", value), path)
        ]
        there = ", ".join(own) if own else "none"
        raise OwnPolicyError(path, 0, f"no function {name}; expected one of its functions: {there}")
    try:
        inspect.signature(found).bind(None, None)
    except TypeError:
        given = f"{name}{inspect.signature(found)}"
        what = f"got {given}, expected {name}(packet, host)"
        raise OwnPolicyError(path, _line_of(found), what) from None
    return found


def _is_of(value: object, path: str) -> bool:
    return isinstance(value, FunctionType) and value.__code__.co_filename == path


def _line_of(function: Callable[..., Any]) -> int:
    return int(function.__code__.co_firstlineno)


def _compiled(path: str, function: Callable[..., Any]) -> Any:
    """The function pointer; bounds are checked, for a student's index is no kernel's."""
    own = numba.njit(nogil=True, boundscheck=True)(function)
    try:
        own.compile(POLICY_TYPES)
    except (NumbaError, UnsupportedBytecodeError) as error:
        raise _refused(path, function, error) from error
    returned = own.nopython_signatures[0].return_type
    if isinstance(returned, types.Integer):
        choose = _steering_to(own)
    elif _is_pair(returned):
        choose = _choosing(own)
    else:
        what = f"{function.__name__} returns {returned}; {RETURNS}"
        raise OwnPolicyError(path, _line_of(function), what)
    pointer = numba.njit(nogil=True)(door(numba.njit(nogil=True)(choose), function))
    compile_for(pointer, CHOOSE_SIGNATURE)
    return pointer


def _is_pair(kind: Any) -> bool:
    is_tuple = isinstance(kind, types.BaseTuple) and len(kind) == 2
    return is_tuple and all(isinstance(item, types.Integer) for item in kind)


def _steering_to(own: Callable[..., int]) -> Choose:
    def choose(packet: Packet, host: Host) -> tuple[int, int]:
        cpu = own(packet, host)
        return cpu, lay.CHOICE_NONE if cpu == packet.here else lay.CHOICE_FIRST

    return choose


def _choosing(own: Callable[..., tuple[int, int]]) -> Choose:
    def choose(packet: Packet, host: Host) -> tuple[int, int]:
        cpu, choice = own(packet, host)
        if choice not in CHOICES:
            raise ValueError("the steering policy returned a choice that there is not")
        return cpu, choice

    return choose


def _refused(path: str, function: Callable[..., Any], error: Exception) -> OwnPolicyError:
    """What Numba complains about, without its page of how it came to see it."""
    text = str(error)
    at = getattr(error, "loc", None)
    if at is not None and at.filename == path:
        line = at.line
    else:
        named = re.findall(rf'{re.escape(Path(path).name)}"?,? (?:line |\()(\d+)', text)
        line = min(map(int, named), default=_line_of(function))
    said = [one.strip() for one in text.splitlines() if not one.startswith("Failed in ")]
    what = next((one for one in said if one), type(error).__name__).split(". Raised from")[0]
    return OwnPolicyError(path, line, f"Numba cannot compile {function.__name__}: {what}")


def _checked(name: str, path: str, function: Callable[..., Any]) -> Choose:
    """The function in plain Python, with its answer looked at."""

    def choose(packet: Packet, host: Host) -> tuple[int, int]:
        packet = Packet(*map(int, packet))  # NumPy's integers do not raise at a division by zero
        answer = function(packet, host)
        if not isinstance(answer, tuple):
            answer = answer, lay.CHOICE_NONE if answer == packet.here else lay.CHOICE_FIRST
        wrong, expected = _wrong(answer, len(host.load))
        if wrong:
            where = f"CPU {packet.here} before {lay.STAGE_NAMES[packet.stage]}"
            what = f"{name} returned {wrong} for a packet on {where}; {expected}"
            raise OwnPolicyError(path, _line_of(function), what)
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
        return door(plain, plain)

    def choose(packet: Packet, host: Host) -> tuple[int, int]:
        with numba.objmode(answer="UniTuple(int64, 2)"):
            answer = plain(packet, host)
        return answer  # noqa: RET504  # Numba's block defines it

    pointer = numba.njit(door(numba.njit(choose), choose))
    compile_for(pointer, CHOOSE_SIGNATURE)
    return pointer
