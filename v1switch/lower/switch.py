"""The whole switch: parser, ingress, traffic manager, egress, deparser.

Semantics and order are those of simple_switch.cpp.
"""

from __future__ import annotations

from v1switch.lower import arithmetic as ar
from v1switch.lower import ir
from v1switch.lower.actions import Actions
from v1switch.lower.context import Context
from v1switch.lower.controls import Control
from v1switch.lower.demand import STANDARD
from v1switch.lower.expressions import Expressions
from v1switch.lower.limits import MAX_COPIES, NO_CUT, SESSION_BITS
from v1switch.lower.liveness import Liveness
from v1switch.lower.parser import Parser
from v1switch.program.model import Checksum, Program

NS_PER_US = 1000
TIMESTAMP, LENGTH = ir.Int(48), ir.Int(32)
PORT, INSTANCE = ir.Int(31), ir.Int(16)
DEPTH = ir.Int(31)
TIME = ir.Int(63, signed=True)  # ns: a difference still is one word of machine code
DROP_PORT = ir.Input("drop_port", PORT)
KIND = ir.Input("kind", ir.Int(3))
FRAME_LENGTH = ir.Input("length", ir.Int(31))
NOW = ir.Input("now", TIME)
# simple_switch sets all of them or, where the program lacks one, none (check_queueing_metadata)
QUEUEING = ("enq_timestamp", "enq_qdepth", "deq_timedelta", "deq_qdepth")


def lower(program: Program, *, observed: bool = False) -> ir.Switch:
    """Lower a program.

    Args:
        program: what to lower.
        observed: whether to add trace points (`ir.Observe`); every field of every header then has
            a variable of its own.

    Raises:
        ProgramError: the program uses something that cannot be expressed.
    """
    return _Pipeline(program, observed).lower()


