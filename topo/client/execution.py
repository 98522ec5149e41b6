"""A program running in a node, from the client's side: wait for it, signal it, feed it."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import IO, Any, NamedTuple

from topo.client.connection import understood
from topo.errors import RequestError
from topo.protocol.channel import Channel, Message
from topo.protocol.replies import result_of

EXEC, SIGNAL = 1, 2  # ids of the requests on a program's connection


class Streams(NamedTuple):
    """File descriptors that become the standard streams of a program."""

    stdin: int
    stdout: int
    stderr: int


INHERITED = Streams(0, 1, 2)


class Execution:
    """A started program. Closing it early sends the program SIGHUP, as a closing terminal does."""

    def __init__(self, channel: Channel, params: Message, streams: Streams) -> None:
        self._channel = channel
        with contextlib.suppress(ConnectionError):  # `wait` reads why the daemon hung up
            channel.send({"id": EXEC, "op": "exec", "params": params}, streams)
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        """Send a signal to the program and every process in its process group."""
        message = {"id": SIGNAL, "op": "signal", "params": {"signal": int(number)}}
        try:
            self._channel.send(message)
        except ConnectionError:
            raise RequestError("failed", "exec", "the network went down") from None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status as subprocess reports it (negative: killed by that signal).

        Raises TimeoutError after `timeout` seconds, while the program is still running.
        """
        if self.returncode is None:
            self._channel.sock.settimeout(timeout)
            reply = self._receive()
            while reply.get("id") == SIGNAL:
                reply = self._receive()
            with understood():
                self.returncode = int(result_of(reply)["returncode"])
        return self.returncode

    def _receive(self) -> Message:
        try:
            with understood():
                answer = self._channel.receive()
        except ConnectionError:
            answer = None
        if answer is None:
            raise RequestError("failed", "exec", "the network went down while the program ran")
        return answer[0]

    def close(self) -> None:
        """Close the connection; a program that is still running receives SIGHUP."""
        self._channel.close()


def communicate(
    start: Callable[[Streams], Execution],
    argv: Sequence[str],
    given: bytes | None,
    timeout: float | None,
) -> subprocess.CompletedProcess[Any]:
    """Start a program, write its input, capture its output, and wait for its end.

    Args:
        start: starts the program with the given standard streams.
        argv: the command, as the result and a TimeoutExpired report it.
        given: bytes for standard input; None inherits ours.
        timeout: seconds until the program is killed and subprocess.TimeoutExpired raised.
    """
    pipes = _Pipes(given)
    try:
        execution = start(pipes.theirs)
    except BaseException:
        pipes.close_ours()
        raise
    finally:
        pipes.close_theirs()
    try:
        pipes.pump()
        returncode = execution.wait(timeout)
    except TimeoutError:
        execution.send_signal(signal.SIGKILL)
        execution.wait()
        out, err = pipes.collected()
        raise subprocess.TimeoutExpired(list(argv), timeout or 0.0, out, err) from None
    finally:
        execution.close()
    return subprocess.CompletedProcess(list(argv), returncode, *pipes.collected())


class _Pipes:
    """The pipes to and from one program; `theirs` are the program's ends."""

    def __init__(self, given: bytes | None) -> None:
        self._output: list[bytes] = [b"", b""]
        out, err = os.pipe(), os.pipe()
        self._ours: list[IO[bytes]] = [os.fdopen(out[0], "rb"), os.fdopen(err[0], "rb")]
        self._threads = [
            threading.Thread(target=self._drain, args=(index, reader), daemon=True)
            for index, reader in enumerate(self._ours)
        ]
        self._close: list[int] = [out[1], err[1]]
        stdin = 0
        if given is not None:
            stdin, write = os.pipe()
            self._close.append(stdin)
            writer = os.fdopen(write, "wb")
            self._ours.append(writer)
            self._threads.append(threading.Thread(target=_feed, args=(writer, given), daemon=True))
        self.theirs = Streams(stdin, out[1], err[1])

    def _drain(self, index: int, reader: IO[bytes]) -> None:
        with reader:
            self._output[index] = reader.read()

    def pump(self) -> None:
        for thread in self._threads:
            thread.start()

    def close_ours(self) -> None:
        for file in self._ours:
            file.close()

    def close_theirs(self) -> None:
        for fd in self._close:
            os.close(fd)

    def collected(self) -> tuple[bytes, bytes]:
        for thread in self._threads:
            thread.join()
        return self._output[0], self._output[1]


def _feed(writer: IO[bytes], given: bytes) -> None:
    try:
        with writer:
            writer.write(given)
    except BrokenPipeError:
        pass  # the program closed its standard input early, as with any pipe
