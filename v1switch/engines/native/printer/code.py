"""An LLVM function under construction: blocks, memory, variables, calls of helpers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir as ll

from v1switch.engines.native import output as op
from v1switch.engines.native.errors import NotNative
from v1switch.engines.native.helpers.signatures import HELPERS, SYMBOL
from v1switch.lower import ir
from v1switch.state.words import LIMB_BITS, SCALAR_BITS, WORD_BYTES, count

Value = Any
"""An LLVM value: llvmlite has no types."""

WORD = ll.IntType(64)
BIT = ll.IntType(1)
OCTET = ll.IntType(8)
_MAX_STACK = 1 << 21  # threads have 8 MiB, and an ingress clone runs the function in itself
ARGUMENTS = ("ctx", "frame", "length", "port", "now", "out", "kind", "list", "values", "session")


def word(number: int) -> Value:
    """A constant of 64 bits."""
    return ll.Constant(WORD, number)


def llvm_type(kind: ir.Type) -> Value:
    """The LLVM type of a value; of bytes, that of their address."""
    if isinstance(kind, ir.Int):
        return ll.IntType(kind.bits)
    return BIT if isinstance(kind, ir.Bool) else WORD


class Code:
    """The body's function and the position where code is added.

    Attributes:
        builder: llvmlite's.
        slots: what the words at `ctx` lead to (see `context`), in order.
        reasons: what statements leave their frames to plain Python for.
        messages: log messages, each with its values' types; a text of None is a failed assertion.
        event_words, hashed: words of the longest event, bytes of the longest input of a hash.
        stack: bytes of the function's variables.
    """

    def __init__(self, module: ll.Module, switch: ir.Switch) -> None:
        """Begin the function and set its variables to zero."""
        self.module = module
        self.switch = switch
        kind = ll.FunctionType(WORD, [WORD] * len(ARGUMENTS))
        self.function = ll.Function(module, kind, "body")
        self.function.linkage = "internal"
        for argument, name in zip(self.function.args, ARGUMENTS, strict=True):
            argument.name = name
        self.arguments = dict(zip(ARGUMENTS, self.function.args, strict=True))
        self.slots: dict[str, int] = {}
        self.reasons: dict[str, None] = {}
        self.messages: list[tuple[str | None, tuple[ir.Int, ...]]] = []
        self.event_words, self.hashed = 1, 0
        self.stack = 0
        self._helpers: dict[str, Value] = {}
        self._memory: dict[ir.Var, tuple[Value, ...]] = {}
        self._entry = ll.IRBuilder(self.function.append_basic_block("entry"))
        self.builder = ll.IRBuilder(self.function.append_basic_block("start"))
        self.finish = self.function.append_basic_block("finish")
        for variable in switch.variables:
            for place in self.memory(variable):
                self.builder.store(ll.Constant(place.type.pointee, 0), place)

    def end(self) -> None:
        """End the function: it returns DONE, or PUNT if the undo log overflowed.

        Raises:
            NotNative: a thread's stack would have no room for it.
        """
        if self.stack > _MAX_STACK:
            raise NotNative(f"its variables take {self.stack >> 10} KiB of at most 2048 KiB")
        self._entry.branch(self.function.basic_blocks[1])
        if not self.ended:
            self.builder.branch(self.finish)
        self.builder.position_at_end(self.finish)
        self.builder.ret(self.out_word(op.OVERFULL))
        for block in self.function.blocks:
            if not block.is_terminated:  # of a statement that turned out to have no place here
                self.builder.position_at_end(block)
                self.builder.ret(word(op.PUNT))

    @property
    def ended(self) -> bool:
        """Whether the current block is terminated."""
        return bool(self.builder.block.is_terminated)

    # -- memory -----------------------------------------------------------------------------------

    def allocate(self, kind: Value, name: str = "") -> Value:
        """Memory on the stack, for the whole function."""
        self.stack += WORD_BYTES * -(-kind.width // WORD.width)
        return self._entry.alloca(kind, name=name)

    def allocate_words(self, size: int) -> Value:
        """The address of an array of words on the stack."""
        self.stack += WORD_BYTES * size
        return self._entry.ptrtoint(self._entry.alloca(ll.ArrayType(WORD, max(size, 1))), WORD)

    def memory(self, variable: ir.Var) -> tuple[Value, ...]:
        """Stack slots of a variable: two for bytes of variable length, else one."""
        found = self._memory.get(variable)
        if found is None:
            kinds = [llvm_type(variable.type)]
            if variable.type == ir.Bytes(None):
                kinds.append(WORD)
            found = tuple(self.allocate(kind, variable.name) for kind in kinds)
            self._memory[variable] = found
        return found

    def load(self, address: Value, kind: Value = WORD, align: int = 8) -> Value:
        """Load a value of an LLVM type."""
        return self.builder.load(self.builder.inttoptr(address, kind.as_pointer()), align=align)

    def store(self, value: Value, address: Value, align: int = 8) -> None:
        """Store a value at an address."""
        self.builder.store(
            value, self.builder.inttoptr(address, value.type.as_pointer()), align=align
        )

    def offset(self, address: Value, octets: int | Value) -> Value:
        """An address plus a number of bytes."""
        if isinstance(octets, int):
            return self.builder.add(address, word(octets)) if octets else address
        return self.builder.add(address, octets)

    def at(self, address: Value, index: Value, words: int = 1) -> Value:
        """The address of an element of an array whose elements have so many words."""
        return self.offset(address, self.builder.mul(index, word(WORD_BYTES * words)))

    def word_at(self, address: Value, index: int) -> Value:
        """Load the word of this index."""
        return self.load(self.offset(address, WORD_BYTES * index))

    def set_word(self, address: Value, index: int, value: Value) -> None:
        """Store the word of this index."""
        self.store(value, self.offset(address, WORD_BYTES * index))

    def out_word(self, index: int) -> Value:
        """Load a word of `out` (see `output`)."""
        return self.word_at(self.arguments["out"], index)

    def set_out_word(self, index: int, value: Value) -> None:
        """Store a word of `out`."""
        self.set_word(self.arguments["out"], index, value)

    def context(self, name: str) -> Value:
        """The word that leads to a piece of state, by its name in `context.values`."""
        slot = self.slots.setdefault(name, len(self.slots))
        return self.word_at(self.arguments["ctx"], slot)

    def copy(self, to: Value, start: Value, size: Value) -> None:
        """Copy bytes between addresses."""
        byte = OCTET.as_pointer()
        function = self.module.declare_intrinsic("llvm.memcpy", [byte, byte, WORD])
        ends = [self.builder.inttoptr(address, byte) for address in (to, start)]
        self.builder.call(function, [*ends, size, ll.Constant(BIT, 0)])

    # -- integers as words, as `state.words` lays them out ----------------------------------------

    def to_words(self, value: Value, bits: int) -> list[Value]:
        """Words of an unsigned number of `bits` bits."""
        value = self.resize(value, bits)
        if bits <= SCALAR_BITS:
            return [self.resize(value, 64)]
        words = []
        for n in range(count(bits)):
            moved = self.builder.lshr(value, ll.Constant(value.type, LIMB_BITS * n))
            limb = self.resize(moved, LIMB_BITS)
            words.append(self.resize(limb, 64))
        return words

    def from_words(self, address: Value, bits: int) -> Value:
        """Load an unsigned number of `bits` bits from its words."""
        if bits <= SCALAR_BITS:
            return self.resize(self.load(address), bits)
        whole = ll.IntType(bits)
        joined: Value = ll.Constant(whole, 0)
        for n in range(count(bits)):
            limb = self.resize(self.word_at(address, n), min(LIMB_BITS, bits - LIMB_BITS * n))
            part = self.builder.zext(limb, whole)
            shifted = self.builder.shl(part, ll.Constant(whole, LIMB_BITS * n))
            joined = self.builder.or_(joined, shifted)
        return joined

    def resize(self, value: Value, bits: int, *, signed: bool = False) -> Value:
        """A value cut or extended to so many bits."""
        kind = ll.IntType(bits)
        if value.type.width == bits:
            return value
        if value.type.width > bits:
            return self.builder.trunc(value, kind)
        return (self.builder.sext if signed else self.builder.zext)(value, kind)

    # -- control flow -----------------------------------------------------------------------------

    def block(self, name: str = "") -> Value:
        """A new block that nothing branches to yet."""
        return self.function.append_basic_block(name)

    def go(self, block: Value) -> None:
        """Branch to a block, unless the current one has ended."""
        if not self.ended:
            self.builder.branch(block)

    def begin(self, block: Value) -> None:
        """Add code to a block from now on."""
        self.builder.position_at_end(block)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Code that runs only where a bit is 1."""
        inside, behind = self.block(), self.block()
        self.builder.cbranch(condition, inside, behind)
        self.begin(inside)
        yield
        self.go(behind)
        self.begin(behind)

    def punt(self) -> None:
        """Return PUNT: plain Python runs the frame from the start."""
        self.builder.ret(word(op.PUNT))

    def helper(self, name: str, *arguments: Value, inline: bool = True) -> Value:
        """Call a helper with words; it returns a word. Long ones are better not inlined."""
        function = self._helpers.get(name)
        if function is None:
            kind = ll.FunctionType(WORD, [WORD] * HELPERS[name])
            function = self._helpers[name] = ll.Function(self.module, kind, SYMBOL + name)
        return self.builder.call(function, arguments, attrs=() if inline else ("noinline",))

    def change(self, address: Value, value: Value) -> None:
        """Store a word of state and log its old value."""
        self.helper("change", self.arguments["out"], address, value)

    def event(self, kind: int, values: Sequence[Value]) -> None:
        """Queue an event for Python: its kind, and words."""
        self.event_words = max(self.event_words, 1 + len(values))
        number = self.out_word(op.EVENTS)
        full = self.builder.icmp_signed("==", number, self.out_word(op.MAX_EVENTS))
        with self.when(full):
            self.punt()
        self.set_out_word(op.EVENTS, self.builder.add(number, word(1)))
        before = self.builder.mul(number, self.out_word(op.EVENT_SIZE))
        place = self.builder.add(self.out_word(op.EVENTS_AT), before)
        for n, value in enumerate([word(kind), *values]):
            self.set_word(place, n, value)
