"""docs/clients.md: the table of clients, cases and switches."""

from __future__ import annotations

from tests.clients.cases import Client
from tests.clients.clients import CLIENTS
from tests.clients.outcomes import SWITCHES, Outcome, Outcomes

HEAD = """# Public clients

Programs that people use with BMv2, unchanged, on v1switch and on BMv2's `simple_switch` and
`simple_switch_grpc`. Each case does what the client's documentation says, and checks the result
that it states. `CLIENTS_ENV` names a directory for Python environments, a variable for each
client its checkout; what is missing is skipped:

    export CLIENTS_ENV=~/clients/env TUTORIALS_DIR=~/clients/tutorials
    pytest tests/clients                                  # on v1switch
    python -m tests.clients tutorials/basic               # on both, one case
    python -m tests.clients --record                      # keep the results
    python -m tests.clients --page docs/clients.md        # write this page of them

Each case runs in network, process and mount namespaces of its own, with a copy of the checkout,
the packages that the client asks for, and the directory of `v1switch link` first on the PATH.
"""
WORDS = {True: "pass", False: "fail", None: "not run"}


def _named(client: Client) -> str:
    return "".join(f"`{name}`. " for name in client.variables())


def page(outcomes: Outcomes) -> str:
    """The page, in Markdown."""
    parts = [HEAD]
    for client in CLIENTS:
        found = outcomes.get(client.name, {})
        parts.append(f"\n## {client.title or client.name}\n\n{_named(client)}{client.around}\n")
        parts.append("| case | result that its documentation states | BMv2 | v1switch | why not |")
        parts.append("|---|---|---|---|---|")
        for case in client.cases:
            both = [found.get(case.name, {}).get(s, Outcome(None, "")) for s in SWITCHES]
            why = "; ".join(dict.fromkeys(o.reason for o in both if not o.passed and o.reason))
            cells = [f"`{case.name}`", case.result, *(WORDS[o.passed] for o in both), why]
            parts.append(
                "| "
                + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
                + " |"
            )
    return "\n".join(parts).replace("\n\n\n", "\n\n") + "\n"
