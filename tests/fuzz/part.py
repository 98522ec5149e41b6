"""One part of a fuzzing run: so many inputs of one target from one engine, and what came of it."""

import os
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from tests.fuzz.watch import WARM_UP, Hang, Leak, Watch, shrink


class Part:
    """Takes inputs one by one; leaves the process after the last, or with the first finding.

    libFuzzer's loop never returns, so only the part itself can end the process.
    """

    def __init__(
        self, name: str, engine: str, target: ModuleType, *, inputs: int, seed: int, out: Path
    ) -> None:
        self.name = name
        self.engine = engine
        self.target = target
        self.inputs = inputs
        self.seed = seed
        self.out = out
        self.watch = Watch(target.run)
        self._started = time.monotonic()
        self._stem = out / f"{name}-{engine}"

    def one(self, data: bytes) -> None:
        """Run one input; leaves the process with a finding."""
        try:
            self.watch.run(data)
        except (Exception, Hang) as error:  # noqa: BLE001  # of any class: it is a finding
            self.report(error)

    def pause(self) -> None:
        """Check memory, between inputs of the engine; leaves after the last input.

        Called between inputs, as often as the engine can.
        """
        watch = self.watch
        if watch.warm is None and watch.inputs >= self.inputs * WARM_UP:
            watch.settle()
        if watch.inputs >= self.inputs:
            try:
                self._end(watch.check_memory())
            except Leak as error:
                self.report(error)

    def report(self, error: BaseException) -> NoReturn:
        """Write the smallest input that shows a finding, and how to reproduce it, and exit."""
        data = self.watch.last
        if not isinstance(error, (Leak, Hang)):
            data = shrink(self.target.run, data)
        file = self._stem.with_suffix(".bin")
        file.write_bytes(data)
        show(self.target, file)
        traceback.print_exception(error, file=sys.stdout)
        print(f"FOUND by {self.name} ({self.engine}), input {self.watch.inputs}: {error!r}")
        print(f"  {len(data)} bytes in {file}; again: {self.again(file)}")
        _leave(1)

    def again(self, file: Path) -> str:
        """The command that runs an input once more."""
        return f"python -m tests.fuzz.run {self.name} --repeat {file}"

    def _end(self, memory: str) -> NoReturn:
        watch = self.watch
        common = ", ".join(f"{count} {word}" for word, count in watch.outcomes.most_common(3))
        rate = watch.inputs / (time.monotonic() - self._started)
        print(
            f"{self.name:9} {self.engine:6} {watch.inputs:6} inputs, {rate:6.0f} a second; "
            f"memory {memory}; {common}"
        )
        _leave(0)


def show(target: ModuleType, file: Path) -> None:
    """Write the decoded input beside it: a program, a frame."""
    for suffix, text in target.show(file.read_bytes()).items():
        file.with_suffix(f".shown.{suffix}").write_bytes(text)


def _leave(code: int) -> NoReturn:
    sys.stdout.flush()
    os._exit(code)
