"""Checks of reachability: all containers within a tenant, none across tenants."""

from __future__ import annotations

from collections.abc import Mapping

from falcon_ctl.checks.verdict import Verdict, judge

Pairs = Mapping[tuple[str, str], bool]
Heard = Mapping[str, list[str]]


def all_reachable(answered: Mapping[str, Pairs]) -> Verdict:
    """`answered`: system → (source, target) of one tenant → whether the target answered."""
    silent = [
        f"{a} gets no answer from {b} under {system}"
        for system, found in answered.items()
        for (a, b), ok in sorted(found.items())
        if not ok
    ]
    count = max(map(len, answered.values()), default=0)
    seen = f"{count} of {count} ordered pairs answer a ping under {', '.join(answered)}"
    enough = bool(answered) and all(answered.values())
    return judge("all containers of a tenant reach each other", silent, seen, enough)


def tenants_isolated(heard: Mapping[str, Heard], sent: Mapping[str, str]) -> Verdict:
    """`heard`: system → container → senders whose probes came; `sent`: sender → whom it meant.

    The probes go to addresses that exist in both tenants, and to the other tenant's MAC
    addresses. The target of a probe that nobody may hear is "".
    """
    meant = sorted({target for target in sent.values() if target})
    problems = []
    for system, found in heard.items():
        for container, senders in sorted(found.items()):
            wrong = [s for s in senders if sent.get(s) != container]
            problems += [
                f"{container} heard {s}, meant for {sent.get(s) or 'nobody'}, under {system}"
                for s in wrong
            ]
        deaf = [c for c in meant if not found.get(c)]
        problems += [f"{c} did not hear its own probe under {system}" for c in deaf]
    strays = sum(1 for target in sent.values() if not target)
    seen = (
        f"{len(meant)} probes came to their own tenant only, {strays} across tenants came nowhere, "
        f"under {', '.join(heard)}"
    )
    enough = bool(meant) and bool(heard)
    return judge("tenants with the same addresses are isolated", problems, seen, enough)


def macs_learned(
    learned: Mapping[str, set[tuple[int, str]]], spoke: set[tuple[int, str]]
) -> Verdict:
    """`learned`: switch → (VNI, MAC) learned by digest; `spoke`: those that sent a frame."""
    known = set().union(*learned.values()) if learned else set()
    missing = [f"VNI {vni} {mac} was not learned" for vni, mac in sorted(spoke - known)]
    learners = sorted(name for name, seen in learned.items() if seen)
    seen = f"{len(known)} addresses learned from the digests of {', '.join(learners)}"
    return judge("addresses are learned by digest", missing, seen, bool(spoke))
