"""What the title of a console block says of it, for readers and for the test. Pure.

needs iperf3, in several terminals
needs root and two interfaces: serves until Ctrl-C
takes a minute: tests/main_job runs it
not run: a second computer
"""

import re
from typing import NamedTuple

INTERFACES, CLUSTER, ROOT = "two interfaces", "a cluster", "root"
INSTALLS, NOT_RUN = "installs", "not run"
CTRL_C, TERMINALS = "serves until Ctrl-C", "in several terminals"
_TYPED = re.compile(r"until (?:you )?(?:press|type) (\w+)")
_ELSEWHERE = re.compile(r"^takes .*: (.+?) runs? it$")
_FIRST = ("needs ", "takes ", f"{INSTALLS} ", f"{NOT_RUN}: ", CTRL_C, "interactive: ")


class Title(NamedTuple):
    """A block's title, taken apart.

    Attributes:
        needs: programs on the PATH, `ROOT`, `INTERFACES`, `CLUSTER`; files are given.
        serves: its commands, or all but the last, end by Ctrl-C only.
        last_ends: the last one ends by itself.
        typed: what ends it in a terminal, "" where nothing does.
        elsewhere: the files whose tests run it.
        installs: it is run in an environment of its own.
        reason: why it is not run.
    """

    needs: tuple[str, ...] = ()
    serves: bool = False
    last_ends: bool = False
    typed: str = ""
    elsewhere: tuple[str, ...] = ()
    installs: bool = False
    reason: str = ""


def understood(title: str) -> Title:
    """Raises ValueError when a title says nothing that the test knows."""
    if title and not title.startswith(_FIRST):
        raise ValueError(f"{title!r}: expected it to begin with one of {_FIRST}")
    if title.startswith(f"{NOT_RUN}: "):
        return Title(reason=title.removeprefix(f"{NOT_RUN}: "))
    needs = ()
    if title.startswith("needs "):
        names = title.removeprefix("needs ").partition(":")[0].partition(f", {TERMINALS}")[0]
        needs = tuple(re.split(r", | and ", names))
    typed, elsewhere = _TYPED.search(title), _ELSEWHERE.match(title)
    return Title(
        needs,
        serves=CTRL_C in title or TERMINALS in title,
        last_ends=TERMINALS in title,
        typed=typed[1] if typed else "",
        elsewhere=tuple(elsewhere[1].split(" and ")) if elsewhere else (),
        installs=title.startswith(INSTALLS),
    )
