"""A choice in words. Pure."""

from __future__ import annotations

from falcon_ctl.steering.choice import Choice
from falcon_ctl.systems.catalogue import BY_NAME
from rxpath.config.knobs import FalconKnobs

FALCON = ("falcon", "falcon+rps")


def title(choice: Choice) -> str:
    """The system's title: `container overlay`; of an own chain its name."""
    known = BY_NAME.get(choice.system)
    return known.title if known else short(choice.system)


def policy(choice: Choice) -> str:
    """The steering policy that is in use."""
    known = BY_NAME.get(choice.system)
    return choice.policy or (known.policy if known else "same_cpu")


def is_falcon(choice: Choice) -> bool:
    """Whether the policy is FALCON's, which has a threshold."""
    return policy(choice) in FALCON


def threshold(choice: Choice) -> int:
    """FALCON's threshold in percent."""
    return FalconKnobs().threshold if choice.threshold is None else choice.threshold


def order(choice: Choice) -> str:
    """What keeps a flow in order whose stage moves."""
    known = BY_NAME.get(choice.system)
    return choice.order or (known.order if known else FalconKnobs().order)


def short(spec: str) -> str:
    """FILE:NAME without the file's folder."""
    return spec.rpartition("/")[2]


def described(choice: Choice) -> list[str]:
    """What runs, part by part: title, policy, FALCON's knobs, dilation."""
    parts = [title(choice), f"policy {short(policy(choice))}"]
    if is_falcon(choice):
        parts += [f"threshold {threshold(choice)} %", f"order {order(choice)}"]
    if choice.falcon_cpus is not None:
        parts.append(f"FALCON CPUs {','.join(map(str, choice.falcon_cpus))}")
    if choice.dilation:
        parts.append(f"dilation {choice.dilation}")
    return parts
