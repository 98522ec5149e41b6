"""docs/clients.md: the table of clients, cases and switches."""

from __future__ import annotations

from tests.clients.cases import Case, Client
from tests.clients.clients import CLIENTS
from tests.clients.outcomes import SWITCHES, Outcome, Outcomes

HEAD = """# Public clients

Programs that people use with BMv2, unchanged, on v1switch and on BMv2's `simple_switch` and
`simple_switch_grpc`. Each case does what the client's documentation says, and checks the result
that it states. `CLIENTS_ENV` names a directory for Python environments, a variable for each
client its checkout; what is missing is skipped:

```console title="not run: needs the clients' checkouts"
$ export CLIENTS_ENV=~/clients/env TUTORIALS_DIR=~/clients/tutorials
$ pytest tests/clients                                  # on v1switch
$ python -m tests.clients tutorials/basic               # on both, one case
$ python -m tests.clients --record                      # keep the results
$ python -m tests.clients --page docs/clients.md        # write this page of them
```

Each case runs in network, process and mount namespaces of its own, with a copy of the checkout,
the packages that the client asks for, and the directory of `v1switch link` first on the PATH.
"""
SHOWN = 120  # characters of a failure
WORDS = {True: "pass", False: "fail", None: "not run"}


def _named(client: Client) -> str:
    return "".join(f"`{name}`. " for name in client.variables())


def _why(case: Case, both: list[Outcome]) -> str:
    """Why a case does not pass: the case's own note, or the beginning of what failed."""
    reasons = [outcome.reason for outcome in both if not outcome.passed and outcome.reason]
    if not reasons or case.note:
        return case.note if reasons else ""
    return " ".join("; ".join(dict.fromkeys(reasons)).split())[:SHOWN]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _tally(outcomes: Outcomes) -> str:
    """How many cases pass, for the head of the page."""
    each = [switches for cases in outcomes.values() for switches in cases.values()]
    passed = {s: sum(1 for o in each if s in o and o[s].passed) for s in SWITCHES}
    return (
        f"Of {len(each)} cases BMv2 passes {passed['bmv2']}, v1switch {passed['v1switch']}. "
        "Recorded on a machine of two cores that others used at the same time.\n"
    )


def page(outcomes: Outcomes) -> str:
    """The page, in Markdown."""
    parts = [HEAD, _tally(outcomes)]
    for client in CLIENTS:
        found = outcomes.get(client.name, {})
        parts.append(f"\n## {client.title or client.name}\n\n{_named(client)}{client.around}\n")
        parts.append("| case | result that its documentation states | BMv2 | v1switch | why not |")
        parts.append("|---|---|---|---|---|")
        for case in client.cases:
            both = [found.get(case.name, {}).get(s, Outcome(None)) for s in SWITCHES]
            words = [WORDS[outcome.passed] for outcome in both]
            parts.append(_row([f"`{case.name}`", case.result, *words, _why(case, both)]))
    return "\n".join(parts).replace("\n\n\n", "\n\n") + "\n"
