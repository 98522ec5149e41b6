"""The result of a check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Verdict(NamedTuple):
    """A claim: its name, whether it holds, and the evidence or the first counterexamples."""

    name: str
    ok: bool
    evidence: str


def judge(name: str, problems: Sequence[str], seen: str, enough: bool = True) -> Verdict:
    """The claim holds when there is no problem and `enough` evidence."""
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        return Verdict(name, False, "; ".join(problems[:3]) + more)
    return Verdict(name, enough, seen if enough else f"too little to judge: {seen}")
