"""The command line that makes a run again: as it was given, but for where its results went."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path

# What decides where results go and how fast, but not which: with a value, and without.
_PLACES = frozenset(
    {"--json", "--results", "--run-dir", "--out", "--page", "--trace", "--workers", "--scheduler"}
)
_SWITCHES = frozenset({"--shared"})
_given: ContextVar[tuple[str, ...]] = ContextVar("given", default=())


def remember(arguments: Sequence[str]) -> None:
    """Keep the command line of this process."""
    _given.set(tuple(arguments))


def again() -> str:
    """The command, quoted for a shell; "" when the caller is no command line but Python."""
    given = _given.get()
    return text(given) if given else ""


def text(arguments: Sequence[str]) -> str:
    """`python -m falcon_ctl` with these arguments, without places; nobody's home is named."""
    home = f"{Path.home()}/"
    kept = [f"~/{word.removeprefix(home)}" if word.startswith(home) else word for word in arguments]
    return shlex.join(["python", "-m", "falcon_ctl", *_without_places(kept)]).replace("'~/", "~/'")


def _without_places(arguments: Sequence[str]) -> Iterator[str]:
    words = iter(arguments)
    for word in words:
        name, _, value = word.partition("=")
        if name in _PLACES:
            if not value:
                next(words, None)
        elif word not in _SWITCHES:
            yield word
