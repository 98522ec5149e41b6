"""Keeps a network running one system: around what is down, and back when it returns.

One thread decides. It waits for the links' sockets, for the end of the daemon, and to be woken when
a switch's session ends or a new one is open. Then it computes the routes without what is down, and
each switch gets the difference.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import selectors
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from operator import itemgetter

from falcon_ctl.errors import PartFailed, SwitchError
from falcon_ctl.intent import routes
from falcon_ctl.intent.routes import Outage
from falcon_ctl.live.controller import Controller
from falcon_ctl.live.links import Links
from falcon_ctl.live.liveness import ANSWER, LivenessProbe, Reconnector
from falcon_ctl.p4rt.client import Client
from falcon_ctl.p4rt.entities import Entity
from falcon_ctl.p4rt.switch import Switch
from falcon_ctl.systems.system import System
from topo.client.network import Network
from topo.errors import RequestError

_LOOK_EVERY = 0.5  # s between two looks whether learning goes on
_TRIES = 10  # of a decision, while switches fail or refuse
_MEET_EVERY = 5.0  # s until an address outside the inventory is forwarded instead of flooded


@dataclass(frozen=True)
class Change:
    """What one decision did: the outage that it routes around, updates per switch, seconds."""

    outage: Outage
    updates: Mapping[str, int]
    seconds: float
    kept: Mapping[str, bool] = field(default_factory=dict)
    failed: Sequence[str] = ()

    def __str__(self) -> str:
        down = f"down: {self.outage}" if str(self.outage) else "everything is up"
        switches = sum(count > 0 for count in self.updates.values())
        total = sum(self.updates.values())
        text = f"{down}; {total} updates on {switches} switches in {1000 * self.seconds:.0f} ms"
        new = [f"{n} ({'entries kept' if kept else 'loaded'})" for n, kept in self.kept.items()]
        text += f"; connected: {', '.join(new)}" if new else ""
        return "; ".join((text, *self.failed))


class Failover:
    """Context manager: a controller of `network` that watches its links and switches.

    Raises (also from `run`):
        PartFailed: the network went down, or another controller took over.
    """

    def __init__(self, network: Network, system: System, tell: Callable[[Change], None]) -> None:
        self.system = system
        self._tell = tell
        self._stack = ExitStack()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._daemon = os.pidfd_open(network.daemon_pid)
        self._stack.callback(os.close, self._wake)
        self._stack.callback(os.close, self._daemon)
        try:
            self._selector = self._stack.enter_context(selectors.DefaultSelector())
            self._links = self._stack.enter_context(Links(network, self._selector))
            self.controller = Controller(network.spec, network.switches)
            self._stack.callback(self.controller.close)
            self._names = [switch.name for switch in network.spec.switches]
            self._reconnector = Reconnector(self.controller.open_session, self._awake)
            self._probe = LivenessProbe(lambda: [s.client for s in self._switches], Client.abort)
        except BaseException:
            self._stack.close()
            raise
        self._selector.register(self._wake, selectors.EVENT_READ, self._drain)
        self._selector.register(self._daemon, selectors.EVENT_READ, _daemon_ended)
        self._ended = False
        self._outage: Outage | None = None
        self._unknown_stations: object = None
        self._met = time.monotonic()

    def __enter__(self) -> Failover:  # noqa: PYI034  # Self needs Python 3.11
        """Connect to every switch that answers, and route around the others."""
        try:
            for name in self.controller.connect_all():
                self._reconnector.expect(name)
            for switch in self._switches:
                switch.client.on_close(self._awake)
            self._decide({switch.name: self._provision(switch.name) for switch in self._switches})
            self._stack.enter_context(self._reconnector)
            self._stack.enter_context(self._probe)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        """End the sessions; the switches keep their entries and go on."""
        self._stack.close()

    def attend(self, descriptor: int, serve: Callable[[], None]) -> None:
        """Call `serve` from `run` whenever the descriptor is readable."""
        self._selector.register(descriptor, selectors.EVENT_READ, serve)

    def leave(self, descriptor: int) -> None:
        """The inverse of `attend`."""
        self._selector.unregister(descriptor)

    def follow(self, system: System) -> dict[str, int]:
        """From now on run this system; to be called by a `serve`.

        Returns:
            Switch → how many updates it took. One that is down gets its entries when it is back.
        """
        self.system = system
        return dict(self._decide({}).updates)

    def run(self) -> None:
        """Decide whenever something changes, until `end` is called or an exception ends it."""
        while not self._ended:
            for key, _ in self._selector.select(_LOOK_EVERY):
                key.data()
            self._lose()
            returned = {
                client.switch: self._attach(client) for client in self._reconnector.opened()
            }
            if returned or self._outage != self._present_outage() or self._has_met():
                self._decide(returned)

    def end(self) -> None:
        """Make `run` return, from any thread."""
        self._ended = True
        self._awake()

    def _lose(self) -> None:
        """Give up the sessions that ended, and begin anew where learning failed."""
        for switch in self._switches:
            if not switch.client.is_alive:
                self._drop(switch.name)
            elif switch.learning_error is not None:
                _verify_not_taken_over(switch.learning_error)
                self._recover(switch.name)
            elif not switch.client.is_primary:
                message = f"another controller took over ({switch.client.holder})"
                raise PartFailed(f"switch {switch.name}", message)

    def _drop(self, name: str) -> None:
        self.controller.disconnect(name)
        self._reconnector.expect(name)

    def _attach(self, client: Client) -> bool:
        """Drive a switch that is back; whether its entries were kept."""
        self.controller.attach(client)
        client.on_close(self._awake)
        try:
            self._links.watch(client.switch)  # its namespace may be another one
        except RequestError:  # it is being made anew
            self._drop(client.switch)
            return False
        return self._provision(client.switch)

    def _provision(self, name: str) -> bool:
        """Whether the switch's entries were kept; one that fails meanwhile counts as gone."""
        try:
            return self.controller.provision(name)
        except SwitchError as error:
            _verify_not_taken_over(error)
            self._drop(name)
            return False

    def _decide(self, kept: Mapping[str, bool]) -> Change:
        """Route around the present outage; a switch that fails meanwhile becomes part of it.

        Raises:
            SwitchError: switches went on to refuse what is written.
        """
        began = time.monotonic()
        updates: dict[str, int] = {}
        failures: list[SwitchError] = []
        for _ in range(_TRIES):
            known = len(failures)
            outage = self._present_outage()
            self._unknown_stations, self._met = self.controller.unknown_stations, time.monotonic()
            steps = routes.plan(self.controller.topology, self._outage or outage, outage)
            for around, group in itertools.groupby(steps, itemgetter(0)):
                wanted = self.controller.wanted(self.system, around)
                for _, names in group:
                    failures += self._write(wanted, names, updates)
            self._outage = outage
            if len(failures) == known:
                break
        else:
            raise failures[-1]
        alive = {name: how for name, how in kept.items() if name in self.controller.switches}
        seconds = time.monotonic() - began
        change = Change(outage, updates, seconds, alive, [str(f) for f in failures])
        self._tell(change)
        return change

    def _write(
        self,
        wanted: Mapping[str, Sequence[Entity]],
        names: Sequence[str],
        updates: dict[str, int],
    ) -> list[SwitchError]:
        """Write to these switches what is wanted, add to `updates`; what failed."""
        failures = []
        for name, result in self.controller.apply(wanted, names).items():
            if isinstance(result, SwitchError):
                _verify_not_taken_over(result)
                self._recover(name)
                failures.append(result)
            elif isinstance(result, Exception):
                raise result
            else:
                updates[name] = updates.get(name, 0) + result
        return failures

    def _recover(self, name: str) -> None:
        """Begin anew with a switch that failed; it is gone only when it does not answer either.

        What it holds is not known after a Write of which a part failed, so it is read again.
        """
        self.controller.disconnect(name)
        try:
            client = self.controller.open_session(name, ANSWER)
        except SwitchError:
            self._reconnector.expect(name)
        else:
            self._attach(client)

    def _present_outage(self) -> Outage:
        gone = frozenset(name for name in self._names if name not in self.controller.switches)
        return Outage(gone, self._links.down)

    def _has_met(self) -> bool:
        """An address outside the inventory came or moved since the last decision, a while ago."""
        due = time.monotonic() - self._met > _MEET_EVERY
        return due and self._unknown_stations != self.controller.unknown_stations

    @property
    def _switches(self) -> list[Switch]:
        return list(self.controller.switches.values())

    def _awake(self) -> None:
        with contextlib.suppress(OSError):  # it is closed when the last sessions end
            os.eventfd_write(self._wake, 1)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)


def _daemon_ended() -> None:
    raise PartFailed("topo daemon", "the network went down")


def _verify_not_taken_over(error: SwitchError) -> None:
    if error.is_not_primary:
        raise error
