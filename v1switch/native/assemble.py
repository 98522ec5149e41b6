"""The whole switch as one machine function: `run(ctx, frame, flen, port, now, out)`.

All arguments are words: `ctx` the address of words that lead to the program's state, `frame` that
of the frame's first byte, `flen` its length, `out` see `output`. It returns DONE, or PUNT when
plain Python has to carry the frame; the caller then takes all changes back.

Semantics and order are those of the plain function, which it shares its translators with. Left to
plain Python are frames that a clone, resubmission or recirculation is made of, and those for the
controller's port. Copies of multicast keep their variables in scratch memory.
"""

from __future__ import annotations

import re

from v1switch.codegen.assemble import NO_CUT, NORMAL, REPLICATED, Assembler
from v1switch.native import output as op
from v1switch.native.errors import NotNative
from v1switch.native.exprs import NativeExpressions
from v1switch.native.layout import NOWHERE, NativeLayout
from v1switch.native.parser import NativeParser
from v1switch.native.primitives import NativePrimitives
from v1switch.native.tables import NativeTables
from v1switch.native.writer import NativeWriter
from v1switch.program.model import Checksum, LearnList, Program
from v1switch.state.replication import MAX_MULTICAST_GROUP
from v1switch.state.words import SCALAR_BITS, WORD_BYTES, count

WIDE = re.compile(r"fit_(\d+)\(")  # how zeros of several limbs begin
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


