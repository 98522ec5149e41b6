"""The stream of a session: arbitration and digests (P4Runtime specification 1.4, section 16).

Whatever the switch sends, and however fast, only the latest arbitration and `LISTS` digest lists
are kept. A list that does not fit is not acknowledged, so the switch reports its contents again.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

import grpc
from google.rpc import code_pb2
from p4.v1 import p4runtime_pb2

LISTS = 64
_BMV2 = "Is backup"  # all that BMv2 says
_END = 1.0  # s that a switch has to end its side


def sign(message: Any, election_id: int) -> None:
    """Write a number of 128 bits into a p4.v1.Uint128."""
    message.high, message.low = election_id >> 64, election_id & (1 << 64) - 1


class Stream:
    """An open StreamChannel; it asks to be primary when it is made, with this election id."""

    def __init__(self, stub: Any, device_id: int, election_id: int) -> None:
        self._outgoing: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._digests: queue.Queue[Any] = queue.Queue(LISTS)
        self._answered = threading.Event()
        self._arbitration: Any = None
        self._lock, self._ended = threading.Lock(), False
        self._at_end: list[Callable[[], None]] = []
        self._call = stub.StreamChannel(iter(self._outgoing.get, None))
        self._reader = threading.Thread(target=self._read, name="p4rt-stream", daemon=True)
        self._reader.start()
        request = p4runtime_pb2.StreamMessageRequest()
        request.arbitration.device_id = device_id
        sign(request.arbitration.election_id, election_id)
        self._outgoing.put(request)

    def wait_arbitrated(self, seconds: float) -> bool:
        """Whether the switch says who is primary within `seconds`."""
        return self._answered.wait(seconds)

    @property
    def is_primary(self) -> bool:
        """By the latest arbitration this session may write."""
        return self._arbitration is not None and self._arbitration.status.code == code_pb2.OK

    @property
    def is_vacant(self) -> bool:
        """By the latest arbitration nobody may write, as no open session has the highest id."""
        return self._arbitration is not None and self._arbitration.status.code == code_pb2.NOT_FOUND

    @property
    def highest(self) -> int:
        """The highest election id that the switch has seen, by the latest arbitration."""
        if self._arbitration is None:
            return 0
        number = self._arbitration.election_id
        return int(number.high << 64 | number.low)

    @property
    def holder(self) -> str:
        """Who is primary instead: in the switch's words, or by the election id, if it says so."""
        if self._arbitration is None:
            return "unknown"
        said: str = self._arbitration.status.message
        return said if len(said) > len(_BMV2) else f"election id {self.highest} holds it"

    @property
    def is_alive(self) -> bool:
        """The stream is still open."""
        return bool(self._call.is_active())

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call `callback` from a thread of ours as soon as the stream ends.

        It may close the channel. In a thread of gRPC's, which calls what `add_callback` is given,
        that would wait for this very thread.
        """
        with self._lock:
            if not self._ended:
                self._at_end.append(callback)
                return
        callback()

    def next_digest(self, seconds: float) -> Any | None:
        """Next DigestList, None after `seconds` without one."""
        try:
            return self._digests.get(timeout=seconds) if seconds else self._digests.get_nowait()
        except queue.Empty:
            return None

    def ack(self, digests: Any) -> None:
        """Acknowledge a DigestList, so that the switch may report its contents again."""
        request = p4runtime_pb2.StreamMessageRequest()
        request.digest_ack.digest_id = digests.digest_id
        request.digest_ack.list_id = digests.list_id
        self._outgoing.put(request)

    def close(self) -> None:
        """End the stream; a switch that does not end its side is not waited for."""
        self._outgoing.put(None)
        self._reader.join(timeout=_END)
        self._call.cancel()
        self._reader.join(timeout=_END)

    def _read(self) -> None:
        with contextlib.suppress(grpc.RpcError):  # requests fail by themselves
            for message in self._call:
                self._take(message)
        with contextlib.suppress(queue.Full):  # whoever waits need not wait any longer
            self._digests.put_nowait(None)
        with self._lock:
            self._ended = True
        for callback in self._at_end:
            callback()

    def _take(self, message: Any) -> None:
        if message.HasField("arbitration"):
            self._arbitration = message.arbitration
            self._answered.set()
        elif message.HasField("digest"):
            with contextlib.suppress(queue.Full):
                self._digests.put_nowait(message.digest)
