"""The whole switch as one function: parser, ingress, traffic manager, egress, deparser.

Semantics and order are those of simple_switch.cpp. A unicast frame runs straight through one
function; only copies (multicast, clones) cost a tuple of all live variables each.
"""

from __future__ import annotations

from v1switch.codegen.access import Access
from v1switch.codegen.checksums import ChecksumStages
from v1switch.codegen.control import ControlCode
from v1switch.codegen.exprs import Expressions
from v1switch.codegen.layout import Layout
from v1switch.codegen.parser import ParserCode
from v1switch.codegen.primitives import Primitives
from v1switch.codegen.stores import STANDARD
from v1switch.codegen.tables import TableCode
from v1switch.codegen.writer import Writer
from v1switch.program.model import LearnList, Program

NORMAL, INGRESS_CLONE, EGRESS_CLONE, RECIRCULATED, REPLICATED, RESUBMITTED = 0, 1, 2, 4, 5, 6
MAX_COPIES = 1024  # copies that one pass may make of itself: a switch must not spin for ever
NO_CUT = 1 << 30


class Assembler(ChecksumStages):
    """Writes `run(port, frame, now, kind, restore, out, work)`.

    kind is the instance type with which the frame enters; restore is None or (field list id,
    values) of preserved fields, with the clone session in front for ingress clones; out takes
    (port, bytes); work takes frames that enter again.
    """

    END = "return"

    def __init__(self, program: Program, traced: bool) -> None:
        """Set up the translators."""
        self.program = program
        self.traced = traced
        self.access = Access(program, every=traced)
        self._translators()
        used = self.access.primitives
        self.clones_in = "clone_ingress_pkt_to_egress" in used
        self.clones_out = "clone_egress_pkt_to_egress" in used
        self.resubmits, self.recirculates = "resubmit" in used, "recirculate" in used
        self.cuts = "truncate" in used or self.clones_in or self.clones_out
        self.exits = "exit" in used
        self.digests = "generate_digest" in used
        self.metadata = [
            v
            for h in program.headers.values()
            if h.metadata
            for v in self.layout.header_vars(h.name)
        ]
        self.contents = [
            v
            for h in self.layout.packet_headers()
            for v in (self.layout.valid(h.name), *self.layout.header_vars(h.name))
        ]
        for name in sorted(self.layout.sliced):
            dirty = self.layout.dirty(name)
            self.contents += [self.layout.origin(name)] + ([dirty] if dirty else [])
        self.nothing = {  # what bytes hold before anything is written to them, by variable
            name: zero
            for header in program.headers
            for name, zero in zip(
                self.layout.header_vars(header), self.layout.zeros(header), strict=True
            )
            if zero != "0"
        }
        self.counts = [self.layout.count(s) for s in (*program.stacks, *program.union_stacks)]

    def _translators(self) -> None:
        self.writer = Writer()
        self.writer.depth = 2
        self.layout = Layout(self.program, self.access, self.writer)
        self.expressions = Expressions(self.program, self.layout, self.access, self.writer)
        self.primitives = Primitives(self.expressions, "DROP", self.traced)
        self.tables = TableCode(self.primitives, self.program.action_codes)

    # -- helpers --------------------------------------------------------------------------------

    def _started(self) -> str:
        """Source of the time at which the switch started, ns."""
        return "started"

    def _has(self, field: str) -> bool:
        """Whether the program looks at or writes a field of standard_metadata."""
        return self.access.accessed(STANDARD, field) and self.access.is_read(STANDARD, field)

    def _standard(self, field: str) -> str:
        return self.layout.var(STANDARD, field)

    def _set(self, field: str, text: str) -> None:
        """Write an intrinsic field, unless the program never looks at it."""
        if self._has(field):
            self.writer.add(f"{self._standard(field)} = {text}")

    @property
    def live(self) -> list[str]:
        """All variables that make a copy of the packet."""
        cut = ["cut"] if self.cuts else []
        return [*self.contents, *self.counts, *self.metadata, "o", "plen", *cut]

    def _zero(self, names: list[str]) -> None:
        for zero in dict.fromkeys(map(self._zero_of, names)):
            some = [name for name in names if self._zero_of(name) == zero]
            for at in range(0, len(some), 16):
                self.writer.add(" = ".join(some[at : at + 16]) + f" = {zero}")

    def _zero_of(self, name: str) -> str:
        """What a variable holds before anything is written to it."""
        return self.nothing.get(name, "0")

    def _field_list_values(self, which: str) -> str:
        """Source of the tuple of the values of field list number `which` (a variable)."""
        text = ""
        for number, fields in self.program.field_lists.items():
            values = "".join(f"{self.expressions.value(f)}, " for f in fields.fields)
            text += f"({values}) if {which} == {number} else "
        return f"({text}())"

    def _restore(self) -> None:
        """Write the assignment of preserved fields from `restore`."""
        for number, fields in self.program.field_lists.items():
            if fields.fields:
                names = ", ".join(self.expressions.value(f) for f in fields.fields)
                with self.writer.block(f"if restore[-2] == {number}:"):
                    self.writer.add(f"{names}, = restore[-1]")

    # -- stages ---------------------------------------------------------------------------------

    def emit(self) -> list[str]:
        """Write the function's body and return its lines."""
        self._prologue()
        self.primitives.tell("stage", "'parser'")
        ParserCode(self.primitives).emit()
        if self.clones_in:
            with self.writer.block(f"if kind == {INGRESS_CLONE}:"):
                self._enter_as_clone()
            with self.writer.block("else:"):
                self._ingress()
        else:
            self._ingress()
        self._egress()
        return self.writer.lines

    def _prologue(self) -> None:
        add = self.writer.add
        add("flen = plen = len(frame)")
        add("o = 0")
        if self.cuts:
            add(f"cut = {NO_CUT}")
        add("replicas = None")
        self.primitives.tell("packet", "port", "frame", "kind")
        self._set("packet_length", "flen")
        self._set("instance_type", "kind")
        with self.writer.block(f"if kind <= {INGRESS_CLONE}:"):
            self._set("ingress_port", "port")
            self._set(
                "ingress_global_timestamp", f"(now - {self._started()}) // 1000 & 281474976710655"
            )
        if self.resubmits or self.recirculates:
            with self.writer.block("else:"):
                self._restore()

    def defaults(self) -> list[str]:
        """Parameters with defaults: the cheapest way to have every variable at zero."""
        names = dict.fromkeys([*self.contents, *self.counts, *self.metadata])
        return [f"{name}={self._zero_of(name)}" for name in names]

    def _enter_as_clone(self) -> None:
        """After parsing again: metadata reset, preserved fields back, copies of the session."""
        self._zero(self.metadata)
        self._restore()
        self._set("instance_type", str(INGRESS_CLONE))
        self.writer.add("session = restore[0]")
        self.writer.add("replicas = session.replicas")
        self.primitives.tell("mirrored", "session")
        self.writer.add(f"cut = session.packet_length_bytes or {NO_CUT}")
        self.writer.add("if not replicas: return")

    def _ingress(self) -> None:
        self._set("parser_error", "perr")
        self._verify()
        self._clear_requests(ingress=True)
        self.primitives.tell("stage", "'ingress'")
        ControlCode(self.tables, self.program.ingress).emit()
        if self.clones_in:
            self._clone_ingress()
        if self.digests:
            self._digest()
        if self.resubmits:
            self._resubmit()
        self._forward()

    def _clear_requests(self, ingress: bool) -> None:
        names = ["ex"] if self.exits else []
        if self.clones_in if ingress else self.clones_out:
            names += ["clone", "clone_fields"]
        if ingress:
            names += ["digest"] * self.digests + ["resubmit"] * self.resubmits
        if self.recirculates:
            names.append("recirculate")
        if names:
            self._zero(names)

    def _clone_ingress(self) -> None:
        with self.writer.block("if clone:"):
            self.writer.add("session = sessions.get(clone & 32767)")
            self.primitives.tell("cloned", "clone & 32767", "session")
            with self.writer.block("if session is not None:"):
                values = self._field_list_values("clone_fields")
                args = f"(session, clone_fields, {values})"
                self.writer.add(f"run(port, frame, now, {INGRESS_CLONE}, {args}, out, work)")
                self.primitives.tell("back")

    def _digest(self) -> None:
        if self.traced:  # a trace tells what would be sent, whoever listens
            for number, learn in self.program.learn_lists.items():
                with self.writer.block(f"if digest == {number}:"):
                    self.primitives.tell("digest", learn, f"({self._learned(learn)})")
        with self.writer.block("if digest and switch.on_digest is not None:"):
            for number, learn in self.program.learn_lists.items():
                with self.writer.block(f"if digest == {number}:"):
                    values = self._learned(learn)
                    self.writer.add(f"switch.on_digest(sample({learn.name!r}, ({values})))")

    def _learned(self, learn: LearnList) -> str:
        return "".join(
            f"{self.expressions.value(f)}{self._unsign(w)}, "
            for f, w in zip(learn.fields, learn.widths, strict=True)
        )

    @staticmethod
    def _unsign(width: int) -> str:
        return f" & {(1 << width) - 1}" if width else ""

    def _resubmit(self) -> None:
        with self.writer.block("if resubmit:"):
            values = self._field_list_values("resubmit")
            self.primitives.tell("again", "'resubmitted'")
            self.writer.add(f"work.append((port, frame, {RESUBMITTED}, (resubmit, {values})))")
            self.writer.add("return")

    def _forward(self) -> None:
        """The traffic manager: multicast before drop before unicast."""
        add = self.writer.add
        if self._has("mcast_grp"):
            group = self._standard("mcast_grp")
            with self.writer.block(f"if {group}:"):
                add(f"group = groups.get({group})")
                self.primitives.tell("multicast", group, "group")
                with self.writer.block("if group is None or not group.replicas:"):
                    add("return")
                add("replicas = group.replicas")
                if self.cuts:  # BMv2's copies are whole
                    add(f"cut = {NO_CUT}")
                self._set("instance_type", str(REPLICATED))
            with self.writer.block("else:"):
                self._unicast()
        else:
            self._unicast()

    def _unicast(self) -> None:
        spec = self._standard("egress_spec") if self._has("egress_spec") else "0"
        with self.writer.block(f"if {spec} == DROP:"):
            self.primitives.tell("dropped", "'ingress'")
            self.writer.add(self.END)
        self._set("instance_type", str(NORMAL))
        self.writer.add(f"eport = {spec}")
        self.writer.add(f"rid = {self._standard('egress_rid') if self._has('egress_rid') else 0}")

    # -- egress ---------------------------------------------------------------------------------

    def _egress(self) -> None:
        add = self.writer.add
        if self._has("priority"):
            with self.writer.block(f"if {self._standard('priority')}:"):
                # simple_switch has one queue per port unless told otherwise
                self.primitives.tell("refused", self._standard("priority"))
                add("return")
        live = ", ".join(self.live)
        add("pending = None")
        add("copies = 0")
        with self.writer.block("if replicas is not None:"):
            add("eport, rid = replicas[0].port, replicas[0].instance")
            with self.writer.block("if len(replicas) > 1:"):
                add(f"saved = ({live})")
                add("pending = [(r.port, r.instance, saved) for r in replicas[1:]]")
        with self.writer.block("while True:"):
            self._one_egress()
            add("if not pending: return")
            add("eport, rid, saved = pending.pop(0)")
            add(f"{live} = saved")

    def _one_egress(self) -> None:
        if self.traced:
            kind = self._standard("instance_type") if self._has("instance_type") else "0"
            self.primitives.tell("egress", "eport", "rid", kind)
        self._set("egress_port", "eport")
        self._set("egress_rid", "rid")
        self._set("egress_spec", self._undropped())
        # headers that were made valid by assignment are not counted, so it may fall below 0
        self._set("packet_length", "plen & 4294967295")
        if self._has("egress_global_timestamp") or self._has("enq_timestamp"):
            self.writer.add(f"elapsed = (now - {self._started()}) // 1000")
            self._set("egress_global_timestamp", "elapsed & 281474976710655")
            self._set("enq_timestamp", "elapsed & 4294967295")
        for field in ("enq_qdepth", "deq_timedelta", "deq_qdepth"):
            self._set(field, "0")  # frames are never queued
        self._clear_requests(ingress=False)
        ControlCode(self.tables, self.program.egress).emit()
        if self.clones_out:
            self._clone_egress()
        spec = self._standard("egress_spec") if self._has("egress_spec") else "0"
        with self.writer.block(f"if {spec} != DROP:"):
            self._deparse()
        if self.traced:
            with self.writer.block("else:"):
                self.primitives.tell("dropped", "'egress'")

    def _undropped(self) -> str:
        """Any value but the drop port, cut to the field's width: BMv2 takes the next one."""
        found = self.program.headers[STANDARD].header_type.field("egress_spec")
        width = found.width if found and found.width else 9
        return f"DROP + 1 & {(1 << width) - 1}"

    def _clone_egress(self) -> None:
        with self.writer.block(f"if clone and copies < {MAX_COPIES}:"):
            self.writer.add("session = sessions.get(clone & 32767)")
            self.primitives.tell("cloned", "clone & 32767", "session")
            with self.writer.block("if session is not None and session.replicas:"):
                self.writer.add("copies += len(session.replicas)")
                self._saved_clone()
                self.writer.add("pending = pending or []")
                entries = "[(r.port, r.instance, saved) for r in session.replicas]"
                self.writer.add(f"pending += {entries}")

    def _saved_clone(self) -> None:
        lists = [*self.program.field_lists.items()]
        for number, fields in lists:
            kept = {self.expressions.value(f) for f in fields.fields}
            with self.writer.block(f"if clone_fields == {number}:"):
                self.writer.add(f"saved = ({self._reset_live(kept)})")
        with (
            self.writer.block("else:")
            if len(lists) == 1
            else self.writer.block(f"if clone_fields not in {tuple(n for n, _ in lists)}:")
        ):
            self.writer.add(f"saved = ({self._reset_live(set())})")

    def _reset_live(self, kept: set[str]) -> str:
        """The live variables with metadata at zero, but for some; a clone is not truncated."""
        fresh = {name: self._zero_of(name) for name in set(self.metadata) - kept}
        fresh |= {self._standard("instance_type"): str(EGRESS_CLONE), "cut": str(NO_CUT)}
        return ", ".join(fresh.get(name, name) for name in self.live)

    def _deparse(self) -> None:
        add = self.writer.add
        self.primitives.tell("stage", "'deparser'")
        for checksum in self.program.checksums:
            if checksum.update:
                self._update(checksum)
        for call in self.program.deparser.primitives:
            self.primitives.emit(call)
        add("data = b''")
        for header in self.program.deparser.order:
            if self.program.headers[header].metadata:
                continue
            with self.writer.block(f"if {self.layout.valid(header)}:"):
                self._emit_header(header)
        add("data += frame[o:]")
        self.primitives.tell("payload", "len(frame) - o")
        if self.recirculates:
            with self.writer.block("if recirculate:"):
                values = self._field_list_values("recirculate")
                self.primitives.tell("again", "'recirculated'", "data")
                add(f"work.append((port, data, {RECIRCULATED}, (recirculate, {values})))")
            with self.writer.block("else:"):
                self._send()
        else:
            self._send()

    def _emit_header(self, header: str) -> None:
        text = self.layout.emitted(header)
        if self.traced:
            self.writer.add(f"part = {text}")
            self.primitives.tell("emitted", repr(header), "part")
            text = "part"
        self.writer.add(f"data += {text}")

    def _send(self) -> None:
        if self.cuts:
            self.primitives.tell("cut", "cut", "len(data)")
            self.writer.add("if cut < len(data): data = data[:cut]")
        self.primitives.tell("sent", "eport", "data")
        self.writer.add("out.append((eport, data))")
