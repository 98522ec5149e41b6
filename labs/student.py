"""A student's files as a check sees them: read here, run in a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labs import toml_text
from labs.process import REAL_SECONDS, START_SECONDS, Ended, Process, command
from labs.worker.limits import CALL_SECONDS
from rxpath import texts
from rxpath.reading import read_text
from rxpath.texts import escaped

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

TRIAL = "trial.py"  # what a lab runs beside a student's files
MOST_TEXT = 256 * 1024  # bytes of a file that a check reads
MOST_SHOWN = 300  # characters of a value in a verdict
MOST_PRINTED = 2000  # characters of output in a verdict
MOST_MESSAGE = 500  # characters
MOST_BYTES = 64  # of a value in a verdict
NAMES = {bytes: "bytes", dict: "a dict", float: "a number", int: "an integer", list: "a list",
         str: "text", bool: "True or False", type(None): "None"}  # fmt: skip
Wrap = Callable[[Sequence[str]], Sequence[str]]


class CheckFailed(Exception):
    """A check does not hold: `message` in one sentence, what was `seen` and what `expected`."""

    def __init__(self, message: str, seen: str = "", expected: str = "", kind: str = "") -> None:
        super().__init__(message)
        self.message, self.seen, self.expected, self.kind = message, seen, expected, kind


class Student:
    """The files of a student in `folder`, for checks.

    Each call of the student's code has 10 s of processor time.  What fails in it fails the check,
    with the student's line.

    Args:
        folder: holds the files.
        trial: the lab's trial.py, if it has one.
        policies: files that must be pure policies.
        wrap: the worker's command → the command that is run, such as one that has a sandbox.
        apart: the trials of each check have a worker of their own.
    """

    def __init__(
        self,
        folder: Path,
        trial: Path | None = None,
        policies: Sequence[str] = (),
        wrap: Wrap = tuple,
        apart: bool = False,
    ) -> None:
        self.folder, self.printed = folder, ""
        self._trial, self._policies, self._wrap = trial, tuple(policies), wrap
        self._hash_seed = 0
        self.tried: list[str] = []  # by the code, since the check began
        self._apart = apart
        self._workers: dict[str, Process] = {}

    # -- what checks use --------------------------------------------------------------------------

    def call(
        self, file: str, function: str, *args: Any, returns: Any = object, **kwargs: Any
    ) -> Any:
        """What a function of the student's returns, which must be of the type `returns`.

        Tuples come back as lists, NumPy's numbers as Python's.
        """
        request = {"do": "call", "file": file, "name": function, "args": args, "kwargs": kwargs}
        value = self._ask("calls", request, file)
        if returns is not object and not _is_a(value, returns):
            what = f"{file}: {function}() returned {_kind(value)}, expected {_named(returns)}"
            raise CheckFailed(what, seen=shown(value))
        return value

    def value(self, file: str, name: str) -> Any:
        """The value of a name at the level of a student's file."""
        return self._ask("calls", {"do": "value", "file": file, "name": name}, file)

    def trial(self, name: str, **kwargs: Any) -> Any:
        """What a function of the lab's trial.py returns, which runs beside the student's files."""
        return self._ask("trials", {"do": "trial", "name": name, "kwargs": kwargs}, TRIAL)

    def text(self, file: str) -> str:
        """The text of a student's file."""
        path = self.folder / file
        if path.is_symlink() or not path.exists():
            raise CheckFailed(f"{file}: there is no such file")
        try:
            return read_text(path, MOST_TEXT)
        except UnicodeDecodeError:
            raise CheckFailed(f"{file}: expected text in UTF-8") from None
        except OSError as error:
            raise CheckFailed(f"{file}: {error.strerror}") from None

    def toml(self, file: str) -> dict[str, Any]:
        """The answers of a student's TOML file."""
        text = self.text(file)
        try:
            return toml_text.loads(text)
        except ValueError as error:
            raise CheckFailed(f"{file}: expected TOML: {escaped(str(error), MOST_SHOWN)}") from None

    def restart(self, hash_seed: int = 0) -> None:
        """Have the next call run in a new process, whose `hash` of texts follows from the seed."""
        self.close()
        self._hash_seed = hash_seed

    # -- what runs checks uses --------------------------------------------------------------------

    def fresh(self) -> None:
        """Forget what the student's modules hold, and what was printed: another check begins."""
        self.printed = ""
        if self._hash_seed or self.tried:
            self.restart()
        if self._apart and "trials" in self._workers:
            self._workers.pop("trials").close()
        self.tried = []
        for kind, worker in list(self._workers.items()):
            try:
                worker.ask({"do": "forget"})
            except Ended:  # noqa: PERF203
                del self._workers[kind]

    def move(self, folder: Path) -> None:
        """Go on with the files in another folder, in the same processes where they live.

        For files that are trusted: what the former ones did to their process stays done.
        """
        self.folder = folder
        for kind, worker in list(self._workers.items()):
            try:
                worker.ask({"do": "move", "folder": str(folder.resolve())})
            except Ended:  # noqa: PERF203
                del self._workers[kind]

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, kind: str, request: dict[str, Any], file: str) -> Any:
        """Ask the worker of calls or that of trials: what the first runs, the second never saw."""
        what = file if request["do"] == "value" else f"{file}: {request['name']}()"
        try:
            worker = self._worker(kind)
            try:
                answer = worker.ask(request)
            finally:
                self.printed = (self.printed + worker.printed)[:MOST_PRINTED]
                worker.printed = ""
                self.tried += worker.tried
                worker.tried = []
        except Ended as error:
            self._workers.pop(kind, None)
            if error.time:
                who = (
                    f"{', '.join(self._policies)}, run by {what},"
                    if kind == "trials" and self._policies
                    else what
                )
                late = f"{who} did not return within {REAL_SECONDS:g} s of real time"
                raise CheckFailed(late, kind="time") from None
            raise CheckFailed(f"{what} {error.what}", kind="error") from None
        if "refused" in answer:
            raise _failed(answer["refused"], what)
        return answer.get("value")

    def _worker(self, kind: str) -> Process:
        found = self._workers.get(kind)
        if found is None:
            words = command(self.folder, self._trial, self._policies)
            found = self._workers[kind] = Process(self._wrap(words), self._hash_seed)
            # What the first answer waits for: imports, and kernels that are compiled once.
            do = "warm" if kind == "trials" else "forget"
            found.ask({"do": do, "seconds": START_SECONDS}, START_SECONDS)
        return found


