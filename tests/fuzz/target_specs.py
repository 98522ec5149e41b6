"""Topologies, sweeps, cost profiles and chains: users write them, with any mistake."""

import tempfile
from functools import cache
from pathlib import Path

from falcon_ctl.errors import UsageError
from falcon_ctl.sweeps import points, spec
from falcon_ctl.systems.catalogue import BY_NAME
from rxpath.config import costs, profiles
from rxpath.errors import ConfigError
from rxpath.texts import escaped
from tests.fuzz.choices import Choices
from topo.errors import SpecError
from topo.spec.yaml_file import from_yaml

ROOT = Path(__file__).parents[2]
VALID = {  # what a file of each kind is made of
    "topology": ROOT / "tests" / "topo" / "small.yaml",
    "sweep": ROOT / "labs" / "sweeps" / "thresholds.yaml",
    "costs": costs.DIRECTORY / "xeon-silver-4114.toml",
    "chain": ROOT / "labs" / "chains" / "double_bridge.toml",
}
PIECES = (
    *("", "\n", "  ", "- ", ": ", "[", "]", "{", "}", ",", "=", ".", "'", '"', '"""', "#", "\t"),
    *("&a ", "*a", "<<: *a", "!!x ", "? ", "| ", "---\n", "...", "%YAML 9\n", "null", "~", "true"),
    *("-1", "0", "9" * 30, "9" * 5000, "0x" + "f" * 5000, "1e400", "nan", "1_0", "1979-05-27"),
    *("x" * 5000, "\x00", "\x1b[2J", "\\u001b[2J", "\u202e", "\ufeff", "é", "a.b.c", "[[x]]\n"),
    *("[" * 40, "{a: " * 40, "a." * 40, "- " * 40, "10.0.0.0/33", "ff:ff:ff:ff:ff:ff", "s1:0"),
)
LONGEST = 1300  # characters of a message


@cache
def _valid(kind: str) -> str:
    return VALID[kind].read_text()


def decode(data: bytes) -> tuple[str, bytes]:
    """Which kind of file, and its content."""
    choose = Choices(data)
    kind = choose.pick(list(VALID))
    text = _valid(kind)
    for _ in range(choose.below(6)):
        start = choose.number(2) % (len(text) + 1)
        end = start + choose.pick((0, 0, 1, 4, 20, 1000))
        text = text[:start] + choose.pick(PIECES) * choose.pick((1, 1, 1, 2, 50)) + text[end:]
    content = text.encode()
    return kind, content + choose.take(choose.below(3)) if choose.chance(16) else content


def _read(kind: str, content: bytes, folder: Path) -> None:
    path = folder / f"file.{VALID[kind].suffix}"
    path.write_bytes(content)
    if kind == "topology":
        from_yaml(content.decode(errors="replace"), str(path))
    elif kind == "sweep":
        points.expand(spec.read(path), BY_NAME)
    elif kind == "costs":
        costs.load(str(path))
    else:
        profiles.chains(f"{path}:nested")


def run(data: bytes) -> str:
    """Read one file; what is wrong with it is one line."""
    kind, content = decode(data)
    with tempfile.TemporaryDirectory() as folder:
        try:
            _read(kind, content, Path(folder))
        except (SpecError, ConfigError, UsageError) as error:
            _check(escaped(str(error)))  # as the command lines print it
            return f"{kind} refused"
    return f"{kind} read"


def _check(said: str) -> None:
    assert said.strip(), "an empty message"
    assert said.isprintable(), f"not one line of printable text: {said!r}"
    assert len(said) < LONGEST, f"{len(said)} characters"


def show(data: bytes) -> dict[str, bytes]:
    """The kind of file, and the file."""
    kind, content = decode(data)
    return {"kind": kind.encode(), VALID[kind].suffix.removeprefix("."): content}


def seeds() -> list[bytes]:
    """Each kind as it should be, and with one piece."""
    return [bytes([kind, count, 0, 40, 0, piece]) for kind in range(4) for count in (0, 1)
            for piece in range(0, len(PIECES), 8)]  # fmt: skip


def warm_up() -> None:
    """Import what is imported when it is needed, and fill the caches."""
    for data in seeds():
        run(data)