class NativeAssembler(Assembler):
    """Writes the function's body."""

    END = f"return word(out + {WORD_BYTES * op.OVERFULL})"
    writer: NativeWriter
    layout: NativeLayout
    primitives: NativePrimitives
    expressions: NativeExpressions

    def __init__(self, program: Program) -> None:
        """Set up the translators."""
        super().__init__(program, traced=False)

    def _translators(self) -> None:
        self.writer = NativeWriter()
        self.layout = NativeLayout(self.program, self.access, self.writer)
        self.expressions = NativeExpressions(self.program, self.layout, self.access, self.writer)
        self.primitives = NativePrimitives(self.expressions, "DROP", traced=False)
        self.tables = NativeTables(self.primitives, self.program.action_codes)

    def head_size(self) -> int:
        """The most bytes that the headers of a frame that leaves can have."""
        return sum(map(self.layout.longest, self.program.deparser.order)) + WORD_BYTES

    # -- variables --------------------------------------------------------------------------------

    def zeros(self) -> dict[str, str]:
        """Source of the zero of every variable of the packet and its metadata."""
        zeros = dict.fromkeys([*self.contents, *self.counts], "0")
        for header in self.program.headers.values():
            names = self.layout.header_vars(header.name)
            zeros.update(zip(names, self._header_zeros(header.name), strict=True))
        return zeros

    def _header_zeros(self, header: str) -> list[str]:
        spec = self.program.headers[header]
        if not spec.metadata:
            return self.layout.zeros(header)
        layout = self.layout.of(header)
        segments = (s for s in layout.segments if not s.gap)
        zeros = [self.writer.constant(0, 1 if s.signed else s.width) for s in segments]
        return zeros + ([NOWHERE] if layout.varbit else [])

    # -- stages -----------------------------------------------------------------------------------

    def emit(self) -> list[str]:
        """Write the function's body and return its lines."""
        self._prologue()
        NativeParser(self.primitives).emit()
        self._ingress()
        self._egress()
        return self.writer.lines

    def _prologue(self) -> None:
        add = self.writer.add
        for name, nought in self.zeros().items():
            add(f"{name} = {nought}")
        add("plen = flen")
        add("o = 0")
        add(f"cut = {NO_CUT}")
        add("replicas = eport = rid = 0")
        add(f"DROP = {self.writer.state('DROP')}")
        add(f"scratch = word(out + {WORD_BYTES * op.SCRATCH_AT})")
        self._set("packet_length", "flen")
        self._set("instance_type", str(NORMAL))
        self._set("ingress_port", "port")
        self._set(
            "ingress_global_timestamp", f"(now - {self._started()}) // 1000 & 281474976710655"
        )

    def _started(self) -> str:
        return self.writer.state("started")

    def _verify_one(self, checksum: Checksum) -> None:
        with self.writer.or_punt():
            super()._verify_one(checksum)

    def _update(self, checksum: Checksum) -> None:
        with self.writer.or_punt():
            super()._update(checksum)

    def _clone_ingress(self) -> None:
        session = self.writer.state("sessions")
        with self.writer.block(f"if clone and word({session} + {WORD_BYTES} * (clone & 32767)):"):
            self.writer.punt("clones")

    def _digest(self) -> None:
        with self.writer.block(f"if digest and {self.writer.state('digests')}:"):
            for number, learn in self.program.learn_lists.items():
                with self.writer.block(f"if digest == {number}:"), self.writer.or_punt():
                    self._sample(number, learn)

    def _sample(self, number: int, learn: LearnList) -> None:
        """Write a digest out, with its values as words."""
        values: list[str] = []
        for field, width in zip(learn.fields, learn.widths, strict=True):
            text = (
                self.expressions.modular(field, width) if width else self.expressions.scalar(field)
            )
            wide = count(width) if width > SCALAR_BITS else 0
            values += [f"{text}[{n}]" for n in range(wide)] if wide else [text]
        self.writer.event(number, values)

    def _resubmit(self) -> None:
        with self.writer.block("if resubmit:"):
            self.writer.punt("resubmissions")

    def _forward(self) -> None:
        if not self._has("mcast_grp"):
            self._unicast()
            return
        group, groups = self._standard("mcast_grp"), self.writer.state("groups")
        with self.writer.block(f"if {group}:"):
            with self.writer.block(f"if {group} > {MAX_MULTICAST_GROUP}:"):
                self.writer.add(self.END)
            self.writer.add(f"replicas = word({groups} + {WORD_BYTES} * {group})")
            with self.writer.block("if replicas == 0:"):
                self.writer.add(self.END)
            with self.writer.block("if word(replicas) == 0:"):
                self.writer.add(self.END)
            if self.cuts:  # BMv2's copies are whole
                self.writer.add(f"cut = {NO_CUT}")
            self._set("instance_type", str(REPLICATED))
        with self.writer.block("else:"):
            self._unicast()

    # -- egress -----------------------------------------------------------------------------------

    def _egress(self) -> None:
        add = self.writer.add
        if self._has("priority"):
            with self.writer.block(f"if {self._standard('priority')}:"):
                add(self.END)
        add("copies = copy_at = 1")
        with self.writer.block("if replicas:"):
            add("copies = word(replicas)")
            add(f"eport, rid = word(replicas + {WORD_BYTES}), word(replicas + {2 * WORD_BYTES})")
        saving = len(self.writer.lines)
        with self.writer.block("while True:"):
            self._one_egress()
            with self.writer.block("if copy_at >= copies:"):
                add(self.END)
            add(f"at = replicas + {WORD_BYTES} + {2 * WORD_BYTES} * copy_at")
            add(f"eport, rid = word(at), word(at + {WORD_BYTES})")
            add("copy_at += 1")
            self._keep(saving)

    def _keep(self, saving: int) -> None:
        """Write what saves the variables that egress uses (at line `saving`) and restores them."""
        used = set(IDENTIFIER.findall("\n".join(self.writer.lines[saving:])))
        zeros = {**self.zeros(), "o": "0", "plen": "0", "cut": "0"}
        saves, restores, at = [], [], op.SAVED
        for name in (n for n in self.live if n in used):
            parts = self._parts(name, zeros[name])
            places = [f"scratch + {at + WORD_BYTES * n}" for n in range(len(parts))]
            at += WORD_BYTES * len(parts)
            saves += [f"set_word({p}, {part})" for p, part in zip(places, parts, strict=True)]
            words = [f"word({place})" for place in places]
            restores.append(
                f"{name} = {words[0] if len(parts) == 1 else '(' + ', '.join(words) + ')'}"
            )
        if len(saves) > op.MAX_SAVED_WORDS:
            raise NotNative("more variables than scratch memory takes")
        for line in restores:
            self.writer.add(line)
        depth = "\t" * (self.writer.depth - 1)
        head = [f"{depth}if copies > 1:"]
        self.writer.lines[saving:saving] = head + [f"{depth}\t{line}" for line in saves or ["pass"]]

    def _parts(self, name: str, nought: str) -> list[str]:
        if nought == NOWHERE:
            return [f"{name}[0]", f"{name}[1]"]
        size = WIDE.match(nought)
        return [f"{name}[{n}]" for n in range(int(size[1]))] if size else [name]

    def _clone_egress(self) -> None:
        self._clone_ingress()

    # -- deparser ---------------------------------------------------------------------------------

    def _deparse(self) -> None:
        add = self.writer.add
        for checksum in self.program.checksums:
            if checksum.update:
                self._update(checksum)
        for call in self.program.deparser.primitives:
            self.primitives.emit(call)
        if self.recirculates:
            with self.writer.block("if recirculate:"):
                self.writer.punt("recirculation")
        with self.writer.block(f"if eport == {self.writer.state('cpu')}:"):
            self.writer.punt("frames for the controller")
        add(f"n = word(out + {WORD_BYTES * op.FRAMES})")
        with self.writer.block(f"if n == word(out + {WORD_BYTES * op.MAX_FRAMES}):"):
            self.writer.punt("more copies than there is room for")
        add(f"head = word(out + {WORD_BYTES * op.HEAD_SIZE}) * n")
        add(f"head += word(out + {WORD_BYTES * op.HEADS_AT})")
        add("end = head")
        for header in self.program.deparser.order:
            if not self.program.headers[header].metadata:
                with self.writer.block(f"if {self.layout.valid(header)}:"):
                    self.layout.emit_leaving(header, "end")
        self._send()

    def _send(self) -> None:
        add = self.writer.add
        add("front, rest = end - head, flen - o")
        if self.cuts:
            with self.writer.block("if front + rest > cut:"):
                add("front = min(front, cut)")
                add("rest = cut - front")
        add(f"a = word(out + {WORD_BYTES * op.FRAMES_AT}) + {WORD_BYTES * op.FRAME_WORDS} * n")
        columns = {
            op.PORT: "eport",
            op.HEAD: "head",
            op.HEAD_LENGTH: "front",
            op.BODY: "frame + o",
            op.BODY_LENGTH: "rest",
        }
        for column, text in columns.items():
            add(f"set_word(a + {WORD_BYTES * column}, {text})")
        add(f"set_word(out + {WORD_BYTES * op.FRAMES}, n + 1)")


HEAD = '''"""Generated; what it means stands in v1switch/native/assemble.py."""
from v1switch.native.memory import *
from v1switch.native.runtime import *
from v1switch.native.wide import *

{constants}


def run(ctx, frame, flen, port, now, out):
{body}
'''


def generate(program: Program) -> tuple[str, NativeAssembler]:
    """Generate the source of a program's module, and give what wrote it.

    Raises:
        NotNative: the program as a whole has no place in machine code.
        ProgramError: the program uses something that cannot be expressed.
    """
    assembler = NativeAssembler(program)
    assembler.writer.depth = 1
    body = "\n".join(assembler.emit())
    constants = "\n".join(f"{name} = {text}" for name, text in assembler.writer.globals.items())
    return HEAD.format(constants=constants, body=body), assembler
