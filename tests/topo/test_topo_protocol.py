"""The control protocol: messages, descriptors, malformed input."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from topo.errors import RequestError
from topo.protocol.channel import MAX_LINE, Channel, ProtocolError
from topo.protocol.replies import failure, result_of, success

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    a, b = (Channel(sock) for sock in socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM))
    yield a, b
    a.close()
    b.close()


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), min_size=1, max_size=4), st.data())
@settings(max_examples=examples(60), deadline=None)
def test_messages_survive_any_segmentation(
    messages: list[dict[str, object]], data: st.DataObject
) -> None:
    (a, b), (c, d) = socket.socketpair(), socket.socketpair()
    sender, receiver = Channel(a), Channel(d)
    for message in messages:
        sender.send(message)
    sender.close()
    stream = b"".join(iter(lambda: b.recv(1 << 16), b""))
    received = []
    # Few enough for the socket's buffer, which charges each send with a whole sk_buff.
    cuts = data.draw(st.sets(st.integers(0, len(stream)), max_size=100))
    for begin, end in pairwise(sorted({0, *cuts, len(stream)})):
        c.sendall(stream[begin:end])
    c.close()
    while answer := receiver.receive():
        received.append(answer[0])
    assert received == messages
    receiver.close()
    b.close()


def test_descriptors_stay_with_their_line(ends: tuple[Channel, Channel]) -> None:
    a, b = ends
    pipes = [os.pipe() for _ in range(3)]
    a.send({"op": "none"})
    assert b.receive() == ({"op": "none"}, [])
    for number, (read, write) in enumerate(pipes):
        a.send({"op": number}, [read])
        received = b.receive()
        assert received is not None
        message, fds = received
        assert message == {"op": number}
        os.write(write, bytes([65 + number]))
        assert [os.read(fd, 8) for fd in fds] == [bytes([65 + number])]
        assert [os.get_inheritable(fd) for fd in fds] == [False]
        for fd in (*fds, *pipes[number]):
            os.close(fd)


def test_an_unfinished_line_is_not_a_message(ends: tuple[Channel, Channel]) -> None:
    a, b = ends
    a.sock.sendall(b'{"half": ')
    a.sock.shutdown(socket.SHUT_WR)
    assert b.receive() is None


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1, 2]\n", b"\xff\xfe\n", b"\n"])
def test_malformed_messages_are_rejected(ends: tuple[Channel, Channel], line: bytes) -> None:
    a, b = ends
    a.sock.sendall(line)
    with pytest.raises(ProtocolError):
        b.receive()


def test_overlong_lines_are_rejected(ends: tuple[Channel, Channel]) -> None:
    a, b = ends

    def send() -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            a.sock.sendall(bytes(2 * MAX_LINE))

    sender = threading.Thread(target=send)
    sender.start()
    with pytest.raises(ProtocolError, match=str(MAX_LINE)):
        b.receive()
    b.close()
    sender.join()


def test_replies_carry_results_and_errors() -> None:
    assert result_of(success(1, {"a": 2})) == {"a": 2}
    error = RequestError("bad_request", "node", "there is no m9")
    with pytest.raises(RequestError) as caught:
        result_of(failure(1, error))
    assert (caught.value.kind, caught.value.where, caught.value.message) == (
        "bad_request",
        "node",
        "there is no m9",
    )
    assert caught.value.is_bad_request
    with pytest.raises(ProtocolError):
        result_of({"id": 1})
