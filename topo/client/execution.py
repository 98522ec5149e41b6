"""A program running in a node, from the client's side: wait for it, signal it, feed it."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import IO, Any

from topo.errors import RequestError
from topo.protocol.channel import Channel, Message, ProtocolError
from topo.protocol.replies import result_of

Stream = int | IO[Any] | None
Streams = dict[str, Stream]
EXEC, SIGNAL = 1, 2  # ids of the requests on a program's connection


class Execution:
    """A started program. Closing it early sends the program SIGHUP, as a closing terminal does."""

    def __init__(
        self, channel: Channel, params: Message, streams: tuple[Stream, Stream, Stream]
    ) -> None:
        self._channel = channel
        fds = [
            number if stream is None else stream if isinstance(stream, int) else stream.fileno()
            for number, stream in enumerate(streams)
        ]
        self._send({"id": EXEC, "op": "exec", "params": params}, fds)
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        """Send a signal to the program and every process in its process group."""
        self._send({"id": SIGNAL, "op": "signal", "params": {"signal": int(number)}})

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status as subprocess reports it (negative: killed by that signal).

        Raises TimeoutError after `timeout` seconds, while the program is still running.
        """
        if self.returncode is None:
            self._channel.sock.settimeout(timeout)
            reply = self._receive()
            while reply.get("id") != EXEC:  # the reply to a signal
                reply = self._receive()
            self.returncode = int(result_of(reply)["returncode"])
        return self.returncode

    def _receive(self) -> Message:
        try:
            answer = self._channel.receive()
        except (ConnectionError, ProtocolError):
            answer = None
        if answer is None:
            raise RequestError("failed", "exec", "the network went down while the program ran")
        return answer[0]

    def close(self) -> None:
        """Close the connection; a program that is still running receives SIGHUP."""
        self._channel.close()

    def _send(self, message: Message, fds: Sequence[int] = ()) -> None:
        try:
            self._channel.send(message, fds)
        except ConnectionError:
            raise RequestError("failed", "exec", "the network went down") from None


def communicate(
    start: Callable[[Streams], Execution],
    argv: Sequence[str],
    given: bytes | None,
    stdin: Stream,
    capture: bool,
    timeout: float | None,
) -> subprocess.CompletedProcess[Any]:
    """Start a program with the pipes that it needs, write its input, read its output, wait.

    Args:
        start: starts the program with the given standard streams.
        argv: the command, as the result and a TimeoutExpired report it.
        given: bytes for standard input; None leaves `stdin`.
        stdin: standard input when `given` is None.
        capture: whether to collect standard output and error, as bytes.
        timeout: seconds until the program is killed and subprocess.TimeoutExpired raised.
    """
    pipes = _Pipes(given, capture)
    try:
        execution = start({"stdin": stdin, "stdout": None, "stderr": None} | pipes.theirs)
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
    """The pipes to and from one program; `theirs` are the program's ends, by stream name."""

    def __init__(self, given: bytes | None, capture: bool) -> None:
        self.theirs: Streams = {}
        self._ours: list[IO[bytes]] = []
        self._output: list[bytes | None] = [None, None]
        self._threads: list[threading.Thread] = []
        if given is not None:
            read, write = os.pipe()
            self.theirs["stdin"] = read
            writer = os.fdopen(write, "wb")
            self._ours.append(writer)
            self._threads.append(threading.Thread(target=_feed, args=(writer, given), daemon=True))
        for index, name in enumerate(("stdout", "stderr") if capture else ()):
            read, write = os.pipe()
            self.theirs[name] = write
            reader = os.fdopen(read, "rb")
            self._ours.append(reader)
            self._threads.append(
                threading.Thread(target=self._drain, args=(index, reader), daemon=True)
            )

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
        for fd in self.theirs.values():
            assert isinstance(fd, int)
            os.close(fd)

    def collected(self) -> tuple[bytes | None, bytes | None]:
        for thread in self._threads:
            thread.join()
        return self._output[0], self._output[1]


def _feed(writer: IO[bytes], given: bytes) -> None:
    try:
        with writer:
            writer.write(given)
    except BrokenPipeError:
        pass  # the program closed its standard input early, as with any pipe
