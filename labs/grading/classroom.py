"""Grades a class: some submissions at once, and what was graded is kept when it is interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from labs import process
from labs.grading.grader import Grader
from labs.grading.grades import Grade
from labs.grading.submissions.collect import Submission
from labs.student import Wrap


class Stopped(BaseException):
    """The class is interrupted; no Exception, so that no check takes it for the student's."""


class Classroom:
    """Grades submissions with `grader`, `jobs` at once.

    Attributes:
        grades: of those that were graded, in the order in which they ended.
        interrupted: whether the rest was left.
    """

    def __init__(self, grader: Grader, jobs: int, tell: Callable[[Grade], None]) -> None:
        self.grades: list[Grade] = []
        self.interrupted = False
        self._jobs, self._tell = jobs, tell
        self._stop = threading.Event()
        self._grader = replace(
            grader, wrap=lambda folder: self._unless_stopped(grader.wrap(folder))
        )

    def run(self, submissions: Sequence[Submission]) -> None:
        """Grade them. Ctrl-C leaves no process behind, and sets `interrupted`."""
        with ThreadPoolExecutor(self._jobs, thread_name_prefix="grade") as pool:
            left = {pool.submit(self._graded, one) for one in submissions}
            try:
                while left:
                    done, left = wait(left, timeout=0.5, return_when=FIRST_COMPLETED)
                    self._take(done)
            except BaseException as error:
                self._stop.set()
                running = {future for future in left if not future.cancel()}
                while running:  # a worker may have been starting
                    process.end_all()
                    running = wait(running, timeout=0.05).not_done
                if not isinstance(error, KeyboardInterrupt):
                    raise
                self.interrupted = True

    def _unless_stopped(self, wrap: Wrap) -> Wrap:
        def wrapped(words: Sequence[str]) -> Sequence[str]:
            if self._stop.is_set():
                raise Stopped
            return wrap(words)

        return wrapped

    def _take(self, done: set[Future[Grade]]) -> None:
        for future in done:
            grade = future.result()
            self.grades.append(grade)
            self._tell(grade)

    def _graded(self, submission: Submission) -> Grade:
        if self._stop.is_set():
            raise Stopped
        grade = self._grader.grade(submission)
        if self._stop.is_set():  # its workers were ended under it
            raise Stopped
        return grade
