"""Verifies a lab, part by part."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from labs import judging
from labs.catalogue import Lab
from labs.verifying import files, handout, pictures, solutions
from labs.verifying.part import Part


def verified(lab: Lab) -> Iterator[Part]:
    """Each part as soon as it is verified. Raises `BrokenLab` when the lab cannot be loaded."""
    checks = judging.load(lab)
    with solutions.SolutionChecks(checks) as runner:
        parts: tuple[Callable[[], Part], ...] = (
            lambda: files.verified(checks),
            runner.reference,
            runner.wrong,
            runner.as_given,
            lambda: pictures.verified(lab),
            lambda: handout.verified(checks),
        )
        for run in parts:
            started = time.monotonic()
            part = run()
            part.seconds = time.monotonic() - started
            yield part
