"""`python -m v1switch interfaces`: the interface counters of a running switch."""

from __future__ import annotations

import argparse
import json

import grpc

from v1switch.commands.offline import guarded
from v1switch.commands.parsing import Parser
from v1switch.errors import SwitchError
from v1switch.io.counters import Counters
from v1switch.p4runtime.interfaces import get, to_document

TIMEOUT_S = 5.0
HEADINGS = ("port", "interface", "link", "in", "not read", "errors", "out", "refused", "queue full")


def main(argv: list[str]) -> int:
    """Print the counters of a switch; 0, or 2 when it cannot be asked."""
    options = arguments().parse_args(argv)
    return guarded(lambda: _show(options))


def arguments() -> Parser:
    """The parser of its arguments."""
    made = Parser(
        prog="v1switch interfaces", description="Show a running switch's interface counters."
    )
    made.add_argument("address", help="its P4Runtime address: unix:PATH or HOST:PORT")
    made.add_argument("--json", action="store_true", help="print one line of JSON")
    return made


def _show(options: argparse.Namespace) -> None:
    counters = _ask(options.address)
    if options.json:
        print(json.dumps(to_document(counters)))
        return
    rows = [HEADINGS, *_rows(counters)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEADINGS))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    print(f"frames for ports that do not exist: {counters.no_port:,}")
    if counters.no_queue:
        print(f"frames of a priority that no queue has: {counters.no_queue:,}")


def _ask(address: str) -> Counters:
    try:
        with grpc.insecure_channel(address) as channel:
            return get(channel, TIMEOUT_S)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            raise SwitchError(f"{address}: no v1switch, expected one's address") from error
        what = f"{error.code().name}: {error.details()}"
        raise SwitchError(f"{address}: {what}, expected a running switch's address") from error
    except (KeyError, TypeError, ValueError) as error:
        raise SwitchError(f"{address}: an answer of another form: {error!r}") from error


def _rows(counters: Counters) -> list[tuple[str, ...]]:
    return [
        (
            str(each.port),
            each.ifname,
            "up" if each.up else "down",
            f"{each.received:,}",
            f"{each.unread:,}",
            f"{each.failed:,}",
            f"{each.sent:,}",
            f"{each.refused:,}",
            f"{each.dropped:,}",
        )
        for each in counters.interfaces
    ]
