"""Table applications: key, look-up, then the actions, inlined where the table is applied."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from v1switch.lower import arithmetic as ar
from v1switch.lower import ir
from v1switch.lower.actions import Actions
from v1switch.lower.externs import COLOUR
from v1switch.program import expressions as ex
from v1switch.program.hidden import is_hidden
from v1switch.program.model import KeyField, Table
from v1switch.program.symbols import VALID

Continue = Callable[[str | None], None]
NO_ACTION = -1  # the code of an entry that runs none


class Tables:
    """Lowers table applications."""

    def __init__(self, actions: Actions) -> None:
        self.actions = actions
        self.context = actions.context
        self.expressions = actions.expressions
        self.builder = actions.builder
        self.program = actions.context.program
        self.codes = self.program.action_codes
        self._stale = self._may_become_invalid()

    def _may_become_invalid(self) -> set[str]:
        """Headers whose variables may hold stale values while they are invalid.

        Of others only a field that is written by itself may: the header of a frame that is too
        short for it is invalid, however the parser goes.
        """
        demand = self.context.demand
        found: set[str] = set()
        for action in self.program.actions.values():
            for call in action.primitives:
                if call.op in ("remove_header", "assign_header", "copy_header"):
                    found.update(demand.candidates(call.args[0]))
        written = self.context.demand.written_fields
        found.update(header for header, field in written if field == VALID)
        # a length that looks at the fields in front of it is worked out before the header is valid
        headers = self.program.headers.values()
        found.update(h.name for h in headers if h.header_type.length_expr is not None)
        for stack in self.program.stacks.values():
            found.update(stack.headers)
        for union in self.program.unions.values():
            found.update(union.headers)
        return found

    def apply(self, table: Table, go: Continue) -> None:
        """Add the application of a table.

        Args:
            table: the table.
            go: adds what follows up to where all branches meet again, given the next node.
        """
        if self._constant(table, go):
            return
        branches = table.hit_miss is not None and len(set(table.hit_miss)) > 1
        hit = self.builder.temporary(ir.BOOL, "hit") if branches else None
        entry = self.builder.temporary(ir.ENTRY, "e")
        self._look_up(table, entry, hit)
        if table.implementation != "simple":
            self._resolve(table, entry)
        self._dispatch(table, entry)
        if hit is not None:
            assert table.hit_miss is not None
            on_hit, on_miss = (self.builder.captured(partial(go, n)) for n in table.hit_miss)
            self.builder.branch_to(hit, on_hit, on_miss)
        elif table.hit_miss is None:
            self._follow(table, entry, go)

    # -- look-up ----------------------------------------------------------------------------------

    def _key_part(self, field: KeyField) -> ir.Expr:
        """One key field's value; fields of invalid headers read 0 (match_units.cpp)."""
        if isinstance(field.target, ex.Const):
            return ir.Const(field.target.value)
        if isinstance(field.target, ex.HeaderRef):
            return ar.as_int(self.expressions.valid(field.target))
        value = ar.cut(self.expressions.value(field.target), ir.Int(field.width))
        if field.mask is not None:
            value = ar.binary("&", value, ir.Const(field.mask & ((1 << field.width) - 1)))
        if self._may_be_stale(field.target):
            valid = self.expressions.is_valid(field.target.header)
            value = ar.select(valid, value, ir.Const(0))
        return value

    def _may_be_stale(self, field: ex.FieldRef) -> bool:
        """Whether a field may hold another value than 0 while its header is invalid."""
        if field.field == VALID:
            return False
        written = self.context.demand.written_fields
        return field.header in self._stale or (field.header, field.field) in written

    def _look_up(self, table: Table, entry: ir.Var, hit: ir.Var | None) -> None:
        """Add what leaves the entry to run in `entry`: on a miss, the default."""
        ref = self.context.references.tables[table.name]
        key = tuple(self._key_part(field) for field in table.key)

        def on_miss() -> None:
            self.builder.assign(entry, ir.DefaultEntry(ref))
            if hit is not None:
                self.builder.assign(hit, ir.BoolConst(False))
            self.context.observe("table", ref, key, ir.Nothing(ir.ENTRY))

        def on_hit() -> None:
            self.context.observe("table", ref, key, entry)
            if hit is not None:
                self.builder.assign(hit, ir.BoolConst(True))
            self._account(table, entry)

        if not table.key:
            on_miss()
            return
        self.builder.add(ir.LookUp(entry, ref, key))
        found = self.builder.captured(on_hit)
        missed = self.builder.captured(on_miss)
        self.builder.branch_to(ir.Not(ir.Found(entry)), missed, found)

    def _account(self, table: Table, entry: ir.Var) -> None:
        """Add what a hit does to the entry's direct counter, idle time and meter."""
        if table.with_counters:
            self.builder.add(ir.CountEntry(entry))
        if table.support_timeout:
            self.builder.add(ir.TouchEntry(entry))
        if table.direct_meter:
            target = self.program.meters[table.direct_meter].target
            assert target is not None
            colour = self.builder.temporary(COLOUR)
            self.builder.add(ir.ExecuteDirectMeter(colour, entry))
            self.actions.stores.store(target, colour)
            if self.context.observed:
                self.context.observe("metered", target, self.expressions.number(target))

    def _resolve(self, table: Table, entry: ir.Var) -> None:
        """Replace an entry by the member that it points at, picked by the selector for groups."""
        profile = self.program.action_profiles[table.action_profile or ""]

        def pick() -> None:
            hashed = self.actions.externs.calculations.select(profile)
            self.context.observe("picked", entry, hashed)
            self.builder.assign(entry, ir.Pick(entry, hashed))

        def aim() -> None:
            self.builder.assign(entry, ir.Target(entry))
            self.context.observe("chosen", entry)
            if profile.selector_algo is not None:
                self.builder.branch(ir.IsGroup(entry), pick)

        self.builder.branch(ir.Found(ir.Target(entry)), aim)

    # -- actions ----------------------------------------------------------------------------------

    def _constant(self, table: Table, go: Continue) -> bool:
        """A table without key whose default action is constant is just that action."""
        declared = table.default_entry
        if (
            table.key
            or table.implementation != "simple"
            or not declared
            or not declared.const_entry
        ):
            return False
        action = self.program.actions[declared.action_id]
        params = tuple(ir.Const(value) for value in declared.params)
        if is_hidden(table.name):
            self.context.observe("statement", table.name)
        else:
            ref = self.context.references.tables[table.name]
            self.context.observe("table", ref, (), ir.Nothing(ir.ENTRY))
            self.context.observe("action", action, params)
        if self.actions.call(action, params):
            self.leave()
        if table.hit_miss is None:
            go(table.next_by_action[declared.action_id])
        else:
            go(table.hit_miss[1])
        return True

    def leave(self) -> None:
        """Leave the control if an action has exited."""
        self.builder.branch_to(self.context.requests.exit, (ir.Leave(),))

    def _actions_by_code(self, table: Table) -> dict[int, int]:
        """The action id of each code that an entry of the table may have."""
        found: dict[int, int] = {}
        for action_id in table.actions:
            found.setdefault(self.codes[self.program.actions[action_id].name], action_id)
        return found

    def _dispatch(self, table: Table, entry: ir.Var) -> None:
        """Add the actions, chosen by the entry's code."""
        ids = self._actions_by_code(table)
        blocks = {
            code: self.builder.captured(partial(self._action, action_id, entry))
            for code, action_id in ids.items()
        }
        cases = [((code,), block) for code, block in blocks.items() if block]
        default: ir.Block = ()
        # without a default action there may be a miss that runs no action at all
        certain = table.implementation == "simple" and table.default_entry is not None
        if certain and cases and len(cases) == len(ids):
            default = cases.pop()[1]
        if cases:
            self.builder.add(ir.Match(ir.ActionCode(entry), tuple(cases), default))
        else:
            for statement in default:
                self.builder.add(statement)

    def _action(self, action_id: int, entry: ir.Var) -> None:
        action = self.program.actions[action_id]
        # one of no bits is kept in as many words as one of a bit
        params = [self.builder.temporary(ir.Int(p.width or 1), "p") for p in action.params]
        if params and (action.primitives or self.context.observed):
            self.builder.add(ir.TakeParams(tuple(params), entry))
        self.context.observe("action", action, tuple(params))
        if self.actions.call(action, params):
            self.leave()

    def _follow(self, table: Table, entry: ir.Var, go: Continue) -> None:
        """Add what comes next, by action: each target once."""
        targets: dict[str | None, list[int]] = {}
        for code, action_id in self._actions_by_code(table).items():
            targets.setdefault(table.next_by_action[action_id], []).append(code)
        targets.setdefault(table.base_default_next, []).append(NO_ACTION)
        blocks = {target: self.builder.captured(partial(go, target)) for target in targets}
        cases = tuple((tuple(targets[t]), block) for t, block in blocks.items() if block)
        if cases:
            self.builder.add(ir.Match(ir.ActionCode(entry), cases))
