"""What a lab's ``checks.py`` is written with.

    def parameters(draw: Draw) -> dict:
        return {"vni": draw.integer(1, 2**24 - 1)}

    @check("vni", "The VNI stands in bytes 4 to 6", points=2, hints=("See RFC 7348, section 5.",))
    def vni(student: Student, given: dict) -> None:
        header = student.call("vxlan.py", "header", given["vni"], returns=bytes)
        expect(header[4:7] == given["vni"].to_bytes(3, "big"), "the VNI is elsewhere", seen=header)

`parameters` returns JSON's types; each student's are drawn from the id, those of hidden checks from
other seeds.  Checks run in the order of the file.  They run in the checker: what the student wrote
runs in another process, which `Student` asks.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from labs.draw import Draw
from labs.needs import Need, available
from labs.student import CheckFailed, Student, shown

__all__ = [
    "TRUTH", "CheckFailed", "Draw", "Student", "Tournament", "available", "beside", "check",
    "expect", "fail",
]  # fmt: skip

TRUTH = "truth"  # a lab's folder with what its checks are made of; no sandbox shows it
Function = Callable[[Student, dict[str, Any]], None]
NOTHING = object()


def beside(checks: str, name: str) -> Any:
    """A module of the folder ``truth/`` beside a ``checks.py``, loaded once.

    Args:
        checks: the ``__file__`` of checks.py, or of another module in that folder.
        name: the module's.

    Raises:
        FileNotFoundError: there is no such module.
    """
    folder = Path(checks).resolve().parent
    path = (folder if folder.name == TRUTH else folder / TRUTH) / f"{name}.py"
    key = f"labs_truth_{path}"
    if key not in sys.modules:
        spec = importlib.util.spec_from_file_location(key, path)
        assert spec is not None
        assert spec.loader is not None  # of a name that ends with .py
        module = importlib.util.module_from_spec(spec)
        sys.modules[key] = module  # dataclasses look their module up
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[key]
            raise
    return sys.modules[key]


@dataclass(frozen=True)
class Check:
    """A check of a lab.

    Attributes:
        id: its name in commands and grades.
        title: what holds when it passes.
        points: what it is worth; 0 when it needs what not every machine has.
        hints: each says more than the one before.
        visible: run by ``check`` with the student's own parameters.
        hidden: run for a grade with other parameters.
        needs: means that a machine may lack; without them it is left out.
        after: the id of a check before it; until that one passes, this one is not run.
    """

    id: str
    title: str
    function: Function
    points: int = 1
    hints: tuple[str, ...] = ()
    visible: bool = True
    hidden: bool = True
    needs: tuple[Need, ...] = ()
    after: str = ""


@dataclass(frozen=True)
class Tournament:
    """How submissions of a lab play against each other, for `labs tournament`.

    Attributes:
        rounds: parameters → what each round is called.
        scores: student, parameters, player → a score for each round, above 0, higher is better. A
            player is the student's own file, or an opponent.
        player: the student's file.
        opponents: players that everybody meets → what they are called.
    """

    rounds: Callable[[dict[str, Any]], list[str]]
    scores: Callable[[Student, dict[str, Any], str], list[float]]
    player: str
    opponents: Mapping[str, str]


def check(
    id: str,  # noqa: A002  # what a check is called by
    title: str,
    points: int = 1,
    hints: Sequence[str] = (),
    visible: bool = True,
    hidden: bool = True,
    needs: Sequence[Need] = (),
    after: str = "",
) -> Callable[[Function], Check]:
    """Make a function a check of the lab; what the arguments mean: `Check`."""

    def made(function: Function) -> Check:
        return Check(
            id, title, function, points, tuple(hints), visible, hidden, tuple(needs), after
        )

    return made


def expect(
    condition: object, message: str, seen: object = NOTHING, expected: object = NOTHING
) -> None:
    """Fail the check with `message` unless the condition holds. Raises `CheckFailed`."""
    if not condition:
        fail(message, seen, expected)


def fail(message: str, seen: object = NOTHING, expected: object = NOTHING) -> NoReturn:
    """Fail the check: `message` is what is wrong, in one sentence. Raises `CheckFailed`."""
    raise CheckFailed(message, *("" if one is NOTHING else shown(one) for one in (seen, expected)))
