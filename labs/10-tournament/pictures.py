"""Draws what doing nothing, stage hashing and FALCON make of each kind of round."""

import runpy
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from labs.draw import Draw

HERE = Path(__file__).parent
SEEDS = 1  # students whose rounds are played
PLAYERS = {
    "falcon-pipelining": ("stage hashing", "#55a868", "//"),
    "falcon": ("FALCON", "#4c72b0", ""),
}


class InProcess:
    """Plays in this process, where a check asks a worker."""

    def __init__(self) -> None:
        self._trial = runpy.run_path(str(HERE / "trial.py"))

    def trial(self, name: str, **arguments: object) -> object:
        """What the function of trial.py returns."""
        return self._trial[name](**arguments)


def draw(folder: Path) -> None:
    """Write rounds.svg to `folder`; the same bytes each time."""
    with mpl.rc_context({"svg.hashsalt": "lab 10", "svg.fonttype": "none"}):
        rounds().savefig(folder / "rounds.svg", metadata={"Date": None}, bbox_inches="tight")


def rounds() -> Figure:
    """The scores of some students' rounds, by kind."""
    checks = runpy.run_path(str(HERE / "checks.py"))
    kinds = list(checks["KINDS"])
    figure = Figure(figsize=(8, 3.2))
    axes = figure.subplots()
    axes.axhline(1, color="black", linewidth=1)
    for place, (player, (label, colour, hatch)) in enumerate(PLAYERS.items()):
        found: dict[str, list[float]] = {kind: [] for kind in kinds}
        for seed in range(SEEDS):
            given = checks["parameters"](Draw(f"picture {seed}"))
            scores = checks["scores"](InProcess(), given, player)
            for load, score in zip(given["rounds"], scores, strict=True):
                found[load["kind"]].append(score)
        means = [sum(found[kind]) / len(found[kind]) for kind in kinds]
        at = [index + 0.38 * place - 0.19 for index in range(len(kinds))]
        axes.bar(at, means, 0.36, color=colour, hatch=hatch, edgecolor="white", label=label)
    axes.set_xticks(range(len(kinds)), kinds)
    axes.set_ylabel("score")
    axes.text(len(kinds) - 0.5, 1.02, "doing nothing", ha="right", fontsize=8)
    axes.legend()
    return figure


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
