"""One-line messages about parts of a network that failed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

REPAIR = "make topo repairs it"
_NAMED = 4  # parts that are named


def message(troubles: Sequence[str], working: Sequence[str]) -> str:
    """What is wrong, what goes on, and what repairs it: one line; "" when nothing is wrong.

    `troubles`: as of `topo.protocol.status.Status`; `working`: the machines that go on.
    """
    if not troubles:
        return ""
    verb = "goes" if len(working) == 1 else "go"
    rest = f"{_names(working)} {verb} on" if working else "no machine is left"
    return f"{'; '.join(troubles)}; {rest} ({REPAIR})"


def of_parts(failed: Mapping[str, str], working: Iterable[str]) -> str:
    """`told` of parts that failed, each with its reason."""
    return message([f"{name}: {why}" for name, why in failed.items()], list(working))


def _names(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} other machines"