class _Pipeline:
    """Lowers one program."""

    def __init__(self, program: Program, observed: bool) -> None:
        self.program = program
        self.context = context = Context(program, observed)
        self.builder = context.builder
        self.layout = context.layout
        self.requests = context.requests
        self.expressions = Expressions(context)
        self.actions = Actions(self.expressions)
        self.stores = self.actions.stores
        self.replicas = ir.Var("replicas", ir.REPLICAS)
        self.port = ir.Var("egress_port", PORT)
        self.instance = ir.Var("egress_instance", INSTANCE)
        self.turn = ir.Var("turn", ir.Int(3))
        self.enqueued = ir.Var("enqueued", TIME)
        self.depth, self.left = ir.Var("depth_", DEPTH), ir.Var("left_", DEPTH)
        self.field_lists = tuple(
            ir.FieldList(number, tuple(self.layout.field(f.header, f.field) for f in fields.fields))
            for number, fields in program.field_lists.items()
        )
        used = context.demand.primitives
        self.clones_in = "clone_ingress_pkt_to_egress" in used
        self.clones_out = "clone_egress_pkt_to_egress" in used
        self.resubmits, self.recirculates = "resubmit" in used, "recirculate" in used
        self.cuts = "truncate" in used or self.clones_in or self.clones_out
        self.exits = "exit" in used
        self.replicates = context.has("mcast_grp") or self.clones_in or self.clones_out

    def lower(self) -> ir.Switch:
        """The lowered program."""
        arrive = self.builder.captured(self._arrive)
        leave = self.builder.captured(self._leave)
        kept = self._kept(leave)
        resume = self.builder.captured(lambda: self._resume(kept))
        self.builder.branch_to(ir.Compare("==", KIND, ir.Const(ir.Kind.DEQUEUED)), resume, arrive)
        self._egress(kept, leave)
        variables = dict.fromkeys((*self.layout.variables(), self.context.cursor, *kept))
        return ir.Switch(
            self.program,
            self.layout.headers,
            tuple(variables),
            self.context.cursor,
            self.field_lists,
            self.builder.statements,
        )

    def _kept(self, leave: ir.Block) -> tuple[ir.Var, ...]:
        """What a packet that waits finds as it was: what egress reads, but for what it sets."""
        live = Liveness(self.context.cursor, self.field_lists)
        own = (self.turn, self.enqueued, self.depth, self.left)
        exposed = (var for var in live.exposed(leave) if var not in own)
        return tuple(var for var in exposed if not isinstance(var.type, ir.Handle))

    def _resume(self, kept: tuple[ir.Var, ...]) -> None:
        self.builder.add(ir.Resume(kept, self.enqueued, self.depth, self.left))
        self.builder.assign(self.turn, ir.Const(ir.Turn.LEAVES))
        if self.replicates:
            self.builder.assign(self.replicas, ir.Nothing(ir.REPLICAS))
        frame, priority = ir.Input("frame", ir.Bytes(None)), self.context.standard("priority")
        times = (self.enqueued, NOW)
        self.context.observe("dequeued", frame, self.port, priority, times, self.depth)

    def _arrive(self) -> None:
        """From the frame to the queues: all that a packet that has waited has behind it."""
        context = self.context
        self._begin()
        context.observe("stage", "parser")
        Parser(self.actions).lower()
        if self.clones_in:
            is_clone = ir.Compare("==", KIND, ir.Const(ir.Kind.INGRESS_CLONE))
            self.builder.branch(is_clone, self._enter_as_clone, self._ingress)
        else:
            self._ingress()
        self.builder.assign(self.turn, ir.Const(ir.Turn.OPEN))
        self._begin_queueing()

    def _begin_queueing(self) -> None:
        """What a packet has met of queues that has not waited."""
        if self._has_queueing():
            self.builder.assign(self.enqueued, NOW)
            for depth in (self.depth, self.left):
                self.builder.assign(depth, ir.Const(0))

    # -- entry ------------------------------------------------------------------------------------

    def _begin(self) -> None:
        add, assign = self.builder.add, self.builder.assign
        if self.context.has("packet_length"):
            assign(self.context.length, FRAME_LENGTH)
        if self.cuts:
            assign(self.requests.cut, ir.Const(NO_CUT))
        if self.replicates:
            assign(self.replicas, ir.Nothing(ir.REPLICAS))
        frame = ir.Input("frame", ir.Bytes(None))
        self.context.observe("packet", ir.Input("port", PORT), frame, KIND)
        self.stores.standard("packet_length", FRAME_LENGTH)
        self.stores.standard("instance_type", KIND)

        def first() -> None:
            self.stores.standard("ingress_port", ir.Input("port", PORT))
            self.stores.standard("ingress_global_timestamp", ar.cut(self._elapsed(), TIMESTAMP))

        def again() -> None:
            if self.resubmits or self.recirculates:
                add(ir.RestoreFields())

        is_first = ir.Compare("<=", KIND, ir.Const(ir.Kind.INGRESS_CLONE))
        self.builder.branch(is_first, first, again)

    @staticmethod
    def _elapsed(time: ir.Expr = NOW) -> ir.Expr:
        """Microseconds since the switch started."""
        elapsed = ar.binary("-", time, ir.Input("started", TIME))
        return ar.binary("//", elapsed, ir.Const(NS_PER_US))

    def _enter_as_clone(self) -> None:
        """After parsing again: metadata reset, preserved fields back, copies of the session."""
        self.actions.headers.zero(self.layout.metadata())
        self.builder.add(ir.RestoreFields())
        self.stores.standard("instance_type", ir.Const(ir.Kind.INGRESS_CLONE))
        session = ir.Input("session", ir.REPLICAS)
        self.builder.assign(self.replicas, session)
        self.context.observe("mirrored", session)
        limit = ir.SessionLimit(session)
        cut = ar.select(ar.as_bool(limit), limit, ir.Const(NO_CUT))
        self.builder.assign(self.requests.cut, cut)
        self.builder.branch_to(ar.negate(_has_replicas(session)), (ir.Finish(),))

    # -- ingress ----------------------------------------------------------------------------------

    def _ingress(self) -> None:
        self.stores.standard("parser_error", self.context.parser_error)
        for checksum in self.program.checksums:
            if checksum.verify:
                self._verify(checksum)
        self._clear_requests(ingress=True)
        self.context.observe("stage", "ingress")
        Control(self.actions, self.program.ingress).lower()
        if self.clones_in:
            self.builder.branch(ar.as_bool(self.requests.clone), self._clone_ingress)
        if "generate_digest" in self.context.demand.primitives:
            self._digest()
        if self.resubmits:
            self.builder.branch(ar.as_bool(self.requests.resubmit), self._resubmit)
        self._forward()

    def _clear_requests(self, ingress: bool) -> None:
        requests = self.requests
        clones = self.clones_in if ingress else self.clones_out
        wanted = [requests.exit] if self.exits else []
        wanted += [requests.clone, requests.clone_fields] if clones else []
        if ingress:
            used = self.context.demand.primitives
            wanted += [requests.digest] if "generate_digest" in used else []
            wanted += [requests.resubmit] if self.resubmits else []
        wanted += [requests.recirculate] if self.recirculates else []
        for var in wanted:
            self.builder.assign(var, ar.zero(var.type))

    def _requested_session(self) -> ir.Var:
        number = ar.cut(self.requests.clone, ir.Int(SESSION_BITS))
        session = self.builder.held(ir.FindSession(number), "session")
        self.context.observe("cloned", number, session)
        return session

    def _clone_ingress(self) -> None:
        session = self._requested_session()

        def clone() -> None:
            self.builder.add(ir.CloneIngress(session, self.requests.clone_fields))
            self.context.observe("back")

        self.builder.branch(ir.Found(session), clone)

    def _digest(self) -> None:
        cases = []
        for number, learn in self.program.learn_lists.items():
            values = tuple(
                ar.cut(self.expressions.number(field), ir.Int(width))
                if width
                else self.expressions.number(field)
                for field, width in zip(learn.fields, learn.widths, strict=True)
            )
            with self.builder.block() as block:
                self.context.observe("digest", learn, values)
                self.builder.add(ir.SendDigest(learn, values))
            cases.append(((number,), tuple(block)))
        digest = self.requests.digest
        match = ir.Match(digest, tuple(cases))
        self.builder.branch_to(ar.as_bool(digest), (match,))

    def _resubmit(self) -> None:
        self.context.observe("again", "resubmitted")
        self.builder.add(ir.Resubmit(self.requests.resubmit))
        self.builder.add(ir.Finish())

    # -- traffic manager --------------------------------------------------------------------------

    def _forward(self) -> None:
        """Multicast before drop before unicast."""
        if self.context.has("mcast_grp"):
            group = self.context.standard("mcast_grp")
            self.builder.branch(ar.as_bool(group), self._multicast, self._unicast)
        else:
            self._unicast()

    def _multicast(self) -> None:
        number = self.context.standard("mcast_grp")
        self.builder.assign(self.replicas, ir.FindGroup(number))
        self.context.observe("multicast", number, self.replicas)
        empty = ar.negate(ar.both("and", (ir.Found(self.replicas), _has_replicas(self.replicas))))
        self.builder.branch_to(empty, (ir.Finish(),))
        if self.cuts:  # BMv2's copies are whole
            self.builder.assign(self.requests.cut, ir.Const(NO_CUT))
        self.stores.standard("instance_type", ir.Const(ir.Kind.REPLICATED))

    def _unicast(self) -> None:
        spec = self.context.standard("egress_spec")

        def drop() -> None:
            self.context.observe("dropped", "ingress")
            self.builder.add(ir.Finish())

        self.builder.branch(ir.Compare("==", spec, DROP_PORT), drop)
        self.stores.standard("instance_type", ir.Const(ir.Kind.NORMAL))
        self.builder.assign(self.port, ar.cut(spec, PORT))
        self.builder.assign(self.instance, ar.cut(self.context.standard("egress_rid"), INSTANCE))

    # -- egress -----------------------------------------------------------------------------------

    def _egress(self, kept: tuple[ir.Var, ...], leave: ir.Block) -> None:
        """The queue, and egress where the packet leaves it, for each copy."""
        body = self.builder.captured(lambda: self._one_egress(kept, leave))
        if not self.replicates:
            for statement in body:
                self.builder.add(statement)
            return
        saved = Liveness(self.context.cursor, self.field_lists).saved(body)
        saved = tuple(var for var in saved if var not in (self.port, self.instance))
        self.builder.add(ir.ForEachCopy(self.replicas, self.port, self.instance, body, saved))

    def _one_egress(self, kept: tuple[ir.Var, ...], leave: ir.Block) -> None:
        is_open = ir.Compare("==", self.turn, ir.Const(ir.Turn.OPEN))
        self.builder.branch(is_open, lambda: self._offer(kept))
        # a clone that egress makes is offered in its turn
        taken = ir.Assign(self.turn, ir.Const(ir.Turn.OPEN))
        leaves = ir.Compare("==", self.turn, ir.Const(ir.Turn.LEAVES))
        self.builder.branch_to(leaves, (taken, *leave) if self.replicates else leave)

    def _offer(self, kept: tuple[ir.Var, ...]) -> None:
        """Offer the packet to its queue."""
        priority = self.context.standard("priority")
        self.builder.add(ir.Offer(self.turn, self.port, priority, kept))
        if self.replicates:  # it may be a clone made by one that has waited
            self._begin_queueing()
        self.context.observe("offered", self.port, priority, self.turn)

    def _has_queueing(self) -> bool:
        fields = self.program.headers[STANDARD].header_type
        whole = all(fields.field(name) for name in QUEUEING)
        return whole and any(map(self.context.has, (*QUEUEING, "qid")))

    def _leave(self) -> None:
        """Egress and what follows, for a packet whose turn it is."""
        store = self.stores.standard
        self.context.observe(
            "egress", self.port, self.instance, self.context.standard("instance_type")
        )
        self._store_cut("egress_port", self.port)
        store("egress_rid", self.instance)
        store("egress_spec", self._undropped())
        # headers that were made valid by assignment are not counted, so it may fall below 0
        store("packet_length", ar.cut(self.context.length, LENGTH))
        store("egress_global_timestamp", ar.cut(self._elapsed(), TIMESTAMP))
        if self._has_queueing():
            self._store_queueing()
        self._clear_requests(ingress=False)
        Control(self.actions, self.program.egress).lower()
        if self.clones_out:
            self.builder.branch(ar.as_bool(self.requests.clone), self._clone_egress)
        spec = self.context.standard("egress_spec")
        with self.builder.block() as dropped:
            self.context.observe("dropped", "egress")
        deparsed = self.builder.captured(self._deparse)
        self.builder.branch_to(ir.Compare("!=", spec, DROP_PORT), deparsed, tuple(dropped))

    def _store_queueing(self) -> None:
        enqueued = self._elapsed(self.enqueued)
        self._store_cut("enq_timestamp", enqueued)
        self._store_cut("deq_timedelta", ar.binary("-", self._elapsed(), enqueued))
        self._store_cut("enq_qdepth", self.depth)
        self._store_cut("deq_qdepth", self.left)
        self._store_cut("qid", self.context.standard("priority"))

    def _store_cut(self, field: str, value: ir.Expr) -> None:
        if self.context.has(field):
            kind = self.layout.field(STANDARD, field).type
            assert isinstance(kind, ir.Int)
            self.stores.standard(field, ar.cut(value, kind))

    def _undropped(self) -> ir.Expr:
        """Any value but the drop port, cut to the field's width: BMv2 takes the next one."""
        found = self.program.headers[STANDARD].header_type.field("egress_spec")
        width = found.width if found and found.width else 9
        return ar.cut(ar.binary("+", DROP_PORT, ir.Const(1)), ir.Int(width))

    def _clone_egress(self) -> None:
        session = self._requested_session()
        always: list[tuple[ir.Var, ir.Expr]] = []
        if self.context.has("instance_type"):
            kind = self.layout.field(STANDARD, "instance_type")
            always.append((kind, ir.Const(ir.Kind.EGRESS_CLONE)))
        always.append((self.requests.cut, ir.Const(NO_CUT)))  # a clone is not truncated
        reset = tuple((var, ar.zero(var.type)) for var in self.layout.metadata())
        fields = self.requests.clone_fields
        copies = ir.AddCopies(session, fields, reset, tuple(always), MAX_COPIES)
        wanted = ar.both("and", (ir.Found(session), _has_replicas(session)))
        self.builder.branch_to(wanted, (copies,))

    # -- deparser ---------------------------------------------------------------------------------

    def _deparse(self) -> None:
        self.context.observe("stage", "deparser")
        for checksum in self.program.checksums:
            if checksum.update:
                self._update(checksum)
        for call in self.program.deparser.primitives:
            self.actions.primitive(call)
        self.builder.add(ir.BeginPacket())
        for name in self.program.deparser.order:
            header = self.layout.headers[name]
            if header.valid is not None:
                with self.builder.block() as block:
                    self.context.observe("emitted", name, ir.Emitted(header))
                    self.builder.add(ir.Emit(header))
                self.builder.branch_to(header.valid, tuple(block))
        self.builder.add(ir.AppendPayload())
        self.context.observe("payload", ir.SizeOf(ir.Payload()))
        if self.recirculates:
            asked = ar.as_bool(self.requests.recirculate)
            self.builder.branch(asked, self._recirculate, self._send)
        else:
            self._send()

    def _recirculate(self) -> None:
        self.context.observe("again", "recirculated", ir.Packet())
        self.builder.add(ir.Recirculate(self.requests.recirculate))

    def _send(self) -> None:
        limit = self.requests.cut if self.cuts else None
        self.context.observe("sent", self.port, ir.Packet(), limit)
        self.builder.add(ir.Send(self.port, limit))

    # -- checksums --------------------------------------------------------------------------------

    def _concerns(self, checksum: Checksum) -> ir.Expr:
        """Whether a checksum is computed for the packet."""
        tests = [self.expressions.is_valid(checksum.target.header)]
        if checksum.condition is not None:
            tests.append(self.expressions.condition(checksum.condition))
        return ar.both("and", tests)

    def _computed(self, checksum: Checksum) -> ir.Var:
        calculations = self.actions.externs.calculations
        return calculations.calculate(checksum.calculation, checksum.target.header)

    def _verify(self, checksum: Checksum) -> None:
        def verify() -> None:
            target = self.expressions.number(checksum.target)
            computed = self._computed(checksum)  # all of its bits, as BMv2 does
            self.context.observe("checksum", checksum, computed, target)
            with self.builder.block() as wrong:
                self.stores.standard("checksum_error", ir.Const(1))
            self.builder.branch_to(ir.Compare("!=", computed, target), tuple(wrong))

        self.builder.branch(self._concerns(checksum), verify)

    def _update(self, checksum: Checksum) -> None:
        def update() -> None:
            with self.actions.observer.step(checksum):
                self.stores.store(checksum.target, self._computed(checksum))

        self.builder.branch(self._concerns(checksum), update)


def _has_replicas(handle: ir.Expr) -> ir.Expr:
    return ar.as_bool(ir.ReplicaCount(handle))
