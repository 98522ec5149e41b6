"""The page docs/fidelity.md: every ratio measured, modelled, and the error between them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import numpy as np

from falcon_ctl.papers import data
from falcon_ctl.papers.assumptions import OUT_OF_REACH, Assumption, OutOfReach
from falcon_ctl.papers.compare import WIDE, Ratio, Score, scores
from falcon_ctl.papers.layout import SHARED
from falcon_ctl.papers.panel import Role

GOALS = {  # kind → share within 10 %, within 20 %
    "rate": (0.70, 0.90),
    "latency": (None, 0.70),
    "cpu": (None, None),
}
TALK = (  # the talk's figure; panel, bar and place on the axis of the measurement that it shows
    ("1 single flow, UDP", "10c", "Falcon", "16B"),
    ("1 single flow, TCP", "13d", "Falcon", "1"),
    ("2 steady flow, median", "12a", "Falcon", "p50"),
    ("2 steady flow, p99", "12a", "Falcon", "p99"),
    ("3 many UDP flows", "13b", "Falcon", "20"),
    ("4 many TCP flows, host", "13d", "Host+", "5"),
    ("4 many TCP flows, container", "13d", "Falcon", "5"),
    ("5 surge, UDP", "16", "Falcon dynamic", "UDP"),
    ("5 surge, TCP", "16", "Falcon dynamic", "TCP"),
    ("6 memcached, mean", "18 10 clients", "Falcon", "mean"),
    ("6 memcached, p99", "18 10 clients", "Falcon", "p99"),
    ("7 overload", "14a", "Falcon", "40"),
)
POINTS = 0.10  # of the baseline's value: a claim is met
# What a reader has to know of the amounts before he reads a number.
_FIT = (
    "Amounts are fitted by `python -m falcon_ctl fit` to the bars that count as fitted, and "
    "to nothing else; all systems and panels of a paper have the same ones. What departs from "
    "that, or limits it:\n\n"
    "- Bars of an application that waits for packets (EuroSys Figs 5 and 11) are left out and "
    "count as open: the same thread takes 1,250 ns a packet at 500,000 packets/s and 500 ns "
    "at two million.\n"
    "- Loads that a paper does not state are read from the bars of its baselines and of the "
    "figures that may set amounts; the notes beside the panels say where.\n"
    "- 3.0 GHz, the clock that the profile of EuroSys's machine is for, is taken for the "
    "processor's maximum turbo and was not looked up. Estimates and the measurements of other "
    "machines are scaled by it."
)
Effects = Mapping[str, Sequence[Ratio]]  # an alternative layout's name → its ratios
Trials = Sequence[
    tuple[Assumption, Sequence[Ratio]]
]  # what would have to hold, and the ratios then


def page(
    ratios: Sequence[Ratio],
    effects: Effects,
    seeds: int,
    costs: Mapping[str, str],
    command: str,
    trials: Trials = (),
) -> str:
    """The page as Markdown."""
    parts = [
        _head(seeds, costs, command),
        _state(ratios),
        _scores(ratios),
        _talk(ratios),
        _missing(ratios),
        _assumptions(ratios, trials),
        _layout(ratios, effects),
        "## Every ratio",
        *(_paper(paper, ratios) for paper in data.PAPERS),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(seeds: int, costs: Mapping[str, str], command: str) -> str:
    profiles = ", ".join(f"{paper} {name}" for paper, name in costs.items())
    return (
        "# The model beside the papers' measurements\n\n"
        f"Written by `{command}`; do not edit.\n"
        f"Means of {seeds} seeds under the virtual clock; cost profiles: {profiles}.\n"
        "A ratio is a system's value over its baseline's, and its error is relative to the "
        "measured ratio.\n"
        "Beside each: the model's CPU time a message, over the baseline's, and the share of the "
        "system's frames that were reordered (RFC 4737).\n"
        "The measured values are in `falcon_ctl/papers/*.csv`, the loads in "
        "`falcon_ctl/papers/{loads,eurosys21,ipdps23}.py`.\n\n"
        + "\n".join(
            f"- {name}: {paper.citation}. {paper.machine}." for name, paper in data.PAPERS.items()
        )
    )


def _state(ratios: Sequence[Ratio]) -> str:
    """What the numbers are worth."""
    found = scores(ratios, Role.PREDICTED)
    missed = [score.kind for score in found if not _is_met(score)]
    goals = f"missed for {', '.join(missed)}" if missed else "met" if found else "not looked at"
    return f"## State\n\nThe goals of the score are {goals}.\n\n{_FIT}"


def _is_met(score: Score) -> bool:
    near, wide = GOALS[score.kind]
    return score.near >= (near or 0) and score.wide >= (wide or 0)


def _scores(ratios: Sequence[Ratio]) -> str:
    text = [
        "## Score\n",
        (
            "Predicted ratios that lie within 10 % and 20 % of the measured ones, and the median "
            "of the absolute errors. Ratios in another role are counted apart: amounts were "
            "fitted to them, the load is taken from them, or another panel has them, too.\n"
        ),
        "| ratios | of | number | within 10 % | within 20 % | median error | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    for role in Role:
        for score in scores(ratios, role):
            goal = _goal(score.kind) if role is Role.PREDICTED else ""
            cells = (role.value, score.kind, str(score.count), *_shares(score), goal)
            text.append(f"| {' | '.join(cells)} |")
    return "\n".join(text)


def _talk(ratios: Sequence[Ratio]) -> str:
    """The talk's claims as the paper measured them, for those that `ratios` have."""
    known = {_name(ratio): ratio for ratio in ratios if ratio.place.panel.paper == "eurosys21"}
    rows = [(claim, known[key]) for claim, *names in TALK if (key := tuple(names)) in known]
    if not rows:
        return ""
    text = [
        "## The talk's claims\n",
        "Each at the load that the paper states, met within ten points of the baseline's value.\n",
        "| talk's figure | EuroSys | ratio | measured | modelled | met |",
        "|---|---|---|---|---|---|",
    ]
    for claim, ratio in rows:
        near = abs(ratio.modelled - ratio.measured) <= POINTS
        met = "not modelled" if ratio.why else "yes" if near else "no"
        _, x, name = _where(ratio)
        values = f"{ratio.measured:.2f} | {_shown(ratio.modelled, '.2f')} | {met}"
        text.append(f"| {claim} | {ratio.place.panel.name}, {x} | {name} | {values} |")
    return "\n".join(text)


