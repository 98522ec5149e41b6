"""A row of the table: a claim about a system, and the check whether it holds. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from falcon_ctl.systems.system import System

TICK, CROSS, IS = "✓", "✗", "="  # an advantage, a drawback, a property
PUBLISHED = "#"  # a number that others published; it may be missed


class Finding(NamedTuple):
    """What was measured, in words with numbers, and whether it supports the claim."""

    measured: str
    holds: bool


@dataclass(frozen=True)
class Claim:
    """A tick or a cross of what the talk calls `subject`, checked on `system`.

    The check measures whatever system it is given, so a test can give it a wrong one.
    """

    key: str
    subject: str
    mark: str
    says: str
    system: System
    check: Callable[[System], Finding]


@dataclass(frozen=True)
class Row:
    """A claim with its finding."""

    claim: Claim
    finding: Finding

    def document(self) -> dict[str, Any]:
        """As in the JSON report."""
        claim = self.claim
        document = {
            "key": claim.key,
            "system": claim.subject,
            "mark": claim.mark,
            "claim": claim.says,
        }
        return {**document, "measured": self.finding.measured, "holds": self.finding.holds}


def judge(claim: Claim) -> Row:
    """Run the claim's check."""
    return Row(claim, claim.check(claim.system))


def times(value: float) -> str:
    """A ratio for people."""
    return f"{value:.2f}x"


def mpps(value: float) -> str:
    """A packet rate for people."""
    return f"{value / 1e6:.2f} Mpps"
