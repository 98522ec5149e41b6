"""The commands of falcon_ctl, in the order of the help: what each does, and where its function is.

A package is imported when one of its commands is used. The summaries are the first paragraphs of
the functions' docstrings, which a test compares.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

from typer.core import TyperGroup

from falcon_ctl.lazy import Lazy


class Entry(NamedTuple):
    """A command: its name, which is its function's too, and the module that has it."""

    name: str
    module: Callable[[], ModuleType]
    summary: str

    def function(self) -> Callable[..., None]:
        """Import the command's function."""
        found: Callable[..., None] = getattr(self.module(), self.name)
        return found


class Commands(TyperGroup):
    """The group of all commands, none of them imported."""

    def __init__(self, **settings: Any) -> None:
        lazy = {one.name: Lazy(one.name, one.summary, partial(Entry.function, one)) for one in ALL}
        super().__init__(**{**settings, "commands": lazy})


def _main_job() -> ModuleType:
    from falcon_ctl.main_job import cli

    return cli


def _control() -> ModuleType:
    from falcon_ctl.control import cli

    return cli


def _steering() -> ModuleType:
    from falcon_ctl.steering import cli

    return cli


def _watch_screen() -> ModuleType:
    from falcon_ctl.watch_screen import cli

    return cli


def _dashboard() -> ModuleType:
    from falcon_ctl.dashboard import cli

    return cli


def _apps() -> ModuleType:
    from falcon_ctl.apps import cli

    return cli


def _html_report() -> ModuleType:
    from falcon_ctl.html_report import cli

    return cli


def _timeline() -> ModuleType:
    from falcon_ctl.timeline import cli

    return cli


def _figures() -> ModuleType:
    from falcon_ctl.figures import cli

    return cli


def _sweeps() -> ModuleType:
    from falcon_ctl.sweeps import cli

    return cli


def _fit() -> ModuleType:
    from falcon_ctl.fit import cli

    return cli


def _claims() -> ModuleType:
    from falcon_ctl.claims import cli

    return cli


ALL = (
    Entry(
        "run",
        _main_job,
        "Provision the switches, drive flows through every system, check every claim, report.",
    ),
    Entry(
        "control",
        _control,
        "Keep the switches running one system: route around links and switches that are down.",
    ),
    Entry("shell", _control, "Open p4runtime-shell on a running switch."),
    Entry(
        "figures",
        _figures,
        "Run the talk's figures, or all panels of its papers, under the virtual clock.",
    ),
    Entry(
        "sweep",
        _sweeps,
        "Measure the cross product of axes under the virtual clock: a row for each point.",
    ),
    Entry(
        "sensitivity",
        _figures,
        "Change each cost of the profile in turn: which costs decide each figure.",
    ),
    Entry(
        "order",
        _figures,
        "Compare the ways to keep flows in order whose stages change cores: the price of order.",
    ),
    Entry(
        "fit",
        _fit,
        "Fit the cost profile's amounts to the panels that may set them, by least squares.",
    ),
    Entry(
        "systems",
        _claims,
        "Check every tick and cross of the talk's systems under the virtual clock.",
    ),
    Entry(
        "apps", _apps, "Run real servers and clients in the containers, under each system in turn."
    ),
    Entry(
        "report",
        _html_report,
        "Make the report of a results folder again; compare the runs of several folders.",
    ),
    Entry("use", _steering, "Make the running network run a system, at once and from now on."),
    Entry(
        "show",
        _steering,
        "Show what the running network does: system, knobs, CPUs, queues, flows, losses.",
    ),
    Entry("flow", _steering, "Send one flow through what the network runs, and report it."),
    Entry(
        "watch",
        _watch_screen,
        "Watch the running network: cores by stage, queues, flows, drops, events; switch its "
        "system.",
    ),
    Entry(
        "timeline",
        _timeline,
        "Show what receiving hosts make of captured frames, or made of recorded ones, as a "
        "timeline.",
    ),
    Entry(
        "dashboard",
        _dashboard,
        "Show the running network as a web page, and steer it there; ends with Ctrl-C.",
    ),
)
