"""The finding about one program."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

NATIVE = "native"  # all of its frames run in machine code
PARTLY = "partly"  # frames that meet certain statements run in plain Python
PYTHON = "python"  # all of its frames do
REFUSED = "refused"  # the switch does not load it
FAILED = "failed"  # the compiler died or took too long: the fault is ours
RESULTS = (NATIVE, PARTLY, PYTHON, REFUSED, FAILED)


@dataclass(frozen=True)
class Finding:
    """One program's line of the table.

    Attributes:
        program: path of its file.
        result: one of RESULTS.
        object: what of the program `reason` is about; empty where that is the whole.
        reason: why it is not native; empty where it is.
        tables: how many it has, those that the compiler made included; None when refused.
        cpu_s: seconds of processor time from the loaded program to loaded machine code.
        peak_mib: the most memory (MiB) that the process had, Python and LLVM themselves included.
    """

    program: str
    result: str
    object: str = ""
    reason: str = ""
    tables: int | None = None
    cpu_s: float | None = None
    peak_mib: int | None = None

    @property
    def why(self) -> str:
        """Object and reason in one text."""
        return ": ".join(filter(None, (self.object, self.reason)))

    def as_dict(self) -> dict[str, Any]:
        """All attributes by name."""
        return asdict(self)


COLUMNS = tuple(field.name for field in fields(Finding))