def _name(ratio: Ratio) -> tuple[str, ...]:
    panel, bar, x = ratio.place
    return panel.name, bar.name, x


def _shown(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def _shares(score: Score) -> tuple[str, str, str]:
    return f"{score.near:.0%}", f"{score.wide:.0%}", f"{score.median:.1%}"


def _goal(kind: str) -> str:
    near, wide = GOALS[kind]
    goals = [
        f"{share:.0%} within {limit}" for share, limit in ((near, "10 %"), (wide, "20 %")) if share
    ]
    return ", ".join(goals)


def _missing(ratios: Sequence[Ratio]) -> str:
    lacking = [ratio for ratio in ratios if ratio.why]
    if not lacking:
        return ""
    text = [
        "## Not modelled\n",
        f"{len(lacking)} of {len(ratios)} ratios have no modelled value and count nowhere:\n",
        "| what is lacking | ratios | of figures |",
        "|---|---|---|",
    ]
    for why in dict.fromkeys(ratio.why for ratio in lacking):
        mine = [ratio for ratio in lacking if ratio.why == why]
        where = [f"{one.place.panel.paper} {one.place.panel.name}" for one in mine]
        text.append(f"| {why} | {len(mine)} | {', '.join(dict.fromkeys(where))} |")
    return "\n".join(text)


def _assumptions(ratios: Sequence[Ratio], trials: Trials) -> str:
    """What would have to hold for ratios that are missed."""
    if not trials:
        return ""
    text = [
        "## What would have to hold\n",
        (
            "Assumptions that would bring ratios which the model misses nearer to the measured "
            "ones, or do not, each with the experiment: the same panel with these amounts, cores "
            "or knobs instead, one seed. None of them is in the model.\n"
        ),
        "| assumption | experiment | figure | at | ratio | measured | as it is | with it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    as_it_is = {_identity(ratio): ratio for ratio in ratios}
    for one, found in trials:
        said = (one.what, f"`{one.experiment}`")
        for ratio in found:
            if ratio.place.bar.name not in one.bars:
                continue
            before = as_it_is[_identity(ratio)].modelled
            values = (f"{value:.2f}" for value in (ratio.measured, before, ratio.modelled))
            text.append(f"| {' | '.join((*said, *_where(ratio), *values))} |")
            said = ("", "")
    rest = _unexplained(ratios, [one for one, _ in trials])
    text += [
        f"\nOut of reach: {', '.join(one.panels)} ({', '.join(one.bars)}): {one.why}"
        for one in OUT_OF_REACH
    ]
    if rest:
        text.append(
            f"\nNo assumption is known for these, half of whose ratios are 20 % off: {rest}."
        )
    return "\n".join(text)


def _unexplained(ratios: Sequence[Ratio], assumptions: Sequence[Assumption]) -> str:
    """Panels and bars that are mostly missed, and that no assumption is about."""
    groups: dict[tuple[str, str], list[float]] = {}
    for ratio in ratios:
        if ratio.role is Role.PREDICTED and not ratio.why:
            figure, _, name = _where(ratio)
            groups.setdefault((figure, name), []).append(abs(ratio.error))
    about: list[Assumption | OutOfReach] = [*assumptions, *OUT_OF_REACH]
    known = {(figure, bar) for one in about for figure in one.panels for bar in one.bars}
    missed = [
        f"{figure} ({name})"
        for (figure, name), errors in groups.items()
        if float(np.median(errors)) > WIDE and (figure, name.partition(" / ")[0]) not in known
    ]
    return ", ".join(missed)


def _identity(ratio: Ratio) -> tuple[str, ...]:
    """Of a ratio, whatever is changed in its panel."""
    return (ratio.place.panel.metric, *_where(ratio))


def _layout(ratios: Sequence[Ratio], effects: Effects) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in vars(SHARED).items())
    text = [
        "## Core layout\n",
        (
            f"One layout serves all figures whose layout the papers leave open: {counts}; "
            "applications without cores of their own run on the receiving ones, and FALCON_CPUS "
            "are those where the paper says so (`falcon_ctl/papers/layout.py` has the reasons). "
            "Cores of one flow are numbered and used as the papers' pictures of it show them."
        ),
    ]
    as_it_is = {ratio.place: ratio for ratio in ratios}
    varied = [ratio for ratio in ratios if ratio.place.panel.layout and not ratio.why and effects]
    if varied:
        names = list(effects)
        text += [
            "",
            "The ratios of these figures with another layout, one seed each:\n",
            f"| figure | at | ratio | measured | as it is | {' | '.join(names)} |",
            "|---|---|---|---|---|" + "---|" * len(names),
        ]
        for ratio in varied:
            place = ratio.place
            others = [
                next((f"{one.modelled:.2f}" for one in found if one.place == place), "")
                for found in effects.values()
            ]
            cells = (*_where(ratio), f"{ratio.measured:.2f}", f"{as_it_is[place].modelled:.2f}")
            text.append(f"| {' | '.join((*cells, *others))} |")
    return "\n".join(text)


def _where(ratio: Ratio) -> tuple[str, str, str]:
    panel, bar, x = ratio.place
    return f"{panel.paper} {panel.name}", x, f"{bar.name} / {bar.over}"


def _paper(paper: str, ratios: Iterable[Ratio]) -> str:
    mine = [ratio for ratio in ratios if ratio.place.panel.paper == paper]
    if not mine:
        return ""
    text = [f"### {data.PAPERS[paper].citation}"]
    for panel, ones in groupby(mine, key=lambda ratio: ratio.place.panel):
        note = f" ({panel.note})" if panel.note else ""
        text += [
            f"\n**Fig {panel.name}**, {panel.title}{note}\n",
            "| at | ratio | measured | modelled | error | CPU time | reordered | counts as |",
            "|---|---|---|---|---|---|---|---|",
        ]
        text += [_row(ratio) for ratio in ones]
    return "\n".join(text)


def _row(ratio: Ratio) -> str:
    _, x, name = _where(ratio)
    model, error = _shown(ratio.modelled, ".3f"), _shown(ratio.error, "+.1%")
    role = "not modelled" if ratio.why else ratio.role.value
    cpu = "" if ratio.cpu is None else f"{ratio.cpu:.2f}"
    order = "" if ratio.reordered is None else f"{ratio.reordered:.1%}"
    cells = (x, name, f"{ratio.measured:.3f}", model, error, cpu, order, role)
    return f"| {' | '.join(cells)} |"
