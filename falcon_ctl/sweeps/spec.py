"""A sweep's YAML file, validated; errors name the line.

    systems: [overlay, falcon, policies/mine.py:mine]
    proto: [udp, tcp]
    flows: [1, 4, 16]
    threshold: [60, 80, 90]
    knobs: {ring: [256, 1024]}
    seeds: 5

Each axis is a value or a list of values; `AXES` describes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
)

from falcon_ctl.errors import UsageError
from falcon_ctl.virtual.wire import FULL, MOST_DATAGRAM
from topo.spec import yaml_tree
from topo.spec.yaml_tree import Tree, TreeError, parse

T = TypeVar("T")
# FALCON's and RPS' first n cores are `CORES[:n]`; the last four also do GRO splitting.
CORES = (0, 2, 4, 6, 8, 10, 12, 14, 16, 18)
MOST_FLOWS, MOST_WINDOW, LARGEST, MOST_SEEDS = 1024, 4096, 9014, 10_000
SMALLEST = 67  # bytes: a TCP segment with the timestamp option and a byte of payload

AXES = {
    "systems": "names of systems, or FILE.py:NAME for a custom policy",
    "proto": "udp, tcp",
    "flows": f"integers from 1 to {MOST_FLOWS}",
    "bytes": f"bytes of a frame without its tunnel, from {SMALLEST} (udp: 64) to {LARGEST}",
    "message": f"bytes that a client sends at a time, from 1 to {MOST_DATAGRAM}, in place of bytes",
    "cores": f"how many cores FALCON and RPS have, from 1 to {len(CORES)}",
    "threshold": "FALCON's threshold, percent from 0 to 100",
    "rate": "packets/s, or messages/s, of each udp flow, up to 1e8",
    "window": f"segments of each tcp connection, from 1 to {MOST_WINDOW}",
    "knobs": "a mapping of the host's knobs, such as falcon.order, to values or lists",
    "costs": "a mapping of amounts of the cost profile, such as ipi_send.ns, to ns",
    "seeds": f"how many, from 1 to {MOST_SEEDS}, or a list of integers of 0 or more",
    "ms": "measured model time in milliseconds, from 1 to 10000",
    "warm_ms": "model time before that, from 0 to 10000",
}


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _distinct(values: list[T]) -> list[T]:
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ValueError(f"got {value} twice, expected each value once")
    return values


def _number(value: object) -> object:
    """Accept a rate such as 900e3, which is text to the YAML reader; it knows integers alone."""
    if isinstance(value, bool):
        raise ValueError("a truth value")
    return value


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Axis = Annotated[list[T], BeforeValidator(_listed), AfterValidator(_distinct), Field(min_length=1)]
Whole = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
Integers = Annotated[tuple[Whole, ...], BeforeValidator(_frozen)]
Value = Flag | Whole | str | Integers
Rate = Annotated[float, BeforeValidator(_number), Field(gt=0, le=1e8, allow_inf_nan=False)]
Time = Annotated[Whole, Field(ge=0, le=10_000)]


class Spec(BaseModel):
    """A sweep; an absent axis has its default, or is left to the host."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    systems: Axis[str]
    proto: Axis[Literal["udp", "tcp"]] = ["udp"]
    flows: Axis[Annotated[Whole, Field(ge=1, le=MOST_FLOWS)]] = [1]
    bytes: Axis[Annotated[Whole, Field(ge=64, le=LARGEST)]] | None = None
    message: Axis[Annotated[Whole, Field(ge=1, le=MOST_DATAGRAM)]] | None = None
    cores: Axis[Annotated[Whole, Field(ge=1, le=len(CORES))]] | None = None
    threshold: Axis[Annotated[Whole, Field(ge=0, le=100)]] | None = None
    rate: Axis[Rate] = [900e3]
    window: Axis[Annotated[Whole, Field(ge=1, le=MOST_WINDOW)]] = [256]
    knobs: dict[str, Axis[Value]] = {}
    costs: dict[str, Axis[Annotated[Whole, Field(ge=0)]]] = {}
    seeds: Axis[Annotated[Whole, Field(ge=0)]] = [1]
    ms: Annotated[Time, Field(ge=1)] = 10
    warm_ms: Time = 5


