"""The parser in machine code."""

from __future__ import annotations

from v1switch.codegen.parser import ParserCode
from v1switch.native.exprs import NativeExpressions
from v1switch.native.writer import NativeWriter
from v1switch.program import expressions as ex
from v1switch.program.model import ParserOp, ParserState, Transition
from v1switch.state.words import LIMB, LIMB_BITS, SCALAR_BITS, count


class NativeParser(ParserCode):
    """Writes the parser of a program."""

    expressions: NativeExpressions
    writer: NativeWriter

    def _state(self, state: ParserState) -> None:
        with self.writer.or_punt():
            super()._state(state)

    def _op(self, op: ParserOp) -> None:
        with self.writer.or_punt():
            super()._op(op)

    @staticmethod
    def _slice(head: int, bits: str) -> str:
        return f"(o + {head}, {bits} // 8)"

    # -- select -----------------------------------------------------------------------------------

    def _key(self, state: ParserState) -> list[str]:
        ahead = [p.offset + p.width for p in state.key if isinstance(p, ex.Lookahead)]
        if ahead:
            self._need(max(ahead))
        for case in state.transitions:
            if case.kind == "value_set":
                number = list(self.program.value_sets).index(case.value_set or "")
                with self.writer.block(f"if word({self.writer.state(f'value_set_{number}')}):"):
                    self.writer.punt("parser value sets with members")
        parts = []
        for part, width in zip(state.key, state.key_widths, strict=True):
            name = self.writer.fresh("k")
            self.writer.add(f"{name} = {self._part(part, width)}")
            parts.append(name)
        return parts

    def _part(self, part: ex.Expr, width: int) -> str:
        number = self.expressions.number(part)
        if number.low >= 0 and number.high < 1 << width:
            if number.scalar and width > SCALAR_BITS:
                return self.expressions.limbs_of(number, count(width))
            return number.text
        return self.expressions.modular(part, width)

    def _case(self, state: ParserState, parts: list[str], case: Transition) -> str:
        if all(width <= SCALAR_BITS for width in state.key_widths) or case.kind == "value_set":
            return super()._case(state, parts, case)
        total = sum(state.key_widths)
        mask = (1 << total) - 1 if case.mask is None else case.mask
        tests, shift = [], total
        for name, width in zip(parts, state.key_widths, strict=True):
            shift -= width
            full = (1 << width) - 1
            tests += _limb_tests(name, width, case.value >> shift & full, mask >> shift & full)
        return " and ".join(tests) or "True"

    def _value_set(self, state: ParserState, parts: list[str], case: Transition) -> str:  # noqa: ARG002
        return "False"  # `_key` has left the frame to Python unless the set is empty


def _limb_tests(name: str, width: int, value: int, mask: int) -> list[str]:
    """Source of the comparisons of one part of the key with a value under a mask."""
    if width <= SCALAR_BITS:
        return [f"{name} & {mask} == {value & mask}"] if mask else []
    tests = []
    for n in range(count(width)):
        bits = mask >> LIMB_BITS * n & LIMB
        if bits:
            tests.append(f"{name}[{n}] & {bits} == {value >> LIMB_BITS * n & bits}")
    return tests
