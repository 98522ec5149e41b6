"""What came of each case, on each switch; kept beside the tests, so that the page can show it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

RECORDED = Path(__file__).with_name("recorded.json")
SWITCHES = ("bmv2", "v1switch")


@dataclass(frozen=True)
class Outcome:
    """`passed` is None where it could not be run; `reason` says why, or why it failed."""

    passed: bool | None
    reason: str = ""


Outcomes = dict[str, dict[str, dict[str, Outcome]]]  # by client, case, switch


def read(path: Path = RECORDED) -> Outcomes:
    """The outcomes of a file; none when there is no file."""
    if not path.exists():
        return {}
    return {
        client: {
            case: {switch: Outcome(**outcome) for switch, outcome in switches.items()}
            for case, switches in cases.items()
        }
        for client, cases in json.loads(path.read_text()).items()
    }


def record(outcomes: Outcomes, client: str, case: str, switch: str, outcome: Outcome) -> None:
    """Take an outcome in; one that could not be run replaces none that was."""
    known = outcomes.setdefault(client, {}).setdefault(case, {})
    if outcome.passed is not None or switch not in known:
        known[switch] = outcome


def write(outcomes: Outcomes, path: Path = RECORDED) -> None:
    """Write the outcomes to a file."""
    shown = {
        client: {
            case: {switch: asdict(switches[switch]) for switch in SWITCHES if switch in switches}
            for case, switches in cases.items()
        }
        for client, cases in outcomes.items()
    }
    path.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n")
