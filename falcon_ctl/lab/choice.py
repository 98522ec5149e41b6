"""The system that a lab runs, with its knobs. Pure, except for files that a user names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from falcon_ctl.errors import UsageError
from falcon_ctl.steering import choice as choices
from falcon_ctl.steering.choice import Choice
from falcon_ctl.systems import custom
from falcon_ctl.systems.catalogue import OVERLAY, select
from falcon_ctl.systems.system import System, merge_knobs
from rxpath.config.knobs import Knobs
from rxpath.policies.custom import SUFFIX

_NAMES = {"threshold": "threshold", "falcon_cpus": "cpus", "order": "order"}  # FALCON's knobs


@dataclass(frozen=True)
class Chosen:
    """A system as the arguments of `Lab.use` ask for it; None: as the system has it.

    Attributes:
        name: of the catalogue, or FILE.toml:NAME.
        policy: in place of the system's own: a built-in one or FILE.py:NAME.
        threshold, falcon_cpus, order: FALCON's knobs.
    """

    name: str
    policy: str | None = None
    threshold: int | None = None
    falcon_cpus: tuple[int, ...] | None = None
    order: str | None = None

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
        """Checked as far as it can be without a host.

        Raises:
            UsageError: nothing is chosen, or two chains, or there is no such system.
            ConfigError: a file or a knob is wrong.
        """
        if not (system or policy or chain) or (system and chain):
            what = f"{system} and {chain}" if system else "nothing chosen"
            expected = "a system, or chain=FILE.toml:NAME; policy=FILE.py:NAME with it or alone"
            raise UsageError("use", what, expected)
        cpus = None if falcon_cpus is None else tuple(falcon_cpus)
        found = cls(chain or system or OVERLAY.name, policy, threshold, cpus, order)
        Knobs.parse(merge_knobs(found.system.knobs, found.knobs))
        return found

    @property
    def system(self) -> System:
        """The system; own files are read and compiled. One of a policy alone has its name."""
        if self.policy is None:
            own = choices.CHAIN in self.name
            return (custom.load([], [self.name]) if own else _select(self.name))[0]
        if self._is_policy_alone:
            return custom.load([self.policy])[0]
        return self.choice(None).resolve()

    @property
    def _is_policy_alone(self) -> bool:
        """A system that has its policy's name."""
        return self.name == OVERLAY.name and SUFFIX in (self.policy or "")

    def choice(self, dilation: int | None) -> Choice:
        """As `falcon_ctl use` takes it."""
        knobs = self.threshold, self.falcon_cpus, self.order
        return choices.from_arguments(self.name, self.policy, *knobs, dilation)

    @property
    def given(self) -> dict[str, Any]:
        """What was set beside the system, by the arguments' names."""
        keys = _NAMES if self._is_policy_alone else ("policy", *_NAMES)
        found = {key: getattr(self, key) for key in keys}
        return {key: value for key, value in found.items() if value is not None}

    @property
    def knobs(self) -> dict[str, Any]:
        """The host's knobs beside the system's own."""
        falcon = {_NAMES[key]: value for key, value in self.given.items() if key in _NAMES}
        return {"falcon": {key: _plain(value) for key, value in falcon.items()}}


def _select(name: str) -> list[System]:
    """As `select`; errors name the argument, not the option."""
    try:
        return select([name])
    except UsageError as error:
        raise UsageError("system", error.what, error.expected) from error


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
