"""State shared by all parts of the lowering: the program, its variables, the open block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from v1switch.errors import ProgramError
from v1switch.lower import ir
from v1switch.lower.builder import Builder
from v1switch.lower.demand import STANDARD, Demand
from v1switch.lower.layout import Layout
from v1switch.program.hashes import CUSTOM
from v1switch.program.model import Action, Program


class References:
    """One reference for each piece of the program's state, by name."""

    def __init__(self, program: Program) -> None:
        tables, sets = program.tables, program.value_sets
        self.tables = {n: ir.TableRef(i, tables[n]) for i, n in enumerate(tables)}
        self.counters = {
            n: ir.CounterRef(i, s) for i, (n, s) in enumerate(program.counters.items())
        }
        self.meters = {n: ir.MeterRef(i, s) for i, (n, s) in enumerate(program.meters.items())}
        self.registers = {
            n: ir.RegisterRef(i, s) for i, (n, s) in enumerate(program.registers.items())
        }
        self.value_sets = {n: ir.ValueSetRef(i, sets[n]) for i, n in enumerate(sets)}
        self.hashes = {
            n: ir.HashRef(i, c)
            for i, (n, c) in enumerate(program.calculations.items())
            if c.algo in CUSTOM
        }


@dataclass
class Requests:
    """Variables that hold what actions request from the architecture (simple_switch.cpp).

    Attributes:
        exit: whether the control was left.
        clone: number of the clone session, with `CLONE_ASKED` set; 0 for none.
        clone_fields: id of the clone's field list.
        digest: id of the learn list; 0 for none.
        resubmit: id of the field list; 0 for no resubmission.
        recirculate: id of the field list; 0 for no recirculation.
        cut: to how many bytes the packet is truncated.
    """

    exit: ir.Var = field(default_factory=lambda: ir.Var("exit_", ir.BOOL))
    clone: ir.Var = field(default_factory=lambda: ir.Var("clone", ir.Int(16)))
    clone_fields: ir.Var = field(default_factory=lambda: ir.Var("clone_fields", ir.Int(31)))
    digest: ir.Var = field(default_factory=lambda: ir.Var("digest", ir.Int(31)))
    resubmit: ir.Var = field(default_factory=lambda: ir.Var("resubmit", ir.Int(31)))
    recirculate: ir.Var = field(default_factory=lambda: ir.Var("recirculate", ir.Int(31)))
    cut: ir.Var = field(default_factory=lambda: ir.Var("cut", ir.Int(31)))


class Context:
    """The lowering of one program.

    Attributes:
        observed: whether to add trace points (`ir.Observe`).
        demand: which fields the program reads and writes.
        layout: the headers' variables.
        cursor: how far the parser has come, bytes.
        length: of the packet as the program's headers make it, bytes (`packet_length`).
        parser_error: the parser's error code.
        params: the values of the parameters of the action that is being lowered.
        action: the name of that action.
    """

    def __init__(self, program: Program, observed: bool) -> None:
        self.program = program
        self.observed = observed
        self.demand = Demand(program, every=observed)
        self.layout = Layout(program, self.demand)
        self.builder = Builder()
        self.references = References(program)
        self.requests = Requests()
        self.cursor = ir.Var("cursor", ir.Int(31))
        self.length = ir.Var("length_", ir.Int(63, signed=True))
        self.parser_error = ir.Var("parser_error", ir.Int(32))
        self.params: Sequence[ir.Expr] = ()
        self.action = ""

    # -- standard metadata ------------------------------------------------------------------------

    def has(self, field: str) -> bool:
        """Whether the program reads a field of standard_metadata, which then has a variable."""
        demand = self.demand
        kind = self.program.headers[STANDARD].header_type.name
        return demand.has_variable(kind, field) and demand.is_read(STANDARD, field)

    def standard(self, field: str) -> ir.Expr:
        """The value of a field of standard_metadata; 0 where the program does not use the field."""
        return self.layout.field(STANDARD, field) if self.has(field) else ir.Const(0)

    # -- the recorder -----------------------------------------------------------------------------

    def observe(self, event: str, *args: object) -> None:
        """Add a trace point, if the program is lowered for tracing; see `ir.Observe`."""
        if self.observed:
            self.builder.add(ir.Observe(event, args))

    # -- actions ----------------------------------------------------------------------------------

    @contextmanager
    def inside(self, action: Action, params: Sequence[ir.Expr]) -> Iterator[None]:
        """Lower the body of an action that is called with these arguments."""
        before = self.params, self.action
        self.params, self.action = params, action.name
        yield
        self.params, self.action = before

    def fail(self, expected: str, found: str) -> ProgramError:
        """Make the error that the current action cannot be lowered."""
        subject = f"action {self.action!r}" if self.action else ""
        return ProgramError("$.actions", expected, found, subject)
