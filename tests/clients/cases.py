"""What is run: clients, and their cases with the results that their documentation states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.clients.place import Place


class Failed(Exception):
    """The client did not show the result that its documentation states."""


@dataclass(frozen=True)
class Case:
    """One thing that a user does with the client.

    `result` is what the client's documentation states, and what `run` checks: it raises Failed.
    """

    name: str
    result: str
    run: Callable[[Place], None]
    limit_s: int = 180
    tools: tuple[str, ...] = ()  # programs beyond the client's
    note: str = ""  # why it fails, where that is known; shown in place of the failure's own words


@dataclass(frozen=True)
class Client:
    """A public program that is used with BMv2.

    `variable` names the environment variable with a checkout; `packages` are what its Python
    needs, as pip takes them; `tools` the programs that must be on the PATH; `around` says what
    the runner puts in place of something that is missing here, for the page.
    """

    name: str
    variable: str
    cases: tuple[Case, ...]
    packages: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    around: str = ""
    pi: bool = False  # needs PI's Python package `p4` (p4.tmp)
    system: tuple[str, ...] = ()  # modules of the system's own Python, where PyPI's are too old
    title: str = ""
    copied: bool = True  # False: large, and does not write into its checkout
    tries: int = 1  # more for a client that waits for fixed times
    checkouts: tuple[str, ...] = ()  # further variables with checkouts

    def variables(self) -> tuple[str, ...]:
        """The environment variables that name the checkouts; none for an installed program."""
        return tuple(name for name in (self.variable, *self.checkouts) if name)
