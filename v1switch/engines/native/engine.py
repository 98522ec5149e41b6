"""The engine itself: programs to machine code, with plain Python for what that hands over."""

from __future__ import annotations

import ctypes
import logging
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from v1switch.control.engine import (
    Engine,
    Forwarder,
    Frame,
    Prepared,
    Process,
    SwitchContext,
)
from v1switch.engines.native import context
from v1switch.engines.native import output as op
from v1switch.engines.native.compile import Compiled, compile_switch, loop_functions
from v1switch.engines.native.errors import NotNative
from v1switch.engines.native.events import Events
from v1switch.engines.native.printer.packets import words_of
from v1switch.engines.native.working_memory import WorkingMemory
from v1switch.io.ports import MAX_FRAME
from v1switch.lower import ir, lower
from v1switch.program.model import Program
from v1switch.state.lookup import Cell
from v1switch.state.program_state import State
from v1switch.state.queues import DEPTH, ENQUEUED, Leaving
from v1switch.state.words import address, join

log = logging.getLogger("v1switch")


class NativeEngine:
    """Compiles programs to machine code before they are committed."""

    mirrored = True

    def __init__(self, plain: Engine) -> None:
        """Compose an engine; `plain` carries the frames that machine code hands over."""
        self._plain = plain

    def prepare(self, program: Program) -> Prepared:
        """Compile a program; it stays with the plain engine where that fails.

        Raises:
            ProgramError: as the plain engine does.
        """
        plain = self._plain.prepare(program)
        code = compile_program(program)
        return plain if code is None else _Prepared(program, plain, code)


@dataclass(frozen=True)
class _Prepared:
    program: Program
    plain: Prepared
    code: MachineCode

    def bind(self, switch: SwitchContext, state: State) -> Forwarder:
        return self.code.bind(switch, state, self.plain.bind(switch, state))


@dataclass(frozen=True)
class MachineCode:
    """A program's machine code, for any state."""

    compiled: Compiled

    def bind(self, switch: SwitchContext, state: State, plain: Forwarder) -> Forwarder:
        """Make the forwarder of a state; `plain` carries what machine code hands over."""
        return Native(self.compiled, switch, state, plain.process)


def compile_program(program: Program) -> MachineCode | None:
    """Compile a program and log the outcome; None where it stays with plain Python."""
    try:
        compiled = compile_switch(lower(program))
    except NotNative as reason:
        log.warning("%s stays with plain Python: %s", program.name or "the program", reason)
        return None
    except Exception:  # a fault of our compiler must not stop the switch
        log.exception("%s stays with plain Python: a fault here", program.name or "the program")
        return None
    reasons = compiled.printed.reasons
    but = f"; plain Python carries frames that meet {', '.join(reasons)}" if reasons else ""
    log.info("machine code after %.2f s%s", compiled.seconds, but)
    return MachineCode(compiled)