def _failed(refused: Any, what: str) -> CheckFailed:
    """The failure that a worker's refusal makes; a worker may send anything."""
    if not isinstance(refused, dict):
        return CheckFailed(f"{what} broke the pipe to the checker", kind="error")
    file, line, said, text, kind = (
        refused.get(key) for key in ("file", "line", "what", "text", "kind")
    )
    where = str(file) + (f", line {line}" if isinstance(line, int) and line else "")
    if kind == "time":
        # Without the line, which would differ from run to run.
        who = what if str(file) in what else f"{file}, run by {what},"
        return CheckFailed(f"{who} used more than {CALL_SECONDS} s of processor time", kind="time")
    message = escaped(f"{where}: {said}", MOST_MESSAGE)
    seen = escaped(str(text), MOST_SHOWN) if text and kind != "unwritten" else ""
    return CheckFailed(message, seen=seen, kind="unwritten" if kind == "unwritten" else "error")


def shown(value: object) -> str:
    """A value as a verdict shows it: text as it is, bytes as hexadecimal, all of it shortened."""
    if isinstance(value, str):
        return escaped(value, MOST_SHOWN)
    if isinstance(value, bytes):
        more = f"… ({len(value)} bytes)" if len(value) > MOST_BYTES else ""
        return (value[:MOST_BYTES].hex(" ") or "no bytes") + more
    return texts.shown(value)


def _is_a(value: Any, kind: Any) -> bool:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, kinds) or (float in kinds and isinstance(value, int))


def _named(kind: Any) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(NAMES.get(one, one.__name__) for one in kinds)


def _kind(value: Any) -> str:
    return NAMES.get(type(value), type(value).__name__)
