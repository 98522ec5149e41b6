"""A lab's checks.py as a module: the checks in its order, and the parameters of a seed."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from labs.catalogue import Lab
from labs.checking import Check, Tournament
from labs.draw import Draw
from labs.errors import BrokenLab


@dataclass(frozen=True)
class Checks:
    """The checks of a lab, the function that draws what they are checked with, and right answers.

    Attributes:
        answers: parameters → what answers.toml has to say; None where the lab asks for nothing.
        tournament: how submissions play against each other; None where they do not.
    """

    lab: Lab
    checks: tuple[Check, ...]
    parameters: Callable[[Draw], dict[str, Any]]
    answers: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    tournament: Tournament | None = None


def load(lab: Lab) -> Checks:
    """Load the checks of a lab. Raises `BrokenLab`."""
    path = lab.folder / "checks.py"
    module = load_module(path, f"labs_checks_{lab.name.replace('-', '_')}")
    checks = tuple(one for one in vars(module).values() if isinstance(one, Check))
    _verify(path, checks, hasattr(module, "parameters"))
    tournament = next((one for one in vars(module).values() if isinstance(one, Tournament)), None)
    return Checks(lab, checks, module.parameters, getattr(module, "answers", None), tournament)


def load_module(path: Path, name: str) -> ModuleType:
    """A lab author's file as a module. Raises `BrokenLab`."""
    if not path.is_file():
        raise BrokenLab(path, "missing")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None  # of a name that ends with .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BrokenLab(path, line_and_error(path, error)) from error
    return module


def _verify(path: Path, checks: tuple[Check, ...], has_parameters: bool) -> None:
    if not checks or not has_parameters:
        raise BrokenLab(path, "expected parameters(draw) and functions that are checks")
    seen: set[str] = set()
    for check in checks:
        if check.id in seen:
            raise BrokenLab(path, f"two checks {check.id}")
        if check.after and check.after not in seen:
            raise BrokenLab(path, f"{check.id}: no check {check.after} before it")
        if check.needs and check.points:
            raise BrokenLab(path, f"{check.id}: has points and needs {check.needs[0]}, which "
                            "not every machine has")  # fmt: skip
        if not (check.visible or check.hidden):
            raise BrokenLab(path, f"{check.id}: neither visible nor hidden")
        seen.add(check.id)


def line_and_error(path: Path, error: BaseException) -> str:
    """The error, with the innermost line of the file in which it was raised."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}"
