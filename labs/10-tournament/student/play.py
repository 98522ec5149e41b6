"""Plays your rounds (given.toml), and shows each round's score and their mean, beside FALCON's.

python play.py
python play.py another.py        # another policy's file, or a system such as falcon-pipelining
"""

import sys
from pathlib import Path

import labs
from labs.tournament.standings import mean

sys.path.insert(0, str(Path(labs.__file__).parent / "10-tournament"))
import trial  # what the checks run: it lies beside the handout

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def main():
    """Print a line for each round."""
    players = [sys.argv[1] if len(sys.argv) > 1 else "choose.py", "falcon", "overlay"]
    rounds = tomllib.loads(Path("given.toml").read_text())["rounds"]
    print(f"{'round':9}" + "".join(f"{player[-22:]:>24}" for player in players))
    scores = [[] for _ in players]
    for load, *played in zip(rounds, *(trial.play(player, rounds) for player in players)):
        line = f"{load['kind']:9}"
        for one, of_player in zip(played, scores):
            score, made_of = told(load, one, played[-1])
            of_player.append(score)
            line += f"{score:12.2f}  {made_of:10}"
        print(line.rstrip())
    print("mean     " + "".join(f"{mean(each):12.3f}{'':12}" for each in scores).rstrip())


def told(load, ours, overlay):
    """The score, and what it is made of."""
    if load["measures"] == "p99":
        return overlay["p99_us"] / ours["p99_us"], f"{ours['p99_us']:.1f} us"
    return ours["in_order"] / overlay["in_order"], f"{ours['in_order'] / 1e3:.0f} kpps"


if __name__ == "__main__":
    main()
