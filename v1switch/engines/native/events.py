"""What frames leave for Python to deliver: digests and log messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from struct import Struct

from v1switch.control.engine import SwitchContext
from v1switch.engines.messages import failed_assertion, log_message
from v1switch.engines.native.working_memory import WorkingMemory
from v1switch.lower import ir
from v1switch.program.model import LearnList
from v1switch.state.entries import DigestSample
from v1switch.state.words import WORD_BYTES, count, join

_REMEMBERED = 1024  # samples of a digest that are not decoded again: most frames repeat one


class Events:
    """Delivers the events of one program; see `output` for how they are laid out."""

    def __init__(
        self,
        switch: SwitchContext,
        learn_lists: Mapping[int, LearnList],
        messages: Sequence[tuple[str | None, tuple[ir.Int, ...]]],
    ) -> None:
        """Prepare the decoding of each digest; for `messages` see `Printed`."""
        self._switch = switch
        self._digests = {number: _Digest(learn) for number, learn in learn_lists.items()}
        self._messages = messages

    def deliver(self, memory: WorkingMemory) -> None:
        """Take all events of frames and deliver them in order."""
        for kind, values in memory.take_events():
            if kind < 0:
                self._log(*self._messages[-1 - kind], values)
            elif self._switch.on_digest is not None:
                digest = self._digests[kind]
                self._switch.on_digest(digest.sample(bytes(values[: digest.size])))

    @staticmethod
    def _log(text: str | None, kinds: Sequence[ir.Int], values: memoryview) -> None:
        if text is None:
            failed_assertion()
        else:
            log_message(text, tuple(_numbers(values, kinds)))


class _Digest:
    """A digest: `size` is the number of bytes that a sample takes, `sample` decodes them."""

    def __init__(self, learn: LearnList) -> None:
        kinds = tuple(ir.Int(width) for width in learn.widths)
        self.size = WORD_BYTES * sum(count(width) for width in learn.widths)
        self.sample = lru_cache(_REMEMBERED)(partial(_decode, learn.name, kinds))


def _decode(name: str, kinds: Sequence[ir.Int], values: bytes) -> DigestSample:
    return DigestSample(name, tuple(_numbers(values, kinds)))


def _numbers(values: bytes | memoryview, kinds: Sequence[ir.Int]) -> Iterator[int]:
    """The numbers of these types that consecutive words hold."""
    words = Struct(f"{sum(count(kind.bits) for kind in kinds)}q").unpack_from(values)
    at = 0
    for kind in kinds:
        size = count(kind.bits)
        number = join(words[at : at + size])
        negative = kind.signed and number >> (kind.bits - 1)
        yield number - (1 << kind.bits) if negative else number
        at += size
