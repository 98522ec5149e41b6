"""Calculations: what is hashed, from the inputs of hashes, checksums and selectors."""

from __future__ import annotations

from v1switch.lower import arithmetic as ar
from v1switch.lower import ir
from v1switch.lower.expressions import Expressions
from v1switch.program import expressions as ex
from v1switch.program.hashes import SAME, WIDTHS
from v1switch.program.model import ActionProfile, CalculationInput

SELECTOR = ir.Int(32)  # BMv2 keeps as much of the hash that a selector picks by


class Calculations:
    """Lowers calculations into variables."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.builder = expressions.builder
        self.program = expressions.program
        self.layout = expressions.layout

    def calculate(self, name: str, sure: str | None = None) -> ir.Var:
        """Lower a calculation of the program and return the variable that holds its result.

        Args:
            name: the calculation.
            sure: a header that is known to be valid.
        """
        calculation = self.program.calculations[name]
        own = self.expressions.context.references.hashes.get(name)
        return self._hash(calculation.algo, calculation.inputs, sure, own)

    def select(self, profile: ActionProfile) -> ir.Expr:
        """Lower the hash by which a selector picks a member."""
        inputs = tuple(
            CalculationInput("field", field, self.expressions.field_type(field).width or 0)
            for field in profile.selector_input
        )
        return ar.cut(self._hash(profile.selector_algo or "", inputs, None), SELECTOR)

    def _hash(
        self,
        algorithm: str,
        inputs: tuple[CalculationInput, ...],
        sure: str | None,
        own: ir.HashRef | None = None,
    ) -> ir.Var:
        result = self.builder.temporary(ir.Int(WIDTHS[algorithm]), "hash")
        if algorithm == "toeplitz" and own is None:  # nobody can give a selector another key than 0
            self.builder.assign(result, ir.Const(0))
            return result
        payload = [item for item in inputs if item.kind == "payload"]
        pieces = [self._piece(item, sure) for item in inputs if item.kind != "payload"]
        if payload:  # BMv2 appends the payload at the end whatever its place in the list
            pieces.append(ir.Piece(ir.Payload(), None))
        name = SAME.get(algorithm, algorithm)
        self.builder.add(ir.Hash(result, name, tuple(pieces), own))
        return result

    def _piece(self, item: CalculationInput, sure: str | None) -> ir.Piece:
        """An input; one whose header may be invalid is left out then, as BMv2 does."""
        if isinstance(item.value, int):
            return ir.Piece(ar.cut(ir.Const(item.value), ir.Int(item.width)), item.width)
        assert isinstance(item.value, (ex.FieldRef, ex.HeaderRef))
        name = item.value.header if isinstance(item.value, ex.FieldRef) else item.value.name
        header = self.layout.headers[name]
        guard = None if name == sure else header.valid
        if isinstance(item.value, ex.HeaderRef):
            return ir.Piece(ir.HeaderBytes(header), None, guard)
        value = self.expressions.value(item.value)
        if not item.width:
            return ir.Piece(value, None, guard)
        return ir.Piece(ar.cut(value, ir.Int(item.width)), item.width, guard)
