"""Checksums as Python source: verified behind the parser, updated before the deparser."""

from __future__ import annotations

from collections.abc import Callable

from v1switch.codegen.primitives import Primitives
from v1switch.program import expressions as ex
from v1switch.program.model import Checksum


class ChecksumCode:
    """Writes the checksums of a program."""

    def __init__(self, primitives: Primitives) -> None:
        """Remember the context."""
        self.primitives = primitives
        self.expressions = primitives.expressions
        self.writer = primitives.writer
        self.checksums = primitives.program.checksums

    def verify(self, on_error: Callable[[], None]) -> None:
        """Write the checks of all that are verified; `on_error` writes what a wrong one does."""
        for checksum in self.checksums:
            if not checksum.verify:
                continue
            with self.writer.block(f"if {self._concerns(checksum)}:"):
                width = self.expressions.field_type(checksum.target).width or 0
                target = self.expressions.value(checksum.target)
                computed = f"{self._result(checksum)} & {(1 << width) - 1}"
                self.primitives.tell("checksum", checksum, computed, target)
                with self.writer.block(f"if {computed} != {target}:"):
                    on_error()

    def update(self) -> None:
        """Write the assignment of every checksum that is updated."""
        for checksum in self.checksums:
            if not checksum.update:
                continue
            with (
                self.writer.block(f"if {self._concerns(checksum)}:"),
                self.primitives.watcher.told(checksum),
            ):
                self.primitives.store_text(checksum.target, self._result(checksum), 64)

    def _result(self, checksum: Checksum) -> str:
        header = checksum.target.header
        return self.primitives.calculations.emit(checksum.calculation, header)

    def _concerns(self, checksum: Checksum) -> str:
        """Condition under which a checksum is computed for a packet."""
        condition = self.expressions.valid(ex.HeaderRef(checksum.target.header))
        if checksum.condition is not None:
            condition += f" and {self.expressions.condition(checksum.condition)}"
        return condition
