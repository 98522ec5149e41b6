"""Tables as Python source: key, look-up, then the actions inlined where the table is applied."""

from __future__ import annotations

from collections.abc import Callable

from v1switch.codegen.primitives import Primitives
from v1switch.program import expressions as ex
from v1switch.program.model import (
    Action,
    ActionProfile,
    Calculation,
    CalculationInput,
    KeyField,
    Table,
)
from v1switch.program.symbols import VALID
from v1switch.state.lookup import BYTES, LAST_HIT, PACKETS

Continue = Callable[[str | None], None]
HIDDEN = "tbl_"  # so p4c names the tables that it makes of statements


class TableCode:
    """Writes table applications."""

    MISSED = "e is None"
    CODE = "e.code"

    def __init__(self, primitives: Primitives, codes: dict[str, int]) -> None:
        """Remember the context.

        Args:
            primitives: the translator of actions.
            codes: number of each action's name, as entries carry it.
        """
        self.primitives = primitives
        self.expressions = primitives.expressions
        self.writer = primitives.writer
        self.program = primitives.program
        self.codes = codes
        self.numbers = {name: n for n, name in enumerate(self.program.tables)}
        self._wants_hit = False
        self._fickle = self._may_become_invalid()

    def _may_become_invalid(self) -> set[str]:
        """Headers whose variables may hold old values while they are invalid."""
        access = self.primitives.access
        found: set[str] = set()
        for action in self.program.actions.values():
            for call in action.primitives:
                if call.op in ("remove_header", "assign_header", "copy_header"):
                    found.update(access.candidates(call.args[0]))
        for stack in self.program.stacks.values():
            found.update(stack.headers)
        for union in self.program.unions.values():
            found.update(union.headers)
        return found

    # -- key ------------------------------------------------------------------------------------

    def key_part(self, field: KeyField) -> str:
        """Source of one key field's value; fields of invalid headers read 0 (match_units.cpp)."""
        if isinstance(field.target, ex.HeaderRef):
            return self.expressions.valid(field.target)
        text = self.expressions.value(field.target)
        if self.expressions.field_type(field.target).signed:
            text = f"({text} & {(1 << field.width) - 1})"
        if field.mask is not None:
            text = f"({text} & {field.mask & ((1 << field.width) - 1)})"
        if field.target.header in self._fickle and field.target.field != VALID:
            valid = self.expressions.valid(ex.HeaderRef(field.target.header))
            text = f"({text} if {valid} else 0)"
        return text

    def _joined(self, table: Table) -> str:
        shift = sum(f.width for f in table.key)
        parts = []
        for field in table.key:
            shift -= field.width
            text = self.key_part(field)
            parts.append(f"{text} << {shift}" if shift else text)
        return " | ".join(parts)

    # -- look-up --------------------------------------------------------------------------------

    def _lookup(self, table: Table, index: str) -> None:
        """Write the code that leaves the entry's cell, or None, in `e`."""
        add = self.writer.add
        if table.match_type == "exact":
            parts = [self.key_part(f) for f in table.key]
            key = parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
            add(f"e = {index}_get({key})")
            return
        add("e = None")
        add(f"rows = {index}_index.rows")
        # a wide key is dear to build, and many a table stays empty
        with self.writer.block("if rows:"):
            add(f"k = {self._joined(table)}")
            {"lpm": self._longest, "ternary": self._best, "range": self._first}[table.match_type]()

    def _longest(self) -> None:
        with self.writer.block("for m, d in rows:"):
            self.writer.add("e = d.get(k & m)")
            self.writer.add("if e is not None: break")

    def _best(self) -> None:
        self.writer.add("b = -1")
        with self.writer.block("for m, d, top in rows:"):
            self.writer.add("if top < b: break")
            self.writer.add("c = d.get(k & m)")
            self.writer.add("if c is not None and c.rank > b: e = c; b = c.rank")

    def _first(self) -> None:
        with self.writer.block("for m, v, rs, c in rows:"):
            self.writer.add("if k & m != v: continue")
            with self.writer.block("for s, w, lo, hi in rs:"):
                self.writer.add("if not lo <= (k >> s & w) <= hi: break")
            with self.writer.block("else:"):
                self.writer.add("e = c")
                self.writer.add("break")

    def _on_miss(self, table: Table, name: str) -> None:
        self.writer.add(f"e = {self._default(name)}")
        if self._wants_hit:
            self.writer.add("hit = False")
        self._tell(table, "None")

    def _default(self, name: str) -> str:
        """Source of a table's default cell."""
        return f"{name}.default"

    def _on_hit(self, table: Table) -> None:
        add = self.writer.add
        self._tell(table, "e")
        if self._wants_hit:
            add("hit = True")
        if table.with_counters:
            add(f"w = e.words; w[{PACKETS}] += 1; w[{BYTES}] += flen")
        if table.support_timeout:
            add(f"e.words[{LAST_HIT}] = now")
        if table.direct_meter:
            target = self.program.meters[table.direct_meter].target
            assert target is not None
            self.primitives.store_text(target, "e.meter.execute(flen, now)", 2)
            self.primitives.tell("metered", target, self.expressions.value(target))

    def _tell(self, table: Table, cell: str) -> None:
        """Tell the look-up's key and what it found (None: a miss)."""
        values = f"({''.join(f'{self.key_part(field)}, ' for field in table.key)})"
        self.primitives.tell("table", f"table_{self.numbers[table.name]}", values, cell)

    # -- application ------------------------------------------------------------------------------

    def emit(self, table: Table, go: Continue, meeting: str | None, single: bool) -> None:
        """Write the application of a table.

        Args:
            table: the table.
            go: writes what follows up to the meeting point, given the next node.
            meeting: the node where all ways meet again, which the caller writes.
            single: every way out of the table leads there directly.
        """
        if self._constant(table, go, single):
            return
        self._wants_hit = table.hit_miss is not None and not single
        name = f"table_{self.numbers[table.name]}"
        if table.key:
            self._lookup(table, name)
            with self.writer.block(f"if {self.MISSED}:"):
                self._on_miss(table, name)
            with self.writer.optional("else:"):
                self._on_hit(table)
        else:
            self._on_miss(table, name)
        if table.implementation != "simple":
            self._resolve(table)
        ids = self._dispatch(table)
        if single:
            return
        if table.hit_miss is None:
            self._follow(table, ids, meeting, go)
            return
        on_hit, on_miss = table.hit_miss
        if on_hit == meeting:
            with self.writer.block("if not hit:"):
                go(on_miss)
            return
        with self.writer.block("if hit:"):
            go(on_hit)
        if on_miss != meeting:
            with self.writer.block("else:"):
                go(on_miss)

    def _constant(self, table: Table, go: Continue, single: bool) -> bool:
        """A table without key whose default action is const is just that action."""
        entry = table.default_entry
        if table.key or table.implementation != "simple" or not entry or not entry.const_entry:
            return False
        action = self.program.actions[entry.action_id]
        if table.name.startswith(HIDDEN):
            self.primitives.tell("statement", repr(table.name))
        else:
            self._tell(table, "None")
            self.primitives.tell("action", action, f"{entry.params}")
        if self.primitives.emit_action(action, self._literals(action, entry.params)):
            self._leave()
        if not single:
            if table.hit_miss is not None:
                go(table.hit_miss[1])
            else:
                go(table.next_by_action[entry.action_id])
        return True

    def _literals(self, _action: Action, values: tuple[int, ...]) -> list[str]:
        """Source of parameters that the program gives."""
        return [str(value) for value in values]

    def _leave(self) -> None:
        self.writer.add("if ex: break")

    def _resolve(self, table: Table) -> None:
        """Replace `e` by the member that it points at, picked by the selector for groups."""
        profile = self.program.action_profiles[table.action_profile or ""]
        add = self.writer.add
        with self.writer.block("if e.target is not None:"):
            add("e = e.target")
            self.primitives.tell("chosen", "e")
            if profile.selector_algo is None:
                return
            with self.writer.block("if e.pick is not None:"):
                picked = self._selector_hash(profile)
                self.primitives.tell("picked", "e", picked)
                add(f"e = e.pick[{picked} % len(e.pick)] if e.pick else nothing")

    def _selector_hash(self, profile: ActionProfile) -> str:
        """Write the calculation of a selector's hash and return the variable that holds it."""
        inputs = tuple(
            CalculationInput("field", field, self.expressions.field_type(field).width or 0)
            for field in profile.selector_input
        )
        calculation = Calculation("", profile.selector_algo or "", inputs)
        return self.primitives.calculations.emit_calculation(calculation)

    def _dispatch(self, table: Table) -> dict[int, int]:
        """Write the actions, chosen by `c`; return the action id behind each code."""
        ids: dict[int, int] = {}
        for action_id in table.actions:
            ids.setdefault(self.codes[self.program.actions[action_id].name], action_id)
        active = [
            (code, i)
            for code, i in ids.items()
            if self.primitives.traced or self.program.actions[i].primitives
        ]
        self.writer.add(f"c = {self.CODE}")
        # without a default action there may be a miss that runs no action at all
        certain = table.implementation == "simple" and table.default_entry is not None
        whole = certain and len(active) == len(ids)
        for number, (code, action_id) in enumerate(active):
            head = f"{'elif' if number else 'if'} c == {code}:"
            if whole and number == len(active) - 1:
                if not number:
                    self._action(action_id)
                    continue
                head = "else:"
            with self.writer.block(head):
                self._action(action_id)
        return ids

    def _follow(self, table: Table, ids: dict[int, int], meeting: str | None, go: Continue) -> None:
        """Write what comes next, by action: each target once, the meeting point not at all."""
        targets: dict[str | None, list[int]] = {}
        for code, action_id in ids.items():
            targets.setdefault(table.next_by_action[action_id], []).append(code)
        targets.setdefault(table.base_default_next, []).append(-1)
        first = True
        for target, codes in targets.items():
            if target == meeting:
                continue
            test = f"c == {codes[0]}" if len(codes) == 1 else f"c in {tuple(codes)}"
            with self.writer.block(f"{'if' if first else 'elif'} {test}:"):
                go(target)
            first = False

    def _action(self, action_id: int) -> None:
        action = self.program.actions[action_id]
        names = [f"p{n}_{self.writer.fresh('')[1:]}" for n in range(len(action.params))]
        if names and (action.primitives or self.primitives.traced):
            self._take_params(action, names)
        self.primitives.tell("action", action, f"({''.join(f'{n}, ' for n in names)})")
        if self.primitives.emit_action(action, names):
            self._leave()

    def _take_params(self, _action: Action, names: list[str]) -> None:
        self.writer.add(f"{', '.join(names)}, = e.params")
