"""`labs tournament`: a class's submissions → standings."""

from __future__ import annotations

import csv
import io
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from falcon_ctl import files
from labs import judging, process
from labs.catalogue import Lab
from labs.grading.sandbox import bubblewrap
from labs.grading.submissions.collect import Submission
from labs.student import Wrap
from labs.tournament import page
from labs.tournament.matches import matches, play_all
from labs.tournament.standings import Standing, standings
from rxpath.texts import escaped


def run(
    submissions: Sequence[Submission],
    lab: Lab,
    seeds: Sequence[str],
    html: Path | None,
    table: Path | None,
    *,
    jobs: int = 0,
    unsafe: bool = False,
) -> None:
    """Play, print the standings, and write the page and the table where they were asked for."""
    for option, path in (("--html", html), ("--csv", table)):
        if path is not None:
            files.verify_target(option, path)
    checks = judging.load(lab)
    if not unsafe:
        bubblewrap.verify(process.ROOT)
    with tempfile.TemporaryDirectory(prefix="labs-play-") as name:
        began = time.time() - 1  # s; some file systems keep whole seconds
        found = matches(checks, seeds, Path(name))
        opponents = found.opponents()
        with bubblewrap.caches(Path(name), began) as cached:

            def wrap(folder: Path) -> Wrap:
                return tuple if unsafe else bubblewrap.wrap(process.ROOT, folder, cached)

            scores, absent = play_all(found, submissions, wrap, jobs or os.cpu_count() or 1, _say)
    standing = standings(found.rounds, scores, opponents, absent)
    if table is not None:
        files.replace(table, _csv(standing))
    if html is not None:
        files.replace(html, page.text(lab.name, found.rounds, standing))
    _show(standing)


def _say(name: str, why_not: str) -> None:
    print(escaped(f"{name} {'did not play: ' + why_not if why_not else 'played'}"), flush=True)


def _show(found: Sequence[Standing]) -> None:
    print(f"{'':>3} {'player':24} {'mean':>6} {'worst':>6} {'won':>4}")
    for one in found:
        if one.place:
            place, won = ("", "") if one.opponent else (str(one.place), str(one.won))
            name = escaped(one.name)[:24]
            print(f"{place:>3} {name:24} {one.mean:6.3f} {one.worst:6.2f} {won:>4}")


def _csv(found: Sequence[Standing]) -> str:
    kinds = list(found[0].kinds)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["place", "player", "opponent", "mean", "worst", "won", *kinds, "why_not"])
    for one in found:
        scores = (
            [one.mean, one.worst, *one.kinds.values()] if one.place else [""] * (2 + len(kinds))
        )
        mean, worst, *by_kind = (score if score == "" else f"{score:.4f}" for score in scores)
        place = "" if one.opponent else one.place
        writer.writerow(
            [place, one.name, int(one.opponent), mean, worst, one.won, *by_kind, one.why_not]
        )
    return text.getvalue()
