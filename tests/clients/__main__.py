"""Run clients against the switches: `python -m tests.clients [CLIENT[/CASE] …]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.clients import outcomes as kept
from tests.clients.clients import CLIENTS
from tests.clients.page import page
from tests.clients.runner import run


def main(argv: list[str]) -> int:
    """Run what is named, or all; 1 when v1switch fails where BMv2 passes."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("which", nargs="*", metavar="CLIENT[/CASE]", help="all by default")
    parser.add_argument("--switch", choices=kept.SWITCHES, help="both by default")
    parser.add_argument("--page", type=Path, help="write the table of recorded results, run none")
    parser.add_argument(
        "--record", type=Path, nargs="?", const=kept.RECORDED, help="take the results into a file"
    )
    parser.add_argument("--keep", type=Path, help="a directory for the output of each case")
    options = parser.parse_args(argv)
    if options.page:
        options.page.write_text(page(kept.read()))
        return 0
    worse = 0
    for client in CLIENTS:
        for case in client.cases:
            if options.which and not {client.name, f"{client.name}/{case.name}"} & {*options.which}:
                continue
            for switch in kept.SWITCHES:
                if options.switch in (None, switch):
                    outcome = run(client, case, switch, keep=options.keep)
                    word = {True: "passed", False: "failed", None: "not run"}[outcome.passed]
                    print(
                        f"{client.name}/{case.name} {switch}: {word} {outcome.reason}", flush=True
                    )
                    worse += outcome.passed is False and switch == "v1switch"
                    if options.record:
                        outcomes = kept.read(options.record)  # another run may record, too
                        kept.record(outcomes, client.name, case.name, switch, outcome)
                        kept.write(outcomes, options.record)
    return int(worse > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
