"""The help text: keys, letters, columns. Pure."""

from __future__ import annotations

from falcon_ctl.watch_screen.spans import EMPTY, Row, Span, row
from falcon_ctl.watch_screen.stages import STAGES

_KEYS = (
    ("s", "run another system, of those that can run live"),
    ("p", "run another steering policy, also your own (FILE.py:NAME)"),
    ("t", "set FALCON's threshold"),
    ("m, Tab", "show the next machine; M, Shift-Tab: the one before"),
    ("e", "show the whole event log"),
    ("space", "hold the picture; events are logged meanwhile"),
    ("Ctrl-Z", "back to the shell; fg returns"),
    ("q, Ctrl-C", "quit; the network goes on as it is"),
)
_WORDS = (
    "s, p and t show the command that does the same before they act.",
    "Bars: the share of the CPU's time that each stage took; letter and",
    "colour are the stage's, a | is FALCON's threshold. state: what the CPU",
    "does now; backlog and cell: packets that wait for it (input_pkt_queue,",
    "gro_cells). Flows: the CPU where the last packet had each stage.",
    "Rates, loads and queues are the model's: with dilation 1000 a second",
    "here is a millisecond of the emulated machines. p50, p99: from the NIC",
    "to the application.",
)


def help_rows() -> list[Row]:
    """All of it."""
    keys = [row(Span(f"{key:<10}", "key"), f" {what}") for key, what in _KEYS]
    named = [one for kind, one in STAGES.items() if kind]
    letters = [row(Span(one.letter, one.style), f" {one.title:<18}") for one in named]
    pairs = [
        (*letters[at], *(one for two in letters[at + 1 : at + 3] for one in two))
        for at in range(0, len(letters), 3)
    ]
    return [*keys, EMPTY, *pairs, EMPTY, *(row(line) for line in _WORDS)]
