"""Look-ups in tables: loops over the rows of `v1switch.state.lookup`, printed where they run."""

from __future__ import annotations

from v1switch.control.engine import SwitchContext
from v1switch.engines.python.expressions import Expressions
from v1switch.lower import ir
from v1switch.state.lookup import ExactIndex
from v1switch.state.program_state import State


class LookUps:
    """Prints look-ups."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.source = expressions.source

    def look_up(self, statement: ir.LookUp) -> None:
        """Print the statements that leave the entry, or None, in the target."""
        ref, entry = statement.table, statement.target.name
        parts = [self.expressions.text(part) for part in statement.key]
        if ref.spec.match_type == "exact":
            key = parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
            self.source.add(f"{entry} = {self._exact(ref)}({key})")
            return
        index = self.source.state(
            f"table_{ref.index}_index", lambda _, state: state.tables[ref.spec.name].index
        )
        self.source.add(f"{entry} = None")
        self.source.add(f"rows = {index}.rows")
        # a wide key is slow to build, and many a table stays empty
        with self.source.block("if rows:"):
            self.source.add(f"k = {self._joined(ref, parts)}")
            find = {"lpm": self._longest, "ternary": self._best, "range": self._first}
            find[ref.spec.match_type](entry)

    def _exact(self, ref: ir.TableRef) -> str:
        def find(_: SwitchContext, state: State) -> object:
            index = state.tables[ref.spec.name].index
            assert isinstance(index, ExactIndex)
            return index.exact.get

        return self.source.state(f"table_{ref.index}_get", find)

    @staticmethod
    def _joined(ref: ir.TableRef, parts: list[str]) -> str:
        """Source of the key as one number."""
        shift = sum(field.width for field in ref.spec.key)
        shifted = []
        for part, field in zip(parts, ref.spec.key, strict=True):
            shift -= field.width
            shifted.append(f"{part} << {shift}" if shift else part)
        return " | ".join(shifted)

    def _longest(self, entry: str) -> None:
        with self.source.block("for m, d in rows:"):
            self.source.add(f"{entry} = d.get(k & m)")
            self.source.add(f"if {entry} is not None: break")

    def _best(self, entry: str) -> None:
        self.source.add("b = -1")
        with self.source.block("for m, d, top in rows:"):
            self.source.add("if top < b: break")
            self.source.add("c = d.get(k & m)")
            self.source.add(f"if c is not None and c.rank > b: {entry} = c; b = c.rank")

    def _first(self, entry: str) -> None:
        with self.source.block("for m, v, rs, c in rows:"):
            self.source.add("if k & m != v: continue")
            with self.source.block("for s, w, lo, hi in rs:"):
                self.source.add("if not lo <= (k >> s & w) <= hi: break")
            with self.source.block("else:"):
                self.source.add(f"{entry} = c")
                self.source.add("break")
