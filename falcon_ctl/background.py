"""Work in a thread that lasts as long as a `with` block."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

_PATIENCE = 5.0  # s; a loop looks at `_stop` many times in that
_DRAIN = 1.0  # s in which a loop may still read what had arrived when it was to stop


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
