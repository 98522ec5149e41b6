"""The commands `figures`, `sensitivity` and `order`; none needs a network."""

from __future__ import annotations

from typing import Any

import typer

from falcon_ctl import files
from falcon_ctl.errors import UsageError
from falcon_ctl.figures import options
from falcon_ctl.options import RESULTS, Chains, Policies, Results, Shared, TraceTo
from falcon_ctl.terminal import console


def figures(
    json: options.JsonTo = None,
    which: options.AnyFigures = "all",
    systems: options.MoreSystems = "",
    seeds: options.SeedsOrDefault = None,
    policy: Policies = None,
    chain: Chains = None,
    costs: options.Costs = None,
    paper: options.Paper = False,
    layout: options.Layout = "",
    page: options.Page = None,
    trace: TraceTo = None,
    results_dir: Results = RESULTS,
    shared: Shared = False,
) -> None:
    """Run the talk's figures, or all panels of its papers, under the virtual clock.

    Needs no network. The talk's claims stand beside the model's values; with --paper every bar
    of both papers beside the model's. Writes results/<time>/ with JSON, CSV and pictures; with
    --trace each run is recorded once more, with the first seed.

    Examples:
      falcon_ctl figures --figures 2,3
      falcon_ctl figures --policy labs/policies/in_turn.py:in_turn --seeds 5
      falcon_ctl figures --paper --figures eurosys21:10c
    """
    from falcon_ctl.timeline import trace_file

    files.set_sharing(shared)
    if trace is not None:
        trace_file.verify(trace)
    if paper and (systems or policy or chain):
        what = "--systems, --policy and --chain are for the talk's figures"
        raise UsageError("--paper", what, "--figures, --seeds, --costs, --layout, --page, --trace")
    if not paper and (layout or page):
        raise UsageError("--layout and --page", "without --paper", "--paper with them")
    given: dict[str, Any] = {"figures": which, "json": json, "results": results_dir, "trace": trace}
    given |= {"seeds": seeds} if seeds else {}
    given |= {"costs": costs} if costs else {}
    if paper:
        from falcon_ctl.papers import paper_figures

        request = paper_figures.Request(**given, layout=layout, page=page)
        paper_figures.paper_figures(console(), request)
    else:
        from falcon_ctl.figures import talk

        asked = talk.Request(**given, systems=systems, policies=policy or (), chains=chain or ())
        talk.figures(console(), asked)


def sensitivity(
    which: options.TalkFigures = "all",
    percent: options.Percent = 30,
    seeds: options.Seeds = 5,
    trace: TraceTo = None,
    results_dir: Results = RESULTS,
    shared: Shared = False,
) -> None:
    """Change each cost of the profile in turn: which costs decide each figure.

    Takes minutes. Writes results/<time>/ with CSV and a tornado plot for each figure; with --trace
    the runs with the profile's amounts, and with each figure's largest effect, are recorded again.

    Examples:
      falcon_ctl sensitivity --figures 2 --percent 10
    """
    from falcon_ctl.figures import sensitivity_report
    from falcon_ctl.timeline import trace_file

    files.set_sharing(shared)
    if trace is not None:
        trace_file.verify(trace)
    sensitivity_report.sensitivity(console(), which, percent, seeds, results_dir, trace)


def order(
    seeds: options.Seeds = 5,
    trace: TraceTo = None,
    results_dir: Results = RESULTS,
    shared: Shared = False,
) -> None:
    """Compare the ways to keep flows in order whose stages change cores: the price of order.

    Needs no network. Writes results/<time>/ with CSV and a picture. Exit status 1 when hand-over
    reorders anything; loads with which it costs more than 5 % of the rate are named.

    Examples:
      falcon_ctl order --seeds 10
    """
    from falcon_ctl.figures import price_report
    from falcon_ctl.timeline import trace_file

    files.set_sharing(shared)
    if trace is not None:
        trace_file.verify(trace)
    raise typer.Exit(0 if price_report.order(console(), seeds, results_dir, trace) else 1)
