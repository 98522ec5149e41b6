"""Plays your rounds (given.toml), and shows each round's score, beside FALCON's.

python play.py
python play.py another.py        # another policy's file, or a system such as falcon-pipelining
"""

import sys
from pathlib import Path

import labs

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
    for load, *played in zip(rounds, *(trial.play(player, rounds) for player in players)):
        print(f"{load['kind']:9}" + "".join(f"{told(load, one, played[-1]):>24}" for one in played))


def told(load, ours, overlay):
    """The score, and what it is made of."""
    if load["measures"] == "p99":
        return f"{overlay['p99_us'] / ours['p99_us']:.2f}  {ours['p99_us']:5.1f} us p99"
    return f"{ours['in_order'] / overlay['in_order']:.2f}  {ours['in_order'] / 1e3:5.0f} kpps    "


if __name__ == "__main__":
    main()