class File(NamedTuple):
    """A spec with its text and where it came from."""

    spec: Spec
    path: Path
    text: str
    tree: Tree

    def error(self, path: tuple[str | int, ...], what: str, expected: str) -> UsageError:
        """An error at a key of the file."""
        return _error(str(self.path), self.tree.line(path), path, what, expected)


def _error(
    source: str, line: int, path: tuple[str | int, ...], what: str, expected: str
) -> UsageError:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]
    return UsageError(f"{source}:{line}: {key}" if key else f"{source}:{line}", what, expected)


def read(path: Path) -> File:
    """The spec in a file. Raises UsageError with key, line, and what is allowed."""
    try:
        text = yaml_tree.read(path)
    except OSError as error:
        raise UsageError(str(path), str(error.strerror), "a YAML file") from error
    except UnicodeDecodeError as error:
        raise UsageError(str(path), "not UTF-8", "a YAML file") from error
    return from_yaml(text, path)


def from_yaml(text: str, path: Path) -> File:
    """The spec in a text; errors call it `path`."""
    try:
        tree = parse(text)
    except TreeError as error:
        expected = error.expected.removeprefix("expected ")
        raise _error(str(path), error.line, error.path, "no tree of keys", expected) from None
    file = File(Spec.model_construct(), path, text, tree)
    if not isinstance(tree.data, dict):
        raise file.error((), "no mapping", f"some of the axes {', '.join(AXES)}")
    try:
        spec = Spec.model_validate(_with_seeds(file))
    except ValidationError as error:
        raise _wrong(file, error) from None
    file = file._replace(spec=spec)
    for key, what, expected in _contradictions(spec):
        raise file.error(key, what, expected)
    return file


def _with_seeds(file: File) -> dict[str, Any]:
    """The file's data, with a count of seeds as a list of them."""
    data: dict[str, Any] = file.tree.data
    count = data.get("seeds")
    if type(count) is not int:
        return data
    if not 1 <= count <= MOST_SEEDS:
        raise file.error(("seeds",), str(count), AXES["seeds"])
    return {**data, "seeds": list(range(1, count + 1))}


def _wrong(file: File, error: ValidationError) -> UsageError:
    """The first of pydantic's findings in the file, in this project's form."""
    found = [(file.tree.line(one["loc"][:2]), one) for one in error.errors()]
    _, first = min(found, key=lambda item: item[0])
    path = tuple(first["loc"])
    axis = str(path[0])
    path = path[: 3 if axis in ("knobs", "costs") else 2]
    if path not in file.tree.lines:  # one value that stands for a list
        path = path[:-1]
    if first["type"] == "missing":
        return file.error((axis,), "absent", AXES[axis])
    if axis not in AXES:
        return file.error((axis,), "no axis", f"one of {', '.join(AXES)}")
    if first["type"] == "value_error" and " twice" in first["msg"]:
        what, _, expected = first["msg"].partition("got ")[2].partition(", expected ")
        return file.error(path, what, expected)
    return file.error(path, _shown(first["input"]), AXES[axis])


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _contradictions(spec: Spec) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Keys that contradict each other: (key, what is wrong, what is expected)."""
    given = spec.model_fields_set
    for axis, proto in (("rate", "udp"), ("window", "tcp")):
        if axis in given and proto not in spec.proto:
            yield (axis,), "given", f"{proto} among proto, to which it belongs"
    if spec.bytes and spec.message:
        yield ("message",), "given", "this or bytes"
    if spec.bytes and "tcp" in spec.proto and min(spec.bytes) < SMALLEST:
        yield ("bytes",), str(min(spec.bytes)), f"{SMALLEST} or more, for tcp"
    for axis, knobs in (
        ("cores", ("falcon.cpus", "rps_cpus")),
        ("threshold", ("falcon.threshold",)),
    ):
        for knob in knobs:
            if getattr(spec, axis) is not None and knob in spec.knobs:
                yield ("knobs", knob), "given", f"this or {axis}, which sets it"
    for knob in ("profile", "policy", "cost_overrides", "falcon"):
        if knob in spec.knobs:
            what = "a knob such as ring or falcon.order; systems and costs set the others"
            yield ("knobs", knob), "given", what


def default_bytes(proto: str) -> int:
    """Bytes of a frame where the spec does not say: small datagrams, full segments."""
    return 64 if proto == "udp" else FULL
