"""Makes the switches run a system: by sessions of its own, or through the `control` that runs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from falcon_ctl import lock
from falcon_ctl.background import in_parallel
from falcon_ctl.errors import PartFailed, SwitchError
from falcon_ctl.live.controller import Controller
from falcon_ctl.p4rt.switch import SavedState
from falcon_ctl.steering.choice import Choice
from falcon_ctl.systems.system import System
from rxpath.errors import ControlError
from rxpath.live.control import Client
from topo.client.network import Network
from topo.protocol.status import SwitchInfo

SOCKET = "ctl.sock"  # on which `falcon_ctl control` takes requests; `topo.rundir` removes it
ANSWER_SECONDS = 30.0  # a whole fat tree's entries
PATIENCE = 3.0  # s for another `use` to end
_LOOK = 0.05

Outcome = dict[str, int | str]
"""Switch → how many updates it took, or why it failed."""


class Switches:
    """All switches, ready to be given entries."""

    def use(self) -> Outcome:
        """Make them run what was chosen."""
        raise NotImplementedError

    @property
    def by_control(self) -> bool:
        """Whether the `control` that runs does it, and goes on doing it."""
        return False


class OwnSessions(Switches):
    """Sessions with the switches, which this process has opened."""

    def __init__(self, controller: Controller, system: System) -> None:
        self._controller, self._system = controller, system

    def use(self) -> Outcome:
        """Write to each switch what it lacks."""
        wanted = self._controller.wanted(self._system)
        results = self._controller.apply(wanted, list(self._controller.switches))
        return {name: _outcome(result) for name, result in results.items()}


class ThroughControl(Switches):
    """The connection to a `control` that runs."""

    def __init__(self, client: Client, choice: Choice) -> None:
        self._client, self._choice = client, choice

    def use(self) -> Outcome:
        """Have the control write it, around what is down."""
        try:
            found: Outcome = self._client.call("use", choice=self._choice.to_json())
        except ControlError as error:
            raise PartFailed("falcon_ctl control", error.message) from error
        return found

    @property
    def by_control(self) -> bool:
        """It does."""
        return True


@contextmanager
def acquire(
    network: Network,
    infos: Mapping[str, SwitchInfo],
    choice: Choice,
    system: System,
    left: dict[str, SavedState],
) -> Iterator[Switches]:
    """Acquire the switches of a network, which nobody else changes meanwhile, to run the choice.

    `left`: what earlier sessions left them with; it is kept up to date.

    Raises:
        AlreadyRunning: a run is using them.
        PartFailed: a switch does not answer, or runs another controller; nothing was changed.
    """
    with ExitStack() as stack:
        client = _lock(stack, network.run_dir)
        if client is None:
            controller = Controller(network.spec, infos, left)
            yield OwnSessions(stack.enter_context(_ready(controller)), system)
        else:
            yield ThroughControl(stack.enter_context(client), choice)


def _lock(stack: ExitStack, run_dir: Path) -> Client | None:
    """Lock the network, or connect to the `control` that has it locked."""
    end = time.monotonic() + PATIENCE
    while lock.holder(run_dir) is not None:
        client = _control(run_dir)
        if client is not None:
            return client
        if time.monotonic() > end:
            break
        time.sleep(_LOOK)
    stack.enter_context(lock.exclusive(run_dir))
    return None


def _control(run_dir: Path) -> Client | None:
    """A connection to the `control` of this network, if one runs."""
    with suppress(ControlError):
        return Client(run_dir / SOCKET, ANSWER_SECONDS)
    return None


@contextmanager
def _ready(controller: Controller) -> Iterator[Controller]:
    with controller:
        _raise_first(controller.connect_all())
        names = list(controller.switches)
        prepared = in_parallel({name: partial(controller.provision, name) for name in names})
        _raise_first({n: e for n, e in prepared.items() if isinstance(e, Exception)})
        yield controller


def _raise_first(errors: Mapping[str, Exception]) -> None:
    for error in errors.values():
        raise error


def _outcome(result: int | Exception) -> int | str:
    if isinstance(result, SwitchError):
        return str(result)
    if isinstance(result, Exception):
        raise result
    return result
