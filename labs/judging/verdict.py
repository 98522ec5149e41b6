"""The result of a check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["passed", "failed", "not reached", "left out"]


@dataclass(frozen=True)
class Verdict:
    """What came of a check; equal for equal files, parameters and labs.

    Attributes:
        id: of the check.
        title: of the check.
        state: passed; failed; not reached (another check has to pass first); left out (the machine
            lacks what it needs).
        points: what the check is worth.
        message: why it failed, is not reached or is left out, in one sentence.
        seen: what was found; "" where the message says it.
        expected: what should have been.
        kind: of a failure: "" (the check's own), unwritten (a gap is left), error (in the student's
            code), time (it takes too long), lab (the check itself could not use the answer).
        printed: what the student's code printed; no part of a grade.
        tried: what it tried that a submission may not, as a guard tells it when it is graded.
    """

    id: str
    title: str
    state: State
    points: int
    message: str = ""
    seen: str = ""
    expected: str = ""
    kind: str = ""
    printed: str = ""
    tried: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return self.state == "passed"

    @property
    def earned(self) -> int:
        """The points of a check that passed."""
        return self.points if self.passed else 0


def points(verdicts: Iterable[Verdict]) -> tuple[int, int]:
    """The points that were earned, and all there are."""
    found = list(verdicts)
    return sum(one.earned for one in found), sum(one.points for one in found)
