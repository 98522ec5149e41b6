"""Which system is to run, with which knobs. Pure, but for the files that a user names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from falcon_ctl.errors import UsageError
from falcon_ctl.systems import custom
from falcon_ctl.systems.catalogue import BY_NAME, select
from falcon_ctl.systems.system import System, merge_knobs
from rxpath.config.knobs import Knobs


@dataclass(frozen=True)
class Chosen:
    """A system, and the knobs that were set beside its own (`given`, by their argument's name)."""

    system: System
    given: dict[str, Any]

    @classmethod
    def of(
        cls,
        system: str | None,
        policy: str | None,
        chain: str | None,
        threshold: int | None,
        falcon_cpus: Sequence[int] | None,
        order: str | None,
    ) -> Chosen:
        """As the arguments of `Lab.use` say.

        Raises:
            UsageError: not exactly one of `system`, `policy` and `chain`, or no such one.
            ConfigError: a file or a knob is wrong.
        """
        if sum(one is not None for one in (system, policy, chain)) != 1:
            raise UsageError(
                "use", "not one", "one of system, policy=FILE.py:NAME, chain=FILE.toml:NAME"
            )
        if system is not None:
            (found,) = select([system])
        else:
            (found,) = custom.load([policy] if policy else [], [chain] if chain else [])
        cpus = None if falcon_cpus is None else list(falcon_cpus)
        given = {"threshold": threshold, "falcon_cpus": cpus, "order": order}
        chosen = cls(found, {key: value for key, value in given.items() if value is not None})
        Knobs.parse(merge_knobs(found.knobs, chosen.knobs))
        return chosen

    @property
    def is_own(self) -> bool:
        """The system is made of a user's file."""
        return self.system.name not in BY_NAME

    def live_knobs(self, load_interval_ns: int) -> dict[str, Any]:
        """`knobs` with how often FALCON's load is averaged, ns of model time."""
        return merge_knobs({"falcon": {"load_interval_ns": load_interval_ns}}, self.knobs)

    @property
    def knobs(self) -> dict[str, Any]:
        """The host's knobs beside the system's own."""
        names = {"threshold": "threshold", "falcon_cpus": "cpus", "order": "order"}
        return {"falcon": {names[key]: value for key, value in self.given.items()}}