class Native:
    """Machine code at work on one program's state.

    Attributes:
        compiled: the code.
        context: words that lead it to the state.
        memory: where it leaves what became of frames.
        plain: carries the frames that are handed over.
        number: of this among the owners of waiting packets, once it has run; 0 before.
    """

    def __init__(
        self, compiled: Compiled, switch: SwitchContext, state: State, plain: Process
    ) -> None:
        """Bind code to a switch and the state of the program it was made of."""
        self.compiled = compiled
        self.memory = WorkingMemory(compiled.printed)
        self.plain = plain
        self._switch = switch
        self._state = state  # whose memory machine code works on
        self._nothing = Cell()
        values = context.values(switch, state, self._nothing)
        slots = compiled.printed.slots
        self.context = array("q", [values[name] for name in slots] or [0])
        self._digests = slots.index(context.DIGESTS) if context.DIGESTS in slots else None
        self._events = Events(switch, state.program.learn_lists, compiled.printed.messages)
        self._undo, self._commit, self._release = map(
            loop_functions().__getitem__, ("undo", "commit", "release")
        )
        self.memory.words[op.QUEUES] = switch.queues.address
        self.number = 0

    def refresh(self) -> None:
        """Take over what may change between bursts without a write: who listens to digests.

        To be called before frames are run, by the thread that runs them.
        """
        if not self.number:
            self.number = self._switch.queues.register(self.resume)
            self.memory.words[op.NUMBER_OF_CODE] = self.number
        if self._digests is not None:
            self.context[self._digests] = self._switch.on_digest is not None

    def process(self, port: int, frame: bytes, now: int) -> list[Frame]:
        """Run one frame here, or through `plain` where it is handed over."""
        out = self.attempt(port, frame, now)
        if out is None:
            return self.plain(port, frame, now)
        self.commit()
        return out

    def attempt(self, port: int, frame: bytes, now: int) -> list[Frame] | None:
        """Run one frame; None, and nothing has happened, when plain Python has to carry it.

        Packets that have to wait do not do so before `commit`.
        """
        if len(frame) > MAX_FRAME:
            return None
        self.refresh()
        self.memory.clear()
        start = self.memory.put_frame(frame)
        return self._run(start, len(frame), port, now, 0)

    def _run(self, start: int, size: int, port: int, now: int, node: int) -> list[Frame] | None:
        given = address(self.context), start, size, port, now, address(self.memory.words), node
        if self.compiled.run(*given) != op.DONE:
            self.undo()
            self.memory.clear()
            return None
        self.deliver()
        return self.memory.take_frames()

    def commit(self) -> None:
        """Put packets that the last frame made, and that wait, into their queues."""
        self._commit(address(self.memory.words))

    def resume(self, leaving: Leaving, now: int) -> list[Frame]:
        """Carry on with a packet of this program's machine code that has waited."""
        at = leaving.packet
        node = _words_at(at, op.NODE_VALUES + words_of(self.compiled.printed.kept))
        node[op.NODE_LEFT] = leaving.left
        start, size, port = node[op.NODE_FRAME], node[op.NODE_LENGTH], node[op.NODE_PORT]
        self.refresh()
        self.memory.clear()
        out = self._run(start, size, port, now, at)
        if out is None:
            out = self.resume_plain(at, now)
        else:
            self.commit()
        self._release(at)
        return out

    def resume_plain(self, at: int, now: int) -> list[Frame]:
        """Carry on in plain Python with a packet that machine code kept in a node."""
        node = _words_at(at, op.NODE_VALUES + words_of(self.compiled.printed.kept))
        frame = ctypes.string_at(node[op.NODE_FRAME], node[op.NODE_LENGTH])
        values = tuple(_values(self.compiled.printed.kept, node[op.NODE_VALUES :]))
        brought = node[ENQUEUED], node[DEPTH], node[op.NODE_LEFT], values
        return self.plain(node[op.NODE_PORT], frame, now, ir.Kind.DEQUEUED, brought)

    def undo(self) -> None:
        """Take back all changes of state that the last frame made."""
        self._undo(address(self.memory.words))

    def deliver(self) -> None:
        """Deliver the digests and log messages that frames have left."""
        self._events.deliver(self.memory)


def _words_at(at: int, count: int) -> ctypes.Array[ctypes.c_int64]:
    """Words at an address."""
    return (ctypes.c_int64 * count).from_address(at)


def _values(variables: Sequence[ir.Var], words: Sequence[int]) -> Iterator[object]:
    """What the words of variables hold, as plain Python has it."""
    at = 0
    for variable in variables:
        kind, count = variable.type, words_of([variable])
        own = words[at : at + count]
        at += count
        if isinstance(kind, ir.Int):
            number = join(own) & (1 << kind.bits) - 1
            yield number - (1 << kind.bits) if kind.signed and number > kind.high else number
        elif isinstance(kind, ir.Bytes):
            size = own[1] if kind.size is None else kind.size
            yield ctypes.string_at(own[0], size) if own[0] else bytes(size)
        else:
            yield bool(own[0])
