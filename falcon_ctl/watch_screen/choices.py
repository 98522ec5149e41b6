"""The choices that the keys for system, policy and threshold offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from falcon_ctl.steering import choice as choices
from falcon_ctl.steering.choice import CHAIN, POLICIES, Choice
from falcon_ctl.systems.catalogue import LIVE
from falcon_ctl.watch_screen import describe
from falcon_ctl.watch_screen.spans import Row, Span, row
from rxpath.policies import custom

_NAME = 20  # columns of a value
THRESHOLDS = {
    "60": "spreads early",
    "70": "",
    "80": "the default",
    "85": "",
    "90": "the paper's best are 80 to 90",
    "100": "never takes a CPU for loaded",
}
_POLICY_HINTS: Mapping[str, str] = {
    "same_cpu": "the next stage on the same CPU",
    "rps": "by the flow's hash, once",
    "rfs": "to the application's CPU",
    "falcon": "by the hash of flow and device",
    "falcon+rps": "FALCON behind RPS",
    "mflow": "micro-flows of one flow in parallel",
    "rss++": "moves RSS's entries by load",
}


@dataclass(frozen=True)
class Question:
    """What a dialog asks. `options`: value → hint; `choose`: the choice that a value makes.

    `is_free`: whether a text that is no option can be a value; `free`: which, for the reader.
    """

    title: str
    options: Mapping[str, str]
    choose: Callable[[str], Choice]
    is_free: Callable[[str], bool]
    free: str

    def candidates(self, typed: str) -> list[str]:
        """The values that a text stands for, itself first; all when there is none."""
        text = typed.strip()
        itself = [text] if text in self.options or self.is_free(text) else []
        words = text.lower().split()
        others = [
            value
            for value, hint in self.options.items()
            if value != text and all(word in f"{value} {hint}".lower() for word in words)
        ]
        return itself + others


def systems(now: Choice) -> Question:
    """Which system is to run; threshold and FALCON's CPUs stay."""

    def choose(value: str) -> Choice:
        named = choices.from_arguments(_path(value))
        return replace(now, system=named.system, policy=named.policy, order=None, dilation=None)

    options = {one.name: one.title for one in LIVE}
    return Question("System", options, choose, _is_own, "or FILE.toml:NAME, a chain")


def policies(now: Choice) -> Question:
    """Which steering policy is to run instead of the system's own."""

    def choose(value: str) -> Choice:
        own = describe.policy(replace(now, policy=None))
        named = choices.from_arguments(now.system, _path(value)).policy
        return replace(now, policy=None if named == own else named, dilation=None)

    options = {name: _POLICY_HINTS.get(name, "") for name in POLICIES}
    return Question(
        "Policy", options, choose, lambda text: custom.SUFFIX in text, "or FILE.py:NAME, your own"
    )


def thresholds(now: Choice) -> Question:
    """From which load of a CPU on FALCON chooses another one, or switches itself off."""

    def choose(value: str) -> Choice:
        return replace(now, threshold=int(value), dilation=None)

    return Question("Threshold, percent", THRESHOLDS, choose, str.isdecimal, "or another, 0 to 100")


def listed(question: Question, values: Sequence[str], at: int, height: int) -> list[Row]:
    """A row for each value, `height` at most, the one at `at` in sight and marked."""
    first = min(max(0, at - height // 2), max(0, len(values) - height))
    shown = enumerate(values[first : first + height], first)
    return [
        _option(value, question.options.get(value, ""), number == at) for number, value in shown
    ]


def _option(value: str, hint: str, is_picked: bool) -> Row:
    text = f"{value:<{_NAME}} {hint}".rstrip()
    return row(Span(f"> {text} ", "picked") if is_picked else Span(f"  {text}"))


def _is_own(text: str) -> bool:
    return CHAIN in text or custom.SUFFIX in text


def _path(value: str) -> str:
    """A value of which `~` is the user's home, as a shell has it."""
    return str(Path(value).expanduser()) if _is_own(value) else value


def remark(choice: Choice) -> str:
    """What the reader should know of a choice before it acts; "" when there is nothing."""
    if choice.threshold is not None and not describe.is_falcon(choice):
        return f"policy {describe.short(describe.policy(choice))} has no threshold: no effect"
    return ""
