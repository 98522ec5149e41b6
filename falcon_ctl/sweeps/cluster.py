"""The same points on an existing Dask cluster.

The workers need this package in the same version (`work` checks); a policy's text travels with its
tasks. Nothing else of the cluster is touched.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from falcon_ctl.errors import CtlError, PartFailed, UsageError
from falcon_ctl.sweeps.run import Runner, named
from falcon_ctl.sweeps.work import Row, Task, work
from rxpath.errors import RxPathError

SECONDS = 10  # within which a scheduler must answer
HINT = "pip install 'falcon-testbed[cluster]'"


def dask(address: str) -> Runner:
    """On the cluster of a scheduler, such as tcp://10.0.0.1:8786.

    Raises:
        UsageError: Dask is not installed.
    """
    try:
        import distributed  # the extra `cluster`
    except ImportError as error:
        raise UsageError("--scheduler", "dask.distributed is not installed", HINT) from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it logs is reported here

    def runner(tasks: Sequence[Task]) -> Iterator[tuple[Task, Row]]:
        with _connected(distributed, address) as client:
            futures = client.map(work, tasks, pure=False)
            by_key = dict(zip((future.key for future in futures), tasks, strict=True))
            for future in _as_done(distributed, futures):
                task = by_key[future.key]
                yield task, _result(address, task, future)
                future.release()

    return runner


def _as_done(distributed: Any, futures: list[Any]) -> Iterator[Any]:
    yield from distributed.as_completed(futures)


def _connected(distributed: Any, address: str) -> Any:
    """A client of a scheduler that has workers."""
    try:
        client = distributed.Client(address, timeout=SECONDS)
    except (OSError, ValueError, distributed.TimeoutError) as error:
        raise PartFailed(f"scheduler {address}", f"no answer in {SECONDS} s") from error
    try:
        client.wait_for_workers(1, timeout=SECONDS)
    except distributed.TimeoutError as error:  # not the built-in one with Python 3.10
        client.close()
        raise PartFailed(f"scheduler {address}", "it has no workers") from error
    return client


def _result(address: str, task: Task, future: Any) -> Row:
    """The row of a finished future. Raises what ended it, in one line."""
    try:
        return named(task, future.result)
    except (CtlError, RxPathError):
        raise
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise PartFailed(f"scheduler {address}", what[:300]) from error
