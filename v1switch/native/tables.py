"""Tables in machine code: cells are addresses of their words, 0 for a miss."""

from __future__ import annotations

from v1switch.codegen.tables import Continue, TableCode
from v1switch.native.errors import NotNative
from v1switch.native.exprs import NativeExpressions
from v1switch.native.output import MAX_KEY_WORDS
from v1switch.native.primitives import NativePrimitives
from v1switch.native.writer import NativeWriter
from v1switch.program import expressions as ex
from v1switch.program.model import Action, KeyField, Table
from v1switch.program.symbols import VALID
from v1switch.state.lookup import (
    ARGS,
    BYTES,
    CODE,
    LAST_HIT,
    METER,
    PACKETS,
    PICK,
    PICKS,
    TARGET,
)
from v1switch.state.mirror import DEFAULT, key_words
from v1switch.state.words import SCALAR_BITS, WORD_BYTES, count, split

FIND = {
    "exact": "find_first",
    "lpm": "find_first",
    "ternary": "find_best",
    "range": "find_listed",
}


def _of(cell: str, part: int) -> str:
    """Source of the address of a word of a cell."""
    return f"{cell} + {WORD_BYTES * part}"


class NativeTables(TableCode):
    """Writes table applications."""

    MISSED = "e == 0"
    CODE = f"word({_of('e', CODE)})"
    primitives: NativePrimitives
    expressions: NativeExpressions
    writer: NativeWriter

    def emit(self, table: Table, go: Continue, meeting: str | None, single: bool) -> None:
        """Write the application of a table; see the base class."""
        with self.writer.or_punt():
            super().emit(table, go, meeting, single)

    # -- look-up ----------------------------------------------------------------------------------

    def _key_words(self, field: KeyField) -> list[str]:
        if isinstance(field.target, ex.HeaderRef):
            return [self.expressions.valid(field.target)]
        text = self.expressions.place(field.target)
        words = count(field.width)
        if self.expressions.field_type(field.target).signed:
            if words > 1:
                raise NotNative("wide signed keys")
            parts = [f"({text} & {(1 << field.width) - 1})"]
        else:
            parts = [text] if words == 1 else [f"{text}[{n}]" for n in range(words)]
        if field.mask is not None:
            masks = split(field.mask & (1 << field.width) - 1, field.width)
            parts = [f"({part} & {mask})" for part, mask in zip(parts, masks, strict=True)]
        if field.target.header in self._fickle and field.target.field != VALID:
            valid = self.expressions.valid(ex.HeaderRef(field.target.header))
            parts = [f"({part} if {valid} else 0)" for part in parts]
        return parts

    def _lookup(self, table: Table, index: str) -> None:
        if table.match_type == "range" and any(f.width > SCALAR_BITS for f in table.key):
            raise NotNative("ranges of wide keys")
        add, state = self.writer.add, self.writer.state(index)
        add("e = 0")
        with self.writer.block(f"if word({state}):"):
            parts = [part for field in table.key for part in self._key_words(field)]
            for number, part in enumerate(parts):
                add(f"set_word(scratch + {WORD_BYTES * number}, {part})")
            words = key_words([field.width for field in table.key])
            if words > MAX_KEY_WORDS:
                raise NotNative(f"keys of {words} words")
            add(f"e = {FIND[table.match_type]}({state}, scratch, {words})")

    def _default(self, name: str) -> str:
        return f"word({self.writer.state(name)} + {WORD_BYTES * DEFAULT})"

    def _on_hit(self, table: Table) -> None:
        add = self.writer.add
        if self._wants_hit:
            add("hit = True")
        if table.with_counters:
            add(f"tally(out, {_of('e', PACKETS)}, {_of('e', BYTES)}, flen)")
        if table.support_timeout:
            add(f"change(out, {_of('e', LAST_HIT)}, now)")
        if table.direct_meter:
            target = self.program.meters[table.direct_meter].target
            assert target is not None
            meter = f"word({_of('e', METER)})"
            self.primitives.store_text(target, f"colour(out, {meter}, flen, now)", 2)

    def _resolve(self, table: Table) -> None:
        profile = self.program.action_profiles[table.action_profile or ""]
        add = self.writer.add
        with self.writer.block(f"if word({_of('e', TARGET)}):"):
            add(f"e = word({_of('e', TARGET)})")
            if profile.selector_algo is None:
                return
            add(f"n = word({_of('e', PICKS)})")
            with self.writer.block("if n > 0:"):
                if profile.selector_algo == "identity":
                    raise NotNative("a selector of 64 bits")
                picked = self._selector_hash(profile)
                add(f"e = word(word({_of('e', PICK)}) + {WORD_BYTES} * ({picked} % n))")
            with self.writer.block("elif n == 0:"):
                add(f"e = {self.writer.state('nothing')}")

    # -- actions ----------------------------------------------------------------------------------

    def _take_params(self, action: Action, names: list[str]) -> None:
        self.writer.add(f"a = word({_of('e', ARGS)})")
        at = 0
        for name, param in zip(names, action.params, strict=True):
            words = [f"word(a + {WORD_BYTES * (at + n)})" for n in range(count(param.width))]
            self.writer.add(
                f"{name} = {words[0] if len(words) == 1 else '(' + ', '.join(words) + ')'}"
            )
            at += len(words)

    def _literals(self, action: Action, values: tuple[int, ...]) -> list[str]:
        pairs = zip(values, action.params, strict=True)
        return [self.writer.constant(value, param.width) for value, param in pairs]
