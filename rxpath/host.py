"""One receiving host: validates, allocates, and hands its state to the kernels.

A live driver's compiled loop calls `rxpath.model.kernel` with `Model.state`, which is never
replaced while the model lives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rxpath.compile.tables import Rows
from rxpath.config import apply, knobs, profiles
from rxpath.config.knobs import Knobs
from rxpath.errors import ConfigError
from rxpath.model import counters, kernel
from rxpath.model.frame import Frame
from rxpath.model.state import codes
from rxpath.model.state.host import allocate
from rxpath.model.state.packets import Event
from rxpath.policies.policy import Policy
from rxpath.policies.registry import resolve

_OF_CPUS = ("last_task", "min_runtime", "mark_time")  # of a CPU's memory
DEFAULT_TUNNEL = "docker"  # takes frames in a tunnel where the profile has none


class Model:
    """The host as a whole.

    Args:
        knobs: see `rxpath.config.knobs`; checked here again.
        slots: frame buffers, the most frames that the host holds at a time.
        sockets: how many sockets (containers) read; `Knobs.threads` and `Knobs.app_cpus` say
            which thread reads which, and where.
        flows: how many flows are distinguished.
        records: whether frames' stages can be recorded in `State.records`; they are from the
            start then, until `set_records`.
        policy: in place of the one that the knobs name, until they name another.

    Raises:
        ConfigError: for knobs, costs or sizes that make no host.
    """

    def __init__(
        self,
        knobs: Knobs,
        *,
        slots: int,
        sockets: int,
        flows: int,
        records: bool = False,
        policy: Policy | None = None,
    ) -> None:
        for key, value in (("slots", slots), ("sockets", sockets), ("flows", flows)):
            if value < 1:
                raise ConfigError(key, value, "at least 1")
        self.knobs = knobs
        self._given = policy
        self.state = allocate(slots, sockets, flows, knobs.threads or sockets, records)
        self._apply(knobs)
        self.set_records(records)
        kernel.warm()
        kernel.set_tick(self.state, knobs.falcon.load_interval_ns)

    def chain(self, name: str) -> int:
        """The number of a chain, for `kernel.receive`.

        "plain" and "tunnel" are the present profile's chains for a frame without and with VXLAN
        (a profile without a tunnel takes its plain frames itself and tunnelled ones as docker
        does; one with a tunnel takes plain frames as host does); any profile's name (host,
        docker, offload, flannel, ...) is that profile's own chain.  Raises `ConfigError`.
        """
        has_tunnel = apply.has_tunnel(self.knobs.profile)
        if name == "plain":
            name = "host" if has_tunnel else self.knobs.profile
        elif name == "tunnel":
            name = self.knobs.profile if has_tunnel else DEFAULT_TUNNEL
        return apply.chain_number(name, self.knobs.profile)

    @property
    def vxlan_port(self) -> int:
        """UDP port on which the host takes VXLAN packets: the chain's of a frame in a tunnel."""
        chains = profiles.chains(self.knobs.profile)
        return chains[self.knobs.profile].vxlan_port or chains[DEFAULT_TUNNEL].vxlan_port

    def reconfigure(self, changes: Mapping[str, Any]) -> None:
        """Change knobs between two batches; frames in flight go on and none is lost.

        Raises `ConfigError`, with nothing changed, when the knobs are wrong as a whole.
        Re-read `chain(...)` afterwards.
        """
        merged = knobs.merge(self.knobs, changes)
        if merged.threads != self.knobs.threads:
            raise ConfigError("threads", merged.threads, f"{self.knobs.threads}, as at the start")
        interval = merged.falcon.load_interval_ns
        if interval != self.knobs.falcon.load_interval_ns:
            kernel.set_tick(self.state, self.state.output.now + interval)
        self._apply(merged)

    def _apply(self, new: Knobs) -> None:
        knobs.validate(new)
        given = self._given if new.policy == self.knobs.policy else None
        policy = given or resolve(new.policy)
        flows = len(self.state.flows)
        for key, numbers in (("denied", new.denied), ("priority", new.priority)):
            if max(numbers, default=0) >= flows:
                raise ConfigError(key, max(numbers), f"flows from 0 to {flows - 1}")
        apply.write_stages(self.state, new)
        apply.write_knobs(self.state, new, policy)
        self.state.steer = policy.choose
        self._given, self.policy, self.knobs = given, policy, new

    def receive(self, slot: int, now: int, frame: Frame) -> int:
        """`kernel.receive`."""
        return kernel.receive(self.state, slot, now, frame)

    def next_deadline(self) -> int:
        """`kernel.next_deadline`."""
        return kernel.next_deadline(self.state)

    def advance(self, until: int, out: Rows[Event]) -> int:
        """`kernel.advance`."""
        return kernel.advance(self.state, until, out)

    def set_records(self, on: bool) -> None:
        """Switch recording on or off between two batches, for frames that arrive from now on.

        Raises `ConfigError` when the model was made without room for records.
        """
        if on and len(self.state.records) < len(self.state.slots):
            raise ConfigError("records", on, "a model made with records=True")
        self.state.knobs.records = on

    def set_observed(self, on: bool) -> None:
        """Begin, from nothing, or end to note what CPUs do, between two batches.

        `rxpath.model.observed` reads it. Raises `ConfigError` when the model was made without room.
        """
        if on and len(self.state.slices) < codes.SLICES:
            raise ConfigError("observed", on, "a model made with records=True")
        if on:
            self.state.observed.clear()
            self.forget_places()
        self.state.knobs.observed = on

    def forget_places(self) -> None:
        """Forget on which CPUs flows were: with another chain their stages are others."""
        self.state.places.array["cpus"] = 0

    def memory(self) -> dict[str, list[int]]:
        """What an idle host has kept of earlier frames, as plain JSON values.

        By CPU: the thread that ran last (`last_task`), the least virtual runtime (`min_runtime`),
        its load as FALCON measures it (`loads`, percent), when that was (`mark_time`) and how long
        it was busy since (`busy_since`, ns). By thread: its virtual `runtime`, ns.
        `falcon`: the average load, whether FALCON is off, when the loads are measured next.
        """
        state = self.state
        cpus, count = state.cpus.array, self.knobs.cpus
        found = {name: cpus[name][:count].tolist() for name in _OF_CPUS}
        busy = cpus["busy"].sum(axis=1) - cpus["busy_mark"]
        return {
            **found,
            "runtime": state.tasks.array["runtime"].tolist(),
            "busy_since": busy[:count].tolist(),
            "loads": state.steering.loads.array[:count].tolist(),
            "falcon": [
                int(state.knobs.average_load),
                int(state.usage.is_off),
                int(state.sources[codes.TICK].when),
            ],
        }

    def remember(self, memory: Mapping[str, Sequence[int]]) -> None:
        """Give a new model, whose knobs are the same, what `memory` of another one was."""
        state = self.state
        cpus, count = state.cpus.array, self.knobs.cpus
        for name in _OF_CPUS:
            cpus[name][:count] = memory[name]
        state.tasks.array["runtime"] = memory["runtime"]
        cpus["busy_mark"][:count] = -np.array(memory["busy_since"], np.int64)
        state.steering.loads.array[:count] = memory["loads"]
        state.knobs.average_load, state.usage.is_off, tick = memory["falcon"]
        kernel.set_tick(state, tick)

    def queued(self) -> int:
        """Frames that the host holds now."""
        return counters.queued(self.state)

    def stats(self) -> dict[str, Any]:
        """Counters since the last `reset`: `rxpath.model.counters.stats`."""
        return counters.stats(self.state)

    def reset(self) -> None:
        """Zero all counters; frames in flight, loads and the clock stay as they are."""
        counters.zero(self.state)
