"""Primitives of the architecture and on the program's state, one method for each."""

from __future__ import annotations

from v1switch.lower import arithmetic as ar
from v1switch.lower import ir
from v1switch.lower.demand import STANDARD
from v1switch.lower.expressions import inside, is_inside
from v1switch.lower.hashes import Calculations
from v1switch.lower.limits import SESSION_BITS
from v1switch.lower.stores import Stores
from v1switch.program import expressions as ex

CLONE_ASKED = 1 << SESSION_BITS  # session 0 is a session as well
COLOUR = ir.Int(2)


class Externs:
    """Lowers calls of primitives that are no mere assignments."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.context = stores.context
        self.expressions = stores.expressions
        self.builder = stores.builder
        self.program = stores.program
        self.calculations = Calculations(stores.expressions)

    # -- requests to the architecture -------------------------------------------------------------

    def mark_to_drop(self, header: ex.HeaderRef) -> None:
        """Send the packet to the drop port, and to no multicast group.

        `header` may be a copy of standard_metadata: an action's inout parameter is one, and is
        copied back later.
        """
        values: dict[str, ir.Expr] = {
            "egress_spec": ir.Input("drop_port", ir.Int(31)),
            "mcast_grp": ir.Const(0),
        }
        demand = self.context.demand
        kind = self.program.headers[STANDARD].header_type.name
        for field, value in values.items():
            if demand.has_variable(kind, field) and demand.is_read(header.name, field):
                var = self.context.layout.field(header.name, field)
                assert isinstance(var.type, ir.Int)
                self.builder.assign(var, ar.known_to_fit(value, var.type))

    def drop(self) -> None:
        """`mark_to_drop` of old programs."""
        self.mark_to_drop(ex.HeaderRef(STANDARD))

    def generate_digest(self, _receiver: ex.Expr, list_id: ex.Const) -> None:
        """Ask for a digest."""
        self.builder.assign(self.context.requests.digest, ir.Const(list_id.value))

    def clone(self, session: ex.Expr, fields: ex.Const) -> None:
        """Ask for a clone, with the fields of a list."""
        requests = self.context.requests
        number = ar.cut(self.expressions.number(session), ir.Int(SESSION_BITS))
        self.builder.assign(requests.clone, ar.binary("|", number, ir.Const(CLONE_ASKED)))
        self.builder.assign(requests.clone_fields, ir.Const(fields.value))

    def resubmit(self, fields: ex.Const) -> None:
        """Ask for a resubmission, with the fields of a list."""
        self.builder.assign(self.context.requests.resubmit, ir.Const(fields.value))

    def recirculate(self, fields: ex.Const) -> None:
        """Ask for a recirculation, with the fields of a list."""
        self.builder.assign(self.context.requests.recirculate, ir.Const(fields.value))

    def truncate(self, length: ex.Expr) -> None:
        """Cut the packet to a number of bytes."""
        cut = self.context.requests.cut
        least = ar.binary("min", cut, self.expressions.number(length))
        self.builder.assign(cut, ar.fit(least, ir.Int(31), saturating=True))

    # -- random numbers and hashes ----------------------------------------------------------------

    def random(self, target: ex.Expr, low: ex.Expr, high: ex.Expr) -> None:
        """A random number of low..high; nothing when there is none."""
        lowest = self.builder.simple(self.expressions.number(low))
        highest = self.builder.simple(self.expressions.number(high))

        def draw() -> None:
            drawn = self.builder.temporary(ar.joined((lowest, highest)))
            self.builder.add(ir.Random(drawn, lowest, highest))
            self.stores.store(target, drawn)

        self.builder.branch(ir.Compare("<=", lowest, highest), draw)

    def hash(self, target: ex.Expr, base: ex.Expr, calculation: ex.Named, size: ex.Expr) -> None:
        """`base` plus a hash modulo `size`."""
        result: ir.Expr = self.calculations.calculate(calculation.name)
        modulus = self.builder.simple(self.expressions.number(size))
        reduced = ar.binary("%", result, modulus)  # modulo 0 gives 0, as BMv2's modulo 1 does
        self.stores.store(target, ar.binary("+", self.expressions.number(base), reduced))

    # -- state ------------------------------------------------------------------------------------

    def count(self, counter: ex.Named, index: ex.Expr) -> None:
        """Count the packet in a counter's cell."""
        ref = self.context.references.counters[counter.name]
        at = self.expressions.index(index)
        self.builder.add(ir.Count(ref, at, inside(at, ref.spec.size)))

    def execute_meter(self, meter: ex.Named, index: ex.Expr, target: ex.Expr) -> None:
        """Give a field the colour of a meter's cell."""
        ref = self.context.references.meters[meter.name]
        at = self.expressions.index(index)

        def execute() -> None:
            colour = self.builder.temporary(COLOUR)
            self.builder.add(ir.ExecuteMeter(colour, ref, at))
            self.stores.store(target, colour)

        self.builder.branch(is_inside(at, ref.spec.size), execute)

    def register_read(self, target: ex.Expr, register: ex.Named, index: ex.Expr) -> None:
        """Give a field the value of a register's cell."""
        ref = self.context.references.registers[register.name]
        at = self.expressions.index(index)
        self.builder.branch(
            is_inside(at, ref.spec.size),
            lambda: self.stores.store(target, ir.RegisterRead(ref, at, inside=True)),
        )

    def register_write(self, register: ex.Named, index: ex.Expr, value: ex.Expr) -> None:
        """Set a register's cell."""
        at = self.expressions.index(index)
        self.stores.register(register.name, at, self.expressions.value(value))

    # -- messages ---------------------------------------------------------------------------------

    def check(self, value: ex.Expr) -> None:
        """`assert` and `assume`."""
        fails = ar.negate(self.expressions.condition(value))
        self.builder.branch_to(fails, (ir.FailAssertion(),))

    def log(self, text: ex.Text, values: ex.Vector) -> None:
        """`log_msg`."""
        shown = tuple(self.expressions.number(value) for value in values.items)
        self.builder.add(ir.LogMessage(text.value, shown))
