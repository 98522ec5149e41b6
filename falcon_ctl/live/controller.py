"""The controller of all switches: pipeline, intent, learning."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from falcon_ctl.background import in_parallel
from falcon_ctl.errors import PartFailed, SwitchError, UsageError
from falcon_ctl.intent.learning import TABLE
from falcon_ctl.intent.network import intent
from falcon_ctl.intent.overlay import Station
from falcon_ctl.intent.routes import NO_OUTAGE, Outage
from falcon_ctl.live.learners import Address, Learners
from falcon_ctl.p4rt.client import CONNECT_SECONDS, Client
from falcon_ctl.p4rt.entities import Entity
from falcon_ctl.p4rt.schema import Schema
from falcon_ctl.p4rt.switch import SavedState, Switch
from falcon_ctl.program import P4INFO, PROGRAM
from falcon_ctl.systems.system import System
from topo.protocol.status import SwitchInfo
from topo.spec.model import Topology


class Controller:
    """Context manager: sessions with the switches of a topology.

    Args:
        left: what earlier sessions of this process left switches with; it is kept up to date. A
            v1switch to which nobody has written since is not read back. BMv2 is: it forgets the
            highest election id with the session that had it.
    """

    def __init__(
        self,
        topology: Topology,
        infos: Mapping[str, SwitchInfo],
        left: dict[str, SavedState] | None = None,
    ) -> None:
        self.topology = topology
        self.switches: dict[str, Switch] = {}
        self._infos = infos
        self._left = {} if left is None else left
        self._schema = Schema.load(P4INFO)
        self._learners = Learners(topology, self._schema)
        if not PROGRAM.is_file():
            raise UsageError(str(PROGRAM), "missing", "the compiled program (make p4)")

    def __enter__(self) -> Controller:  # noqa: PYI034  # Self needs Python 3.11
        """Sessions are opened by `connect` and `connect_all`."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the sessions; the switches keep their entries."""
        self.close()

    def close(self) -> None:
        """Close the sessions."""
        in_parallel({name: partial(self.disconnect, name) for name in list(self.switches)})

    def open_session(self, name: str, timeout: float = CONNECT_SECONDS) -> Client:
        """A session with one switch, which `attach` takes.

        A switch remembers the highest election id for good (P4Runtime specification, 5.3), so after
        a controller with a higher one has left, the next id is needed.

        Raises:
            SwitchError: it does not answer within `timeout` seconds.
        """
        info = self._infos[name]
        if (left := self._left.get(name)) is not None:
            client = Client(name, info.grpc_address, info.device_id, left.election_id, timeout)
            if client.is_primary:
                return client
            client.close()
            del self._left[name]
        client = Client(name, info.grpc_address, info.device_id, election_id(), timeout)
        if not client.is_vacant:
            return client
        client.close()
        return Client(name, info.grpc_address, info.device_id, client.highest + 1, timeout)

    def attach(self, client: Client) -> None:
        """From now on drive the switch of this session."""
        self.switches[client.switch] = Switch(client, self._schema)

    def connect_all(self) -> dict[str, SwitchError]:
        """Open a session with every switch; returns why, for those with which it was not possible.

        What is no `SwitchError` is raised.
        """
        failed: dict[str, SwitchError] = {}
        opened = in_parallel({name: partial(self.open_session, name) for name in self._infos})
        for name, result in opened.items():
            if isinstance(result, SwitchError):
                failed[name] = result
            elif isinstance(result, Exception):
                raise result
            else:
                self.attach(result)
        return failed

    def disconnect(self, name: str) -> None:
        """End the session with one switch, if there is one; it keeps its entries."""
        switch = self.switches.pop(name, None)
        if switch is not None:
            switch.close()
            if switch.left is not None and self._infos[name].target == "v1switch":
                self._left[name] = switch.left

    def push_pipelines(self) -> None:
        """Load the program into every switch and start learning."""
        for name in self.switches:
            self._push(name)

    def provision(self, name: str) -> bool:
        """Make one switch ready for `use`: keep what it holds if it runs our program, else load it.

        Returns:
            Whether its entries were kept.
        """
        switch, left = self.switches[name], self._left.pop(name, None)
        if not switch.client.runs(P4INFO, PROGRAM):
            self._push(name)
            return False
        _verify_primary(switch)
        learner = self._learners.renew(name)
        found = switch.adopt(TABLE) if left is None else switch.resume(left)
        switch.forget(learner.adopt(found))
        switch.learn(learner)
        return True

    def examine(self, client: Client) -> bool:
        """Know what the switch of this session holds, which may be another controller's.

        Returns:
            Whether it runs our program; only then it is among `switches`.
        """
        if not client.runs(P4INFO, PROGRAM):
            return False
        self.attach(client)
        switch = self.switches[client.switch]
        self._learners.renew(client.switch).adopt(switch.adopt(TABLE))
        return True

    def use(self, system: System) -> int:
        """Make the whole network run `system`; returns the number of updates that took."""
        results = self.apply(self.wanted(system), list(self.switches))
        for result in results.values():
            if isinstance(result, Exception):
                raise result
        return sum(result for result in results.values() if isinstance(result, int))

    def wanted(self, system: System, outage: Outage = NO_OUTAGE) -> dict[str, list[Entity]]:
        """The entities of each switch that make the network run `system` around the `outage`."""
        return intent(self.topology, system, self._learners.unknown_stations, outage)

    def apply(
        self, wanted: Mapping[str, Sequence[Entity]], names: Sequence[str]
    ) -> dict[str, int | Exception]:
        """Make those of the switches `names` that are connected hold what is `wanted`, at once.

        Returns:
            Switch → how many updates it took, or the `SwitchError` with which it failed.
        """
        chosen = {name: self.switches[name] for name in names if name in self.switches}
        return in_parallel(
            {name: partial(_apply, switch, wanted[name]) for name, switch in chosen.items()}
        )

    @property
    def learned(self) -> Mapping[str, set[Address]]:
        """Switch → (VNI, MAC) that its digests reported."""
        return self._learners.seen

    @property
    def unknown_stations(self) -> list[Station]:
        """Stations outside the inventory that take part in the next intent."""
        return self._learners.unknown_stations

    def _push(self, name: str) -> None:
        switch = self.switches[name]
        _verify_primary(switch)
        switch.push_pipeline(P4INFO, PROGRAM)
        switch.learn(self._learners.renew(name))


def _apply(switch: Switch, entities: Iterable[Entity]) -> int:
    if switch.learning_error is not None:
        raise switch.learning_error
    return switch.apply(entities)


def _verify_primary(switch: Switch) -> None:
    if not switch.client.is_primary:
        message = f"another controller is primary ({switch.client.holder}); end it first"
        raise PartFailed(f"switch {switch.name}", message)


def election_id() -> int:
    """A later controller wins (P4Runtime specification, section 5): the wall clock in ns.

    No two have the same, so that a switch's highest tells who was primary last.
    """
    return time.time_ns()
