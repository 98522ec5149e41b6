"""Numbers of a run with names to find them again in another run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Record(NamedTuple):
    """A row of numbers: `key` identifies it in every run, `values` are by their names.

    `invalid`: why values are None that would be numbers otherwise.
    """

    key: tuple[str, ...]
    values: Mapping[str, float | None]
    invalid: str = ""


class Recorded(NamedTuple):
    """All records of a run; `names`: of the parts of a key."""

    names: Sequence[str]
    records: Sequence[Record]
