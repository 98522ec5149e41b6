"""What keeps forwarding from waiting for control: short turns, no collections, no long calls.

How long they wait is measured by benchmarks/switch_stalls.py, on a machine that does nothing else.
"""

import gc
import sys
import threading
import weakref

import pytest

from tests.v1switch import large
from tests.v1switch.twin import COMPILED
from v1switch.commands import interpreter
from v1switch.control.dataplane import Dataplane
from v1switch.control.lock import DataplaneLock
from v1switch.engines.python import bytecode
from v1switch.engines.python.engine import PythonEngine
from v1switch.errors import ProgramError
from v1switch.program.json_cursor import Node
from v1switch.program.loader import load_program

WIRE = (COMPILED / "wire.json").read_bytes()


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Cycle:
    """An object that only the collector frees."""

    def __init__(self):
        self.me = self


# ---- the interpreter ---------------------------------------------------------------------------


def test_programs_and_states_are_freed_without_a_collection(no_collector):
    plane = Dataplane(PythonEngine())
    gone = []
    for _ in range(3):
        plane.load(load_program(WIRE))
        gone += [weakref.ref(plane.state), weakref.ref(plane.forwarder.process)]
    assert [ref() is None for ref in gone] == [True] * 4 + [False] * 2


def test_the_document_of_a_program_is_freed_without_a_collection(no_collector):
    root = Node.parse(WIRE)
    gone = weakref.ref(type("Marker", (), {})())
    marker = type("Marker", (), {})()
    gone = weakref.ref(marker)
    root.value["name"], root.value["marker"] = "named", marker
    children = [root.get("headers"), *root.items("headers")]
    del marker, root, children
    assert gone() is None


def test_few_old_objects_are_collected_many_are_left_alone(monkeypatch):
    made = Cycle()
    gone = weakref.ref(made)
    gc.collect(1)  # the cycle is old now
    del made
    monkeypatch.setattr(interpreter, "FEW", 0)
    try:
        interpreter.tidy()
        assert gone() is not None
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()
    monkeypatch.setattr(interpreter, "FEW", 1 << 40)
    interpreter.tidy()
    assert gone() is None


def test_turns_are_short_inside_only():
    before = sys.getswitchinterval(), gc.get_threshold()
    try:
        with interpreter.short_turns():
            assert sys.getswitchinterval() == interpreter.TURN_S
            assert gc.get_threshold()[2] == interpreter.NEVER
    finally:
        sys.setswitchinterval(before[0])
        gc.set_threshold(*before[1])
        gc.unfreeze()


def test_a_writer_wakes_a_burst_that_waits_for_frames():
    lock, woken = DataplaneLock(), threading.Event()
    lock.wake = woken.set

    def write():
        with lock.writer():
            pass

    lock.enter()
    writer = threading.Thread(target=write)
    writer.start()
    assert woken.wait(60)
    lock.leave()
    writer.join(60)
    assert not writer.is_alive()


# ---- large programs ----------------------------------------------------------------------------


def test_large_sources_are_compiled_elsewhere_to_the_same(monkeypatch):
    text = "def f(x):\n\treturn x + 1\n"
    here = bytecode.code_of(text, "<name>")
    monkeypatch.setattr(bytecode, "LARGE", 0)
    monkeypatch.setattr(bytecode, "compile", None, raising=False)
    elsewhere = bytecode.code_of(text, "<name>")
    assert here == elsewhere
    assert elsewhere.co_filename == "<name>"


def test_sources_that_are_too_deep_are_refused_from_elsewhere_as_well(monkeypatch):
    monkeypatch.setattr(bytecode, "LARGE", 0)
    with pytest.raises(RecursionError):
        bytecode.code_of("x = " + "-" * 100_000 + "1", "<name>")
    with pytest.raises(SyntaxError, match="invalid syntax"):
        bytecode.code_of("x = = 1", "<name>")


def test_a_large_program_forwards_like_a_small_one():
    plane = Dataplane(PythonEngine())
    plane.load(load_program(large.program(200)))
    assert plane.process(1, bytes(64)) == [(2, bytes(64))]


def test_a_program_of_a_million_parts_is_refused():
    with pytest.raises(ProgramError):
        load_program(b'{"__meta__": [' + b"{}," * 1_000_000 + b"{}]}")
