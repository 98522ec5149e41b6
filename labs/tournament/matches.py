"""Plays the rounds: each submission in a sandbox, opponents as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labs import judging, process
from labs.checking import CheckFailed, Student, Tournament
from labs.errors import LabsError
from labs.grading.grader import folder_of, select_files
from labs.grading.submissions.collect import Submission
from labs.judging import Checks
from labs.student import Wrap


class NoTournament(LabsError):
    """The lab's submissions cannot play against each other."""

    def __init__(self, lab: str) -> None:
        self.lab = lab
        super().__init__(f"{lab}: its submissions do not play against each other; lab 10's do")


class DidNotPlay(Exception):
    """A submission that cannot play; the text says why."""


@dataclass(frozen=True)
class Matches:
    """Rounds of a lab's tournament.

    Attributes:
        checks: of the lab.
        rules: its tournament.
        given: the parameters, one for each seed.
        scratch: where folders of submissions are made.
    """

    checks: Checks
    rules: Tournament
    given: Sequence[dict[str, Any]]
    scratch: Path

    @property
    def rounds(self) -> list[str]:
        """The name of each round, over all seeds."""
        return [name for given in self.given for name in self.rules.rounds(given)]

    def opponents(self) -> dict[str, list[float]]:
        """The opponents' scores by their names; leaves compiled kernels behind for all."""
        with Student(self.scratch, self.checks.lab.trial) as student:
            return {
                title: self._scores(student, player)
                for player, title in self.rules.opponents.items()
            }

    def play(self, submission: Submission, wrap: Callable[[Path], Wrap]) -> list[float]:
        """A submission's scores. Raises `DidNotPlay`."""
        lab = self.checks.lab
        files, notes = select_files(submission, lab.settings.files)
        if self.rules.player not in files:
            raise DidNotPlay("; ".join([*submission.notes, *notes]))
        try:
            with (
                folder_of(self.scratch, files, self.given[0]) as folder,
                Student(folder, lab.trial, lab.settings.policies, wrap(folder)) as student,
            ):
                return self._scores(student, self.rules.player)
        except CheckFailed as failed:
            raise DidNotPlay(": ".join(filter(None, (failed.message, failed.seen)))) from None

    def _scores(self, student: Student, player: str) -> list[float]:
        found: list[float] = []
        for given in self.given:
            found += self.rules.scores(student, given, player)
        return found


def matches(checks: Checks, seeds: Sequence[str], scratch: Path) -> Matches:
    """The rounds of some seeds. Raises `NoTournament`."""
    if checks.tournament is None:
        raise NoTournament(checks.lab.name)
    given = [judging.parameters(checks, seed) for seed in seeds]
    return Matches(checks, checks.tournament, given, scratch)


def play_all(
    found: Matches,
    submissions: Sequence[Submission],
    wrap: Callable[[Path], Wrap],
    jobs: int,
    tell: Callable[[str, str], None],
) -> tuple[Mapping[str, list[float]], Mapping[str, str]]:
    """Scores of those who played, and why others did not; `jobs` at once. Ctrl-C ends workers."""

    def played(submission: Submission) -> list[float] | str:
        try:
            return found.play(submission, wrap)
        except DidNotPlay as error:
            return str(error)

    scores: dict[str, list[float]] = {}
    absent: dict[str, str] = {}
    with ThreadPoolExecutor(jobs, thread_name_prefix="play") as pool:
        playing = {one.id: pool.submit(played, one) for one in submissions}
        try:
            for name, future in playing.items():
                result = future.result()
                if isinstance(result, str):
                    absent[name] = result
                else:
                    scores[name] = result
                tell(name, absent.get(name, ""))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            process.end_all()
            raise
    return scores, absent
