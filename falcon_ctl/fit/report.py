"""The fit for people, and a cost profile with its amounts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from falcon_ctl.errors import UsageError
from falcon_ctl.fit.observations import Observation
from falcon_ctl.fit.solve import Solution

_TABLE = re.compile(r"\[(?P<name>\w+)\]\s*$")
_AMOUNT = re.compile(r"(?P<key>ns|udp|tcp|ns_kib)(?P<equals>\s*=\s*)\d+(?P<rest>.*)$")


def show(console: Console, found: Solution, measured: Sequence[Observation]) -> None:
    """Print every amount with its error and what determines it, and every measurement."""
    table = Table(title="Amounts, ns", box=box.SIMPLE_HEAD)
    table.add_column("amount", no_wrap=True)
    for name in ("estimate", "before", "fitted", "±", "determined"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found.amounts:
        error = f"{one.error:.0f}"
        table.add_row(
            one.key,
            str(one.estimate),
            str(one.before),
            str(one.after),
            error,
            f"{one.determined:.0%} {one.verdict}",
        )
    console.print(table)
    table = Table(title="Measurements that may set amounts", box=box.SIMPLE_HEAD)
    table.add_column("measurement")
    for name in ("measured", "±", "before", "fitted", "errors off"):
        table.add_column(name, justify="right", no_wrap=True)
    for bar, before, after in zip(measured, found.before, found.after, strict=True):
        off = (after - bar.value) / bar.sigma
        values = (bar.value, bar.sigma, before, after)
        table.add_row(bar.name, *(f"{value:.4g}" for value in values), f"{off:+.1f}")
    console.print(table)
    open_ones = [one.key for one in found.amounts if one.verdict == "not"]
    if open_ones:
        names = ", ".join(open_ones)
        console.print(f"not determined, the estimate decides: {names}", soft_wrap=True)


def rewritten(text: str, wanted: Mapping[str, int]) -> str:
    """A profile's text with these amounts in place of its own; all else stays.

    An amount `ns` also stands for `udp` and `tcp`.

    Raises:
        UsageError: the text has no such amount.
    """
    lines, name, done = [], "", set()
    for line in text.splitlines():
        table, amount = _TABLE.match(line), _AMOUNT.match(line)
        name = table["name"] if table else name
        if amount:
            keys = [f"{name}.{amount['key']}"]
            keys += [f"{name}.ns"] if amount["key"] in ("udp", "tcp") else []
            key = next((key for key in keys if key in wanted), "")
            if key:
                line = f"{amount['key']}{amount['equals']}{wanted[key]}{amount['rest']}"
                done.add(key)
        lines.append(line)
    missing = sorted(set(wanted) - done)
    if missing:
        what = f"the profile has no {', '.join(missing)} of its own"
        raise UsageError("--write", what, "one that is not another profile at another clock")
    return "\n".join(lines) + "\n"
