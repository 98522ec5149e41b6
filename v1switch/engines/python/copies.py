"""Statements of copies, of packets that enter again, and of queues, as Python source."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from v1switch.engines.python.expressions import Expressions
from v1switch.engines.python.source import Source
from v1switch.lower import ir


class Copies:
    """Prints what makes further packets of one, or lets a packet wait.

    Args:
        source: where to.
        expressions: prints expressions.
        field_lists: what packets that enter again bring along.
        block: prints a block.
    """

    def __init__(
        self,
        source: Source,
        expressions: Expressions,
        field_lists: Sequence[ir.FieldList],
        block: Callable[[ir.Block], None],
    ) -> None:
        self._source = source
        self._text, self._tuple = expressions.text, expressions.tuple_text
        self._field_lists = field_lists
        self._block = block
        self._saved: tuple[ir.Var, ...] = ()

    def _preserved(self, fields: ir.Expr) -> str:
        """Source of the values of the field list whose id this is."""
        which, text = self._text(fields), ""
        for listed in self._field_lists:
            text += f"{self._tuple(listed.variables)} if {which} == {listed.id} else "
        return f"({text}())"

    def clone_ingress(self, statement: ir.CloneIngress) -> None:
        """Print the run of an ingress clone, which happens at once."""
        session, fields = (
            self._text(statement.session),
            self._text(statement.fields),
        )
        brought = f"({session}, {fields}, {self._preserved(statement.fields)})"
        self._source.add(
            f"run(port, frame, now, {ir.Kind.INGRESS_CLONE}, {brought}, out, work, held)"
        )

    def _enter_again(self, fields: ir.Expr, data: str, kind: ir.Kind) -> None:
        brought = f"({self._text(fields)}, {self._preserved(fields)})"
        self._source.add(f"work.append((port, {data}, {kind}, {brought}))")

    def resubmit(self, statement: ir.Resubmit) -> None:
        """Print that the original frame enters the parser again."""
        self._enter_again(statement.fields, "frame", ir.Kind.RESUBMITTED)

    def recirculate(self, statement: ir.Recirculate) -> None:
        """Print that the outgoing packet enters the parser again."""
        self._enter_again(statement.fields, "data", ir.Kind.RECIRCULATED)

    def restore_fields(self, _statement: ir.RestoreFields) -> None:
        """Print the restoring of the field list that the packet brings along."""
        for listed in self._field_lists:
            if listed.variables:
                names = "".join(f"{var.name}, " for var in listed.variables)
                with self._source.block(f"if restore[-2] == {listed.id}:"):
                    self._source.add(f"{names}= restore[-1]")

    def for_each_copy(self, statement: ir.ForEachCopy) -> None:
        """Print the loop over the copies of a packet."""
        add, replicas = self._source.add, statement.replicas.name
        copy = f"{statement.port.name}, {statement.instance.name}"
        before, self._saved = self._saved, statement.saved
        add("pending = None")
        add("copies = 0")
        with self._source.block(f"if {replicas} is not None:"):
            add(f"rows = {replicas}.replicas")
            add(f"{copy} = rows[0].port, rows[0].instance")
            with self._source.block("if len(rows) > 1:"):
                add(f"saved = {self._tuple(statement.saved)}")
                add("pending = [(r.port, r.instance, saved) for r in rows[1:]]")
        with self._source.block("while True:"):
            self._block(statement.body)
            add("if not pending: return")
            add(f"{copy}, saved = pending.pop(0)")
            if statement.saved:
                add(f"{''.join(f'{var.name}, ' for var in statement.saved)}= saved")
        self._saved = before

    def add_copies(self, statement: ir.AddCopies) -> None:
        """Print the appending of egress clones to the copies."""
        add, session = self._source.add, self._text(statement.session)
        with self._source.block(f"if copies < {statement.limit}:"):
            add(f"copies += len({session}.replicas)")
            which = self._text(statement.fields)
            always, reset = dict(statement.always), dict(statement.reset)
            for number, listed in enumerate(self._field_lists):
                kept = {v: value for v, value in reset.items() if v not in listed.variables}
                with self._source.block(f"{'elif' if number else 'if'} {which} == {listed.id}:"):
                    add(f"saved = {self._changed(kept | always)}")
            with self._source.block("else:" if self._field_lists else "if True:"):
                add(f"saved = {self._changed(reset | always)}")
            add("pending = pending or []")
            add(f"pending += [(r.port, r.instance, saved) for r in {session}.replicas]")

    def _changed(self, values: dict[ir.Var, ir.Expr]) -> str:
        """Source of the saved variables, some of them with other values."""
        return self._tuple([values.get(var, var) for var in self._saved])

    def offer(self, statement: ir.Offer) -> None:
        """Print the offer of the packet to its egress queue."""
        add, turn = self._source.add, statement.target.name
        offer = self._source.state("offer", lambda switch, _: switch.queues.offer)
        bypass = self._source.state("bypass_ports", lambda switch, _: switch.queues.bypass_ports)
        lasts = self._source.state("lasts", lambda switch, _: switch.queues.lasts)
        port, priority = (
            self._text(statement.port),
            self._text(statement.priority),
        )
        add(f"{turn} = {ir.Turn.LEAVES}")
        lowest = statement.priority == ir.Const(0)
        with self._source.block(
            f"if {port} in {bypass}{'' if lowest else f' and not {priority}'}:"
        ):
            add(f"{lasts}[{port}] = now")
        with self._source.block("else:"):
            add(f"place = {offer}({port}, {priority}, now)")
            with self._source.block("if place is not None:"):
                add(f"{turn} = place[0]")
                with self._source.block(f"if {turn} == {ir.Turn.WAITS}:"):
                    add(f"held.append((place, port, frame, {self._tuple(statement.kept)}))")

    def resume(self, statement: ir.Resume) -> None:
        """Print the restoring of a packet that has waited in a queue."""
        own = ", ".join(v.name for v in (statement.enqueued, statement.depth, statement.left))
        self._source.add(f"{own}, kept = restore")
        if statement.targets:
            names = "".join(f"{var.name}, " for var in statement.targets)
            self._source.add(f"{names}= kept")
