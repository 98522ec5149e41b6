"""Work in threads: one that lasts as long as a `with` block, and several at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

_T = TypeVar("_T")
_LONGEST = 40.0  # s; more than any request of the controller may take
_PATIENCE = 5.0  # s; a loop looks at `_stop` many times in that
_DRAIN = 1.0  # s in which a loop may still read what had arrived when it was to stop


def in_parallel(actions: Mapping[str, Callable[[], _T]]) -> dict[str, _T | Exception]:
    """Run each action in a thread of its own; what each returned or raised, by its name.

    One that has not ended after `_LONGEST` seconds counts as a TimeoutError, and is left.
    """
    results: dict[str, _T | Exception] = {}

    def run(name: str, action: Callable[[], _T]) -> None:
        try:
            results[name] = action()
        except Exception as error:  # noqa: BLE001  # the caller raises it
            results[name] = error

    threads = [
        threading.Thread(target=run, args=(name, action), name=name, daemon=True)
        for name, action in actions.items()
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + _LONGEST
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = TimeoutError(f"no end within {_LONGEST:g} s")
    return {name: results.get(name, late) for name in actions}


@contextmanager
def workers(count: int | None) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads, for kernels that release the interpreter's lock.

    A block that is interrupted does not wait for what they compute; the process ends with them.
    """
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class Background:
    """Context manager: `_loop` runs in a thread while the block runs.

    `_loop` has to return soon after `_stop` is set; `_finish` is called afterwards.
    """

    def __init__(self, name: str) -> None:
        self._stop = threading.Event()
        self._end = float("inf")
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end = time.monotonic() + _DRAIN
        self._stop.set()
        self._thread.join(timeout=_PATIENCE)
        self._finish()

    def _is_over(self, idle: bool) -> bool:
        """A loop that was to stop found nothing more to read, or too much of it."""
        return self._stop.is_set() and (idle or time.monotonic() > self._end)

    def _loop(self) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        """Close what the thread used."""
