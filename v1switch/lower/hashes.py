"""Calculations: what is hashed, from the inputs of hashes, checksums and selectors."""

from __future__ import annotations

from v1switch.lower import arithmetic as ar
from v1switch.lower import ir
from v1switch.lower.expressions import Expressions
from v1switch.program import expressions as ex
from v1switch.program.model import ActionProfile, CalculationInput

BITS = {"identity": 64, "crc32": 32, "crc32_custom": 32}  # of results; all others have 16


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
        crc = self.expressions.context.references.crcs.get(name)
        return self._hash(calculation.algo, calculation.inputs, sure, crc)

    def select(self, profile: ActionProfile) -> ir.Var:
        """Lower the hash by which a selector picks a member."""
        inputs = tuple(
            CalculationInput("field", field, self.expressions.field_type(field).width or 0)
            for field in profile.selector_input
        )
        return self._hash(profile.selector_algo or "", inputs, None)

    def _hash(
        self,
        algorithm: str,
        inputs: tuple[CalculationInput, ...],
        sure: str | None,
        crc: ir.CrcRef | None = None,
    ) -> ir.Var:
        payload = [item for item in inputs if item.kind == "payload"]
        pieces = [self._piece(item, sure) for item in inputs if item.kind != "payload"]
        if payload:  # BMv2 appends the payload at the end whatever its place in the list
            pieces.append(ir.Piece(ir.Payload(), None))
        result = self.builder.temporary(ir.Int(BITS.get(algorithm, 16)), "hash")
        self.builder.add(ir.Hash(result, algorithm, tuple(pieces), crc))
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
