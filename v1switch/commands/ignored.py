"""Options of simple_switch and simple_switch_grpc 1.15 that are taken and have no effect here.

Launchers pass them whatever they need (p4lang/tutorials and p4-utils always give --nanolog), so
none may be an error; each is logged once, with the reason.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from v1switch.commands.parsing import Parser, count

NO_NANOMSG = "there are no nanomsg sockets"


@dataclass(frozen=True)
class Ignored:
    """An option without effect.

    Attributes:
        name: with its dashes.
        reason: why it has none.
        kind: of its value: str, or `count` for numbers; None when it takes none.
    """

    name: str
    reason: str
    kind: Callable[[str], object] | None = str

    @property
    def place(self) -> str:
        """The name of its value in the result of argparse."""
        return self.name.strip("-").replace("-", "_")


GENERAL = (
    Ignored("--nanolog", NO_NANOMSG),
    Ignored("--debugger", "there is no debugger; `v1switch explain` shows each step", None),
    Ignored("--debugger-addr", "there is no debugger; `v1switch explain` shows each step"),
    Ignored("--packet-in", f"{NO_NANOMSG}; frames come by -i"),
    Ignored("--max-port-count", "any number of ports is taken", count),
)
TARGET = (
    Ignored("--max-mc-groups", "groups are limited by memory", count),
    Ignored("--max-l1-entries", "groups are limited by memory", count),
    Ignored("--max-l2-entries", "groups are limited by memory", count),
    Ignored("--dp-grpc-server-addr", "frames come by -i"),
    Ignored("--load-modules", "there are no modules to load"),
)


def add_to(parser: Parser, options: tuple[Ignored, ...]) -> None:
    """Let a parser take some of them."""
    for option in options:
        text = f"no effect: {option.reason}"
        if option.kind is None:
            parser.add_argument(option.name, action="store_true", help=text)
        else:
            parser.add_argument(option.name, type=option.kind, help=text)


def log_lines(given: argparse.Namespace, options: tuple[Ignored, ...]) -> Iterator[str]:
    """What to say of those that were given, a line for each."""
    for option in options:
        if getattr(given, option.place) not in (None, False):
            yield f"{option.name} has no effect: {option.reason}"
