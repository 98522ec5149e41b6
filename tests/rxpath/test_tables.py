"""Tables with named fields: the same in a kernel and in plain Python, and no other names."""

from __future__ import annotations

import numpy as np
import pytest
from numba.core import config
from numba.core.errors import TypingError

from rxpath.compile.groups import Group, Table, table
from rxpath.compile.jit import entry
from rxpath.compile.tables import LINE, Row, Rows, part, parts, word, words
from rxpath.model.state import machine, observed, packets, schedule, settings, steering
from rxpath.model.state.host import State
from rxpath.tcp import state as tcp

DECLARED = [
    kind
    for module in (machine, observed, packets, schedule, settings, steering, tcp)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Row) and kind not in (Row, Group)
]


class Queue(Row):
    first = word("first item")
    last = word("last item")


class Device(Row):
    length = word("frames that wait")
    waiting = part(Queue, "where they wait")
    busy = words(3, "time used, by kind", "ns")
    queues = parts(2, Queue, "others")


class Machine(Group):
    clock = word("now", "ns")
    queue = part(Queue, "one")
    devices = parts(3, Device, "by number")
    more = table(Device, "as many as there are")


@entry
def touch(state, out, queue, i):
    """Read and write a field of each kind."""
    device = state.devices[i]
    device.length += 7
    device.waiting.last = device.length * 2
    device.busy[1] = 5
    device.queues[1].first = i
    state.more[i + 1].busy[2] -= 1
    state.clock = 11
    state.queue.first += device.waiting.last
    out[1].length = len(out)
    queue.last = state.clock
    return device.busy[1] + state.queue.first


def test_a_kernel_sees_the_fields_that_numpy_sees():
    state, out, queue = Machine(more=5), Rows.new(Device, 4), Queue.new()
    state.devices[2].length = 3
    assert touch(state, out, queue, 2) == 5 + 20
    assert state.devices.array["length"].tolist() == [0, 0, 10]
    assert state.devices.array["waiting"]["last"].tolist() == [0, 0, 20]
    assert state.devices.array["busy"].tolist() == [[0, 0, 0], [0, 0, 0], [0, 5, 0]]
    assert state.devices.array["queues"]["first"].tolist() == [[0, 0], [0, 0], [0, 2]]
    assert state.more.array["busy"][:, 2].tolist() == [0, 0, 0, -1, 0]
    assert (state.clock, state.queue.first) == (11, 20)
    assert out.array["length"].tolist() == [0, 4, 0, 0]
    assert queue.last == 11


def test_a_kernel_does_what_plain_python_does():
    plain, compiled = [Machine(more=5) for _ in range(2)]
    for state, function in ((plain, getattr(touch, "py_func", touch)), (compiled, touch)):
        for i in (0, 1, 2, 1):
            function(state, Rows.new(Device, 4), Queue.new(), i)
    assert plain.tobytes() == compiled.tobytes()
    assert any(plain.tobytes())


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_a_field_that_is_not_declared_is_an_error_when_the_kernel_is_compiled():
    def read(queue):
        return queue.frist

    def write(queue):
        queue.frist = 1

    for function in (read, write):
        with pytest.raises(TypingError, match="frist"):
            entry(function)(Queue.new())


def test_a_field_that_is_not_declared_is_an_error_in_plain_python():
    queue = Queue.new()
    with pytest.raises(AttributeError, match="frist"):
        queue.frist = 1
    with pytest.raises(AttributeError, match="frist"):
        print(queue.frist)
    with pytest.raises(ValueError, match="frist"):
        print(Rows.new(Queue, 1).array["frist"])


def test_a_field_cannot_be_called_as_what_a_row_has():
    with pytest.raises(TypeError, match=r"Pool\.address: a row has an attribute of that name"):
        type(Row)("Pool", (Row,), {"address": word("of the pool")})


@pytest.mark.parametrize("index", [-1, 3])
def test_plain_python_looks_at_indices(index):
    device = Device.new()
    with pytest.raises(IndexError):
        device.busy[index] = 1
    with pytest.raises(IndexError, match=f"row {index} of 3 of Queue"):
        print(Rows.new(Queue, 3)[index])


@pytest.mark.parametrize("kind", DECLARED, ids=lambda kind: kind.__name__)
def test_each_field_has_a_meaning_and_a_place_of_its_own(kind):
    end = 0
    for name, field in kind.FIELDS.items():
        assert field.name == name
        assert field.about
        assert field.at >= end
        end = field.at + field.size
    assert end <= kind.SIZE == kind.DTYPE.itemsize // 8
    assert kind.__doc__


def test_rows_that_events_look_at_begin_a_cache_line():
    names = [name for name, field in State.FIELDS.items() if isinstance(field, Table)]
    state = State(**dict.fromkeys(names, 2))
    for rows in (state.cpus, state.napis, state.stages, state.slots, state.flows, state.guard):
        assert rows.address % (8 * LINE) == 0
        assert rows.kind.SIZE % LINE == 0


def test_a_table_over_an_array_shares_its_memory():
    array = np.zeros(3, Queue.DTYPE)
    Rows(Queue, array)[1].last = 4
    assert array["last"].tolist() == [0, 4, 0]
