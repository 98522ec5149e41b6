"""Runs as pandas tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from falcon_ctl.errors import UsageError
from falcon_ctl.lab.run import Run, labels
from falcon_ctl.report.provenance import Provenance

if TYPE_CHECKING:
    import pandas as pd


def table(runs: Sequence[Run], provenance: Provenance | None = None) -> pd.DataFrame:
    """One row for each run.

    Columns: `system`, `clock`, `proto`, `flows` (how many), `rate_pps` (offered, packets/s of each
    flow; none for TCP) and `ms` as they were asked for; `pps` delivered packets/s; `mean_us`,
    `p50_us` and `p99_us` latency, µs; `sent`, `delivered`, `lost`, `reordered` packets; `cpu_ns`
    that all CPUs together spent for a delivered packet; `cores` that were busy for 1 % or more,
    the `busiest` one and its load (`busiest_percent`); `invalid` says why the row must not be used.
    All times are model time.  Knobs that were set have columns of their own.

    Args:
        runs: in the order of the rows.
        provenance: goes into `DataFrame.attrs["provenance"]`, as JSON values.

    Raises:
        UsageError: pandas is not installed.
    """
    made = _pandas().DataFrame([run.row() for run in runs])
    if provenance is not None:
        made.attrs["provenance"] = provenance.document()
    return made


def cores(runs: Sequence[Run]) -> pd.DataFrame:
    """Load of each core, percent of the run's time: a row for each run, a column for each CPU.

    Raises:
        UsageError: pandas is not installed.
    """
    cpus = sorted({cpu for run in runs for cpu, load in run.measured.loads.items() if load >= 1})
    rows = [[round(run.measured.loads.get(cpu, 0.0), 1) for cpu in cpus] for run in runs]
    pd = _pandas()
    return pd.DataFrame(rows, pd.Index(labels(runs), name="run"), pd.Index(cpus, name="cpu"))


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        expected = "it, from `pip install 'falcon-testbed[notebook]'`"
        raise UsageError("lab", "pandas is not installed", expected) from error
    return pd
