"""A session with a running network: make it run a system, and see what it does.

    with Session.open(network) as session:
        session.use(Choice("falcon", threshold=60))
        print(session.observe().hosts["m2"].cpus)

Several sessions may be open at once, in one process or in several; use each from one thread at a
time. Observing needs no lock; `use` locks the network while it runs and not longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from falcon_ctl.background import in_parallel
from falcon_ctl.errors import CtlError, NoNetwork, PartFailed
from falcon_ctl.live.hosts import ANSWER_SECONDS, Host
from falcon_ctl.p4rt.switch import SavedState
from falcon_ctl.steering import choice as choices
from falcon_ctl.steering import last_choice
from falcon_ctl.steering.choice import Choice
from falcon_ctl.steering.failures import REPAIR
from falcon_ctl.steering.observation import Event, Observation, Work
from falcon_ctl.steering.observation import Host as SeenHost
from falcon_ctl.steering.reading import Reader
from falcon_ctl.steering.recognition import Recognition
from falcon_ctl.steering.switches import Outcome, acquire
from falcon_ctl.systems.system import System, merge_knobs
from rxpath.config.knobs import Knobs
from rxpath.errors import ControlError
from rxpath.live.control import Client
from topo.client.network import Network
from topo.errors import NotRunning, TopoError
from topo.protocol.status import MachineInfo
from topo.spec.model import Topology

T = TypeVar("T")
_AGAIN = 1.0  # s until a host that failed is asked again,
_SHORT = 0.3  # s that it has for that, lest the others wait
_LOOK = 5.0  # s between two looks at the state of all parts
_RUNNING = "running"
# What one of the systems sets for itself, and the others have as usual.
_USUAL = {"rebalance_interval_ns": Knobs().rebalance_interval_ns}


@dataclass(frozen=True)
class Applied:
    """What `use` did.

    `switches`: updates that each took; `hosts`: those that run it; `dilation`: of the hosts.
    `by_control`: the `falcon_ctl control` that runs keeps the switches so from now on.
    """

    choice: Choice
    switches: Mapping[str, int]
    hosts: tuple[str, ...]
    dilation: int
    seconds: float
    by_control: bool


class HalfApplied(CtlError):
    """Some parts run what was chosen, others what they ran before.

    `done`: those that do; `failed`: part → why it does not.
    """

    def __init__(self, choice: Choice, done: list[str], failed: Mapping[str, str]) -> None:
        why = "; ".join(f"{part}: {reason}" for part, reason in failed.items())
        runs = f"{', '.join(done)} run" if done else "no part runs"
        others = ", ".join(failed)
        super().__init__(f"{why}; {runs} {choice}, {others} what was there before")
        self.choice = choice
        self.done = done
        self.failed = failed


class Session:
    """Context manager: connections to the hosts of a network.

    Raises (every method, and `open`):
        NoNetwork: the network is down; open another session when it is up again.
        PartFailed: a part of it does not answer.
    """

    def __init__(self, run_dir: Path, topology: Topology, sockets: Mapping[str, str]) -> None:
        self.run_dir = run_dir
        self.topology = topology
        self.closed = False
        self._stack = ExitStack()
        self._sockets = sockets
        self._clients: dict[str, Client] = {}
        self._readers = {name: Reader(name, topology) for name in sockets}
        self._knobs: dict[str, tuple[int, dict[str, Any]]] = {}
        self._recognitions: dict[str, Recognition] = {}
        self._left: dict[str, SavedState] = {}  # what the last `use` left switches with
        self._used: Choice | None = None
        self._failed: dict[str, _Failed] = {}  # hosts that do not answer
        self._states: dict[str, str] = {}  # of parts in trouble
        self._looked = float("-inf")

    @classmethod
    def open(cls, network: Network) -> Session:
        """A session with the network, which is the caller's."""
        machines = network.machines
        sockets = {name: info.control_socket for name, info in machines.items()}
        return cls(network.run_dir, network.spec, sockets)

    def __enter__(self) -> Session:  # noqa: PYI034  # Self needs Python 3.11
        """Connections are opened when they are needed."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close them."""
        self.close()

    def close(self) -> None:
        """Close all connections; the network goes on as it is."""
        self.closed = True
        for name in list(self._clients):
            self._drop(name)

    def use(self, chosen: Choice) -> Applied:
        """Make the network run what is chosen at once; it goes on so when the session has ended.

        Raises:
            UsageError: the choice is wrong; nothing was changed.
            AlreadyRunning: a run is using the network; nothing was changed.
            HalfApplied: a part failed while others had been changed already.
        """
        began = time.monotonic()
        system = chosen.resolve()
        left, self._left = self._left, {}
        if chosen == self._used:  # whoever asks for the same again suspects that it is not run
            left = {}
        with self._network() as network, ExitStack() as stack:
            status = network.status()
            with self._blaming():
                hosts = _opened(stack, status.machines)
            for host in hosts.values():
                chosen.verify_for(host.found)
            infos = {info.name: info for info in status.switches}
            switches = stack.enter_context(acquire(network, infos, chosen, system, left))
            last_choice.remember(self.run_dir, chosen)
            outcome = switches.use()
            errors = _configure(hosts, system, chosen)
        self._left, self._used = left, chosen
        return _applied(chosen, outcome, hosts, errors, switches.by_control, began)

    def read_switches(self) -> None:
        """Read what the switches hold, so that the first `use` has only to write what differs.

        Raises:
            AlreadyRunning: a run is using the network.
        """
        chosen = self._remembered()
        if chosen is None:  # nothing that a session of ours wrote
            return
        with self._network() as network, self._blaming():
            infos = {info.name: info for info in network.status().switches}
            with acquire(network, infos, chosen, chosen.resolve(), self._left):
                self._used = None

    def observe(self, slices: int = 0, flows: int = 64) -> Observation:
        """What all hosts do now; those that fail are named while one is left that answers.

        Args:
            slices: most pieces of CPUs' work to tell of each host, of those that are new.
            flows: most flows to tell of each host, of those that were seen last.
        """
        with self._blaming():
            answers = self._ask(slices, flows)
            failed = self._reasons()
            remembered = self._remembered()
            hosts: dict[str, SeenHost] = {}
            events: list[Event] = []
            for name, answer in answers.items():
                knobs = self._knobs_of(name, answer)
                recognition = self._recognitions.setdefault(name, Recognition())
                chosen = recognition.find(answer["changes"], knobs, remembered)
                hosts[name], happened = self._readers[name].read(answer, chosen, knobs)
                events += happened
        return Observation(
            wall_ns=time.time_ns(),
            choice=remembered,
            hosts=hosts,
            events=tuple(events),
            failed=failed,
        )

    def call(self, machine: str, op: str, **params: Any) -> Any:
        """One operation of a machine's control socket, over this session's connection."""
        with self._blaming():
            return self._again(machine, lambda client: client.call(op, **params))

    def runs(self, machine: str) -> Choice:
        """What a machine runs, as read back from it."""
        return choices.of_knobs(self.call(machine, "get"), self._remembered())

    def work(self, machine: str, activity: int) -> Work:
        """What a number of the operations ``observe`` and ``flow`` stands for at a machine."""
        reader = self._readers[machine]
        if not reader.knows(activity):
            self.observe(flows=0)
        if not reader.knows(activity):
            raise PartFailed(machine, f"does not say what activity {activity} is")
        return reader.work(activity)

    def _remembered(self) -> Choice | None:
        found = last_choice.recall(self.run_dir)
        return found.choice if found else None

    def _ask(self, slices: int, flows: int) -> dict[str, Any]:
        """Ask all hosts at once; one that was started again is asked once more.

        Those that fail are noted in `_failed`, and asked again after a while.

        Raises:
            ControlError: none answers.
        """
        params = {"slices": slices, "flows": flows}
        now = time.monotonic()
        names = [n for n in self._readers if n not in self._failed or now >= self._failed[n].until]
        asked = {name: self._request(name, params) for name in names}
        found = {name: self._try(name, params, was_asked) for name, was_asked in asked.items()}
        answers = {name: answer for name, answer in found.items() if answer is not None}
        if not answers and self._failed:
            raise next(iter(self._failed.values())).error
        return answers

    def _try(self, name: str, params: Mapping[str, int], asked: bool) -> Any | None:
        """The host's answer; None when it failed, which is noted."""
        try:
            answer = self._answer(name, params, asked)
            if self._failed.pop(name, None):  # it was asked with little patience
                self._drop(name)
                answer = self._answer(name, params, asked=False)
        except ControlError as error:
            if error.kind != "gone":
                raise
            self._drop(name)
            self._failed[name] = _Failed(error, time.monotonic() + _AGAIN)
            return None
        return answer

    def _reasons(self) -> dict[str, str]:
        """Why hosts and switches failed, as the daemon knows it. Raises NoNetwork, PartFailed."""
        now = time.monotonic()
        if now - self._looked >= _LOOK or any(not one.reason for one in self._failed.values()):
            self._looked, self._states = now, self._troubles()
            for name, one in self._failed.items():
                one.reason = self._states.get(name, "does not answer")
        hosts = {name: one.reason for name, one in sorted(self._failed.items())}
        switches = {name: s for name, s in self._states.items() if name not in self._readers}
        return {**hosts, **switches}

    def _troubles(self) -> dict[str, str]:
        """The state of each program that does not run as it should, by its node."""
        with self._network() as network:
            try:
                parts = network.status().parts
            except TopoError as error:
                raise PartFailed("topo daemon", str(error)) from error
        return {part.node: part.state for part in parts if part.state != _RUNNING}

    def _request(self, name: str, params: Mapping[str, int]) -> bool:
        """Request what `_answer` waits for; False: the host has to be asked again."""
        try:
            self._client(name).request("observe", **params, **self._readers[name].asks)
        except ControlError:
            self._drop(name)
            return False
        return True

    def _answer(self, name: str, params: Mapping[str, int], asked: bool) -> Any:
        try:
            if asked:
                return self._client(name).result()
        except ControlError as error:
            if error.kind != "gone" or isinstance(error.__cause__, TimeoutError):
                raise
            self._drop(name)
        return self._client(name).call("observe", **params)

    def _knobs_of(self, name: str, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The host's knobs, read again when they were changed."""
        changes, knobs = self._knobs.get(name, (-1, {}))
        if changes != answer["changes"]:
            knobs = self._again(name, lambda client: client.call("get"))
            self._knobs[name] = answer["changes"], knobs
        return knobs

    def _again(self, name: str, ask: Callable[[Client], T]) -> T:
        """Ask; once more on a new connection when the host was started again."""
        try:
            return ask(self._client(name))
        except ControlError as error:
            if error.kind != "gone":
                raise
            self._drop(name)
            return ask(self._client(name))

    def _client(self, name: str) -> Client:
        if name not in self._clients:
            seconds = _SHORT if name in self._failed else ANSWER_SECONDS
            self._clients[name] = Client(self._sockets[name], seconds)
        return self._clients[name]

    def _drop(self, name: str) -> None:
        if name in self._clients:
            self._clients.pop(name).close()
        self._readers[name].forget()
        self._knobs.pop(name, None)
        self._recognitions.pop(name, None)

    def _network(self) -> Network:
        try:
            return Network.connect(self.run_dir)
        except TopoError as error:
            raise NoNetwork(str(error)) from error

    def _blaming(self) -> _Blaming:
        return _Blaming(self.run_dir)


@dataclass
class _Failed:
    """A host that does not answer: with what error, until when it is not asked, and why ("")."""

    error: ControlError
    until: float
    reason: str = ""


class _Blaming:
    """Context manager: says that the network is down when a host does not answer because of it."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, ControlError):
            return
        try:
            Network.connect(self._run_dir).close()
        except NotRunning as down:
            raise NoNetwork(str(down)) from error
        except TopoError as failure:
            raise PartFailed("topo daemon", str(failure)) from error
        message = f"{error.message} ({REPAIR})"
        raise PartFailed(f"rxpath ({error.where})", message) from error


def _opened(stack: ExitStack, machines: Sequence[MachineInfo]) -> dict[str, Host]:
    """Connections to all hosts, opened at once; the stack closes them. Raises ControlError."""
    opened = in_parallel({info.name: partial(Host, info) for info in machines})
    hosts = {name: one for name, one in opened.items() if isinstance(one, Host)}
    for host in hosts.values():
        stack.callback(host.close)
    for one in opened.values():
        if isinstance(one, Exception):
            raise one
    return hosts


def _configure(hosts: Mapping[str, Host], system: System, chosen: Choice) -> dict[str, Exception]:
    """Give all hosts their knobs at once; why those failed that did."""
    knobs = merge_knobs(_USUAL, system.live_knobs, chosen.knobs)

    def use(host: Host) -> Callable[[], None]:
        dilation = chosen.dilation or int(host.found["dilation"])
        return lambda: host.use(system, dilation, **knobs)

    results = in_parallel({name: use(host) for name, host in hosts.items()})
    return {name: one for name, one in results.items() if isinstance(one, Exception)}


def _applied(
    chosen: Choice,
    outcome: Outcome,
    hosts: Mapping[str, Host],
    errors: Mapping[str, Exception],
    by_control: bool,
    began: float,
) -> Applied:
    """What was done. Raises HalfApplied."""
    updates = {name: n for name, n in outcome.items() if isinstance(n, int)}
    failed = {f"switch {name}": why for name, why in outcome.items() if isinstance(why, str)}
    failed |= {f"host {name}": _reason(error) for name, error in errors.items()}
    done = [name for name in (*updates, *hosts) if name not in errors]
    if failed:
        raise HalfApplied(replace(chosen), done, failed)
    dilation = chosen.dilation or max(int(host.found["dilation"]) for host in hosts.values())
    seconds = time.monotonic() - began
    return Applied(chosen, updates, tuple(hosts), dilation, seconds, by_control)


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, ControlError) else str(error)
