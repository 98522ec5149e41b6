"""Checksums as Python source: verified behind the parser, updated before the deparser."""

from __future__ import annotations

from v1switch.codegen.exprs import Expressions
from v1switch.codegen.primitives import Primitives
from v1switch.codegen.writer import Writer
from v1switch.program import expressions as ex
from v1switch.program.model import Checksum, Program


class ChecksumStages:
    """The assembler's part that is about checksums."""

    program: Program
    writer: Writer
    expressions: Expressions
    primitives: Primitives

    def _set(self, field: str, text: str) -> None:
        """Write an intrinsic field; the assembler knows how."""
        raise NotImplementedError

    def _verify(self) -> None:
        for checksum in self.program.checksums:
            if checksum.verify:
                self._verify_one(checksum)

    def _verify_one(self, checksum: Checksum) -> None:
        with self.writer.block(f"if {self._concerns(checksum)}:"):
            width = self.expressions.field_type(checksum.target).width or 0
            target = self.expressions.value(checksum.target)
            computed = f"{self._computed(checksum)} & {(1 << width) - 1}"
            self.primitives.tell("checksum", checksum, computed, target)
            with self.writer.block(f"if {computed} != {target}:"):
                self._set("checksum_error", "1")

    def _update(self, checksum: Checksum) -> None:
        with (
            self.writer.block(f"if {self._concerns(checksum)}:"),
            self.primitives.watcher.told(checksum),
        ):
            self.primitives.store_text(checksum.target, self._computed(checksum), 64)

    def _computed(self, checksum: Checksum) -> str:
        """Write the calculation and return the variable that holds its result."""
        header = checksum.target.header
        return self.primitives.calculations.emit(checksum.calculation, header)

    def _concerns(self, checksum: Checksum) -> str:
        """Condition under which a checksum is computed for a packet."""
        condition = self.expressions.valid(ex.HeaderRef(checksum.target.header))
        if checksum.condition is not None:
            condition += f" and {self.expressions.condition(checksum.condition)}"
        return condition
