"""Who reaches whom: everyone within a tenant, nobody across tenants."""

from __future__ import annotations

from collections.abc import Mapping

from falcon_ctl.checks.verdict import Verdict, judge

Pairs = Mapping[tuple[str, str], bool]


def all_reachable(answered: Pairs) -> Verdict:
    """`answered`: (source, target) of one tenant → whether the target answered."""
    silent = [f"{a} gets no answer from {b}" for (a, b), ok in sorted(answered.items()) if not ok]
    seen = f"{len(answered)} of {len(answered)} ordered pairs answer a ping"
    return judge("all containers of a tenant reach each other", silent, seen, bool(answered))


def tenants_isolated(heard: Mapping[str, list[str]], sent: Mapping[str, str]) -> Verdict:
    """`heard`: container → senders whose probes came; `sent`: sender → container that it meant.

    The probes go to addresses that exist in both tenants, and to the other tenant's MAC
    addresses. Probes that were not meant for anyone who may hear them have the target "".
    """
    problems = []
    for container, senders in sorted(heard.items()):
        wrong = [s for s in senders if sent.get(s) != container]
        problems += [f"{container} heard {s}, meant for {sent.get(s) or 'nobody'}" for s in wrong]
    meant = {target for target in sent.values() if target}
    problems += [f"{c} did not hear its own probe" for c in sorted(meant) if not heard.get(c)]
    strays = sum(1 for target in sent.values() if not target)
    seen = (
        f"{len(meant)} probes came to their own tenant only, {strays} across tenants came nowhere"
    )
    return judge("tenants with the same addresses are isolated", problems, seen, bool(meant))


def macs_learned(
    learned: Mapping[str, set[tuple[int, str]]], spoke: set[tuple[int, str]]
) -> Verdict:
    """`learned`: switch → (VNI, MAC) learned by digest; `spoke`: those that sent a frame."""
    known = set().union(*learned.values()) if learned else set()
    missing = [f"VNI {vni} {mac} was not learned" for vni, mac in sorted(spoke - known)]
    learners = sorted(name for name, seen in learned.items() if seen)
    seen = f"{len(known)} addresses learned from the digests of {', '.join(learners)}"
    return judge("addresses are learned by digest", missing, seen, bool(spoke))
