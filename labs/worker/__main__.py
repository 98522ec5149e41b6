"""``python -m labs.worker FOLDER [--trial FILE] [--policy NAME]…``: runs a student's files.

One request a line on standard input, answers on standard output (`labs.worker.messages`):

    {"id": 1, "do": "call", "file": "vxlan.py", "name": "encapsulate", "args": […], "kwargs": {…}}
    {"id": 2, "do": "trial", "name": "saturate", "kwargs": {…}}
    {"id": 3, "do": "value", "file": "vxlan.py", "name": "PORT"}
    {"id": 4, "do": "forget"}, {"id": 5, "do": "warm"}, {"id": 6, "do": "move", "folder": …}

    {"printed": "text"} and {"tried": "text"}, any number of times, then one of
    {"id": 1, "value": …}
    {"id": 1, "refused": {"file": …, "line": …, "what": …, "text": …, "kind": …}}

`kind`: unwritten (a gap of the student's file), time (too long), error (anything else).
"""

from __future__ import annotations

import io
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from labs.worker import limits, messages
from labs.worker.guard import Guard, limit
from labs.worker.loading import Files, Refused, called

CHUNK = 4096  # characters of a message with output


class Printed(io.TextIOBase):
    """The student's standard output: goes to the checker, which bounds and shows it."""

    def __init__(self, answers: BinaryIO) -> None:
        self.answers = answers

    def writable(self) -> bool:
        """As of every standard output."""
        return True

    def write(self, text: str) -> int:
        """Send the text at once: it is seen even when the student's code never returns."""
        for start in range(0, len(text), CHUNK):
            self.answers.write(messages.dump({"printed": text[start : start + CHUNK]}))
            self.answers.flush()
        return len(text)


def main(argv: list[str]) -> int:
    """Answer requests until their end."""
    parser = ArgumentParser(prog="labs.worker")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trial", type=Path)
    parser.add_argument("--policy", action="append", default=[])
    parser.add_argument("--guarded", action="store_true")
    options = parser.parse_args(argv)
    requests, answers = _pipes()
    sys.stdout = sys.stderr = Printed(answers)
    sys.dont_write_bytecode = True
    limits.bound()
    files = Files(options.policy, options.trial)
    folder = options.folder.resolve()
    files.move(folder)
    serve(files, requests, answers, _guard(str(folder), answers) if options.guarded else None)
    return 0


def _guard(folder: str, answers: BinaryIO) -> Guard:
    """Of a worker in a sandbox: bounds it, and reports what the student's code tries."""
    dump = messages.dump  # as it is now, whatever the student's code makes of it

    def tell(what: str) -> None:
        answers.write(dump({"tried": what}))
        answers.flush()

    limit()
    guard = Guard(folder, tell)
    guard.install()
    return guard


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Requests and answers, out of the way of what the student's code reads and prints."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")


def serve(
    files: Files, requests: Iterable[bytes], answers: BinaryIO, guard: Guard | None = None
) -> None:
    """Answer each request, whatever the student's code does."""
    process = os.getpid()
    for line in requests:
        request = messages.load(line)
        answer = answered(files, request)
        if os.getpid() != process:  # the student's code forked, and this is the child
            os._exit(0)
        if guard is not None:
            guard.verify()
        answers.write(answer)
        answers.flush()


def answered(files: Files, request: dict[str, Any]) -> bytes:
    """The line that answers a request."""
    number = request["id"]
    try:
        with limits.processor_time(request.get("seconds", limits.CALL_SECONDS)):
            line = messages.dump({"id": number, "value": perform(files, request)})
        if len(line) > limits.MOST_ANSWER:
            raise Refused(request["file"], 0, f"returned more than {limits.MOST_ANSWER >> 20} MiB")
    except BaseException as error:  # noqa: BLE001  # also SystemExit and TimeIsUp
        return messages.dump({"id": number, "refused": refusal(files, request, error)})
    return line


def perform(files: Files, request: dict[str, Any]) -> Any:
    """Do what is asked for."""
    do, name = request["do"], request.get("name", "")
    if do == "forget":
        return files.forget()
    if do == "move":
        return files.move(Path(request["folder"]))
    if do == "warm":
        warm = getattr(files.run_trial(), "warm", None) if files.trial else None
        return warm() and None if warm else None
    if do == "trial":
        return called(files.run_trial(), "trial.py", name)(**request["kwargs"])
    module = files.module(request["file"])
    if do == "value":
        if not hasattr(module, name):
            raise Refused(request["file"], 0, f"there is no {name}")
        return getattr(module, name)
    return called(module, request["file"], name)(*request["args"], **request["kwargs"])


def refusal(files: Files, request: dict[str, Any], error: BaseException) -> dict[str, Any]:
    """What goes into an answer when a request failed."""
    file, name = request.get("file", "trial.py"), request.get("name", "")
    kind, what = "error", ""
    if isinstance(error, limits.TimeIsUp):
        kind = "time"
    elif isinstance(error, NotImplementedError):
        kind = "unwritten"
    elif isinstance(error, messages.Unsendable):
        expected = "expected numbers, text, bytes, lists or dicts"
        what = f"{name}() returned {error}; {expected}"
    found = files.refusal(error, file, what)
    return {"kind": kind, "file": found.file, "line": found.line, "what": found.what,
            "text": found.text}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
