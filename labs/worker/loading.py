"""The student's files and the lab's trial as modules, and errors with the student's line."""

from __future__ import annotations

import contextlib
import importlib.util
import linecache
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from labs.worker import policy_file
from labs.worker.limits import TimeIsUp

LONGEST = 300  # characters of an error's text
TRIAL = "trial"  # the module's name


class Refused(Exception):
    """What a student gets to read: `file`, `line` (0: none), its `text` and `what` is wrong."""

    def __init__(self, file: str, line: int, what: str, text: str = "") -> None:
        super().__init__(what)
        self.file, self.line, self.what, self.text = file, line, what, text


class Files:
    """The files of a student, in `folder`; `policies` among them must be pure."""

    def __init__(self, policies: Sequence[str], trial: Path | None) -> None:
        self.policies, self.trial = policies, trial
        self.folder = Path("/")
        self._trial: ModuleType | None = None

    def move(self, folder: Path) -> None:
        """Stand in a student's folder; another one is forgotten."""
        self.forget()
        with contextlib.suppress(ValueError):
            sys.path.remove(str(self.folder))
        self.folder = folder
        sys.path.append(str(folder))  # behind the installed packages: a json.py hides nothing
        importlib.invalidate_caches()
        os.chdir(folder)

    def module(self, name: str) -> ModuleType:
        """The student's file, which is run when it was not since `forget`."""
        self.verify_policies([name])
        path = self._path(name)
        module = sys.modules.get(path.stem)
        if module is not None and getattr(module, "__file__", None) == str(path):
            return module
        return _run(path, path.stem)

    def run_trial(self) -> ModuleType:
        """The lab's trial.py, loaded once: it does what the lab's author wrote."""
        there = [name for name in self.policies if (self.folder / name).is_file()]
        self.verify_policies(there)  # of one that is missing nothing can run
        if self._trial is None:
            if self.trial is None:
                raise Refused("lab.toml", 0, "the lab has no trial.py")
            self._trial = _run(self.trial, TRIAL)
        return self._trial

    def forget(self) -> None:
        """Forget the student's modules, so that no check sees what another one left in them."""
        inside = str(self.folder) + "/"
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(inside):
                del sys.modules[name]
        linecache.clearcache()

    def verify_policies(self, names: Sequence[str]) -> None:
        """Raise `Refused` unless those of the files that have to be are pure policies."""
        for name in set(names) & set(self.policies):
            source = self._text(name)
            try:
                found = policy_file.wrong(source)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                raise self.refusal(error, name) from error
            if found:
                line, what = found
                raise Refused(name, line, what, _line(source, line))

    def refusal(self, error: BaseException, name: str, what: str = "") -> Refused:
        """An exception as what the student gets: the innermost line of the student's in it."""
        if isinstance(error, Refused):
            return error
        if isinstance(error, ModuleNotFoundError) and f"{error.name}.py" in self.policies:
            return Refused(f"{error.name}.py", 0, "there is no such file")
        said = what or _said(error)
        if isinstance(error, SyntaxError) and error.filename:
            file = self._own(error.filename) or name
            return Refused(file, error.lineno or 0, said, (error.text or "").strip())
        path, line = getattr(error, "path", None), getattr(error, "line", None)
        if isinstance(path, str) and isinstance(line, int):  # of rxpath: a policy that failed
            file = self._own(str(Path(path).absolute())) or Path(path).name
            what = str(error).removeprefix(f"{path}:{line}: ").removeprefix(f"{path}: ")
            return Refused(file, line, _short(what), _line(self._text(file), line))
        found = [
            (own, frame)
            for frame in traceback.extract_tb(error.__traceback__)
            if (own := self._own(frame.filename))
        ]
        if found:
            own, frame = found[-1]
            return Refused(own, frame.lineno or 0, said, (frame.line or "").strip())
        return Refused(name, 0, said)

    def _own(self, path: str) -> str:
        """The name of a student's file; "" of any other. A relative path is of the folder."""
        if not Path(path).is_absolute() and not (self.folder / path).is_file():
            return ""  # such as <frozen runpy>
        try:
            return str((self.folder / path).relative_to(self.folder))
        except ValueError:
            return ""

    def _path(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise Refused(name, 0, "there is no such file")
        return path

    def _text(self, name: str) -> str:
        try:
            return self._path(name).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise Refused(name, 0, "expected text in UTF-8") from error


def _run(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None  # of a name that ends with .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def called(module: ModuleType, file: str, function: str) -> Any:
    """The function of a module. Raises `Refused`."""
    found = getattr(module, function, None)
    if not callable(found):
        raise Refused(file, 0, f"there is no function {function}")
    return found


def _said(error: BaseException) -> str:
    if isinstance(error, NotImplementedError):
        return f"not written yet: {error}" if str(error) else "not written yet"
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    if isinstance(error, TimeIsUp):
        return "it takes too long"
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # the student's own class may raise anything there
        text = "(its text cannot be shown)"
    return _short(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _short(text: str) -> str:
    first = " ".join(text.split())
    return first if len(first) <= LONGEST else f"{first[:LONGEST]}…"


def _line(source: str, line: int) -> str:
    lines = source.splitlines()
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""
