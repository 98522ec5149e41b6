"""Hashes and checksums as Python source.

A calculation whose inputs are always there is laid out at generation time. csum16 then needs no
16-bit words at all: because 2**16 ≡ 1 (mod 2**16 - 1), the ones' complement sum of the words of a
bit string is the bit string modulo 65535, where zero stands for zero only if all words are zero
(RFC 1071 section 2). Inputs whose header may be invalid are skipped at run time, as BMv2 does.
"""

from __future__ import annotations

from v1switch.codegen.exprs import Expressions
from v1switch.program import expressions as ex
from v1switch.program.hashes import HASHES
from v1switch.program.model import Calculation, CalculationInput


class Calculations:
    """Writes calculations into local variables."""

    def __init__(self, expressions: Expressions) -> None:
        """Remember the context."""
        self.expressions = expressions
        self.layout = expressions.layout
        self.writer = expressions.writer
        self.program = expressions.program

    def emit(self, name: str, sure: str | None = None) -> str:
        """Write the code of a calculation and return the variable that holds its result.

        Args:
            name: the calculation.
            sure: a header that is known to be valid where the code stands.
        """
        return self.emit_calculation(self.program.calculations[name], sure)

    def emit_calculation(self, calculation: Calculation, sure: str | None = None) -> str:
        """Write the code of a calculation that need not have a name; see `emit`."""
        result = self.writer.fresh("hash")
        *fixed, last = calculation.inputs or (None,)
        if calculation.algo == "csum16" and last is not None and self._is_varbit(last):
            head = Calculation("", calculation.algo, tuple(i for i in fixed if i is not None))
            if self._static(head, sure) and sum(i.width for i in head.inputs) % 16 == 0:
                assert isinstance(last.value, ex.FieldRef)
                self._emit_sum(head, result, self.expressions.place(last.value))
                return result
        if self._static(calculation, sure):
            self._emit_static(calculation, result)
        else:
            self._emit_dynamic(calculation, result)
        return result

    def _static(self, calculation: Calculation, sure: str | None) -> bool:
        for item in calculation.inputs:
            if item.kind == "hexstr":
                continue
            if item.kind != "field" or not isinstance(item.value, ex.FieldRef) or not item.width:
                return False
            header = item.value.header
            if header != sure and not self.program.headers[header].metadata:
                return False
        return True

    def _unsigned(self, item: CalculationInput) -> str:
        if isinstance(item.value, int):
            return str(item.value)
        assert isinstance(item.value, ex.FieldRef)
        text = self.expressions.value(item.value)
        signed = self.expressions.field_type(item.value).signed
        return f"({text} & {(1 << item.width) - 1})" if signed else text

    def _emit_static(self, calculation: Calculation, result: str) -> None:
        total = sum(i.width for i in calculation.inputs)
        if calculation.algo == "csum16":
            self._emit_sum(calculation, result)
            return
        joined, shift = [], (total + 7) // 8 * 8
        for item in calculation.inputs:
            shift -= item.width
            text = self._unsigned(item)
            joined.append(f"{text} << {shift}" if shift else text)
        data = f"({' | '.join(joined) or '0'}).to_bytes({(total + 7) // 8}, 'big')"
        self.writer.add(f"{result} = {self._function(calculation.algo)}({data})")

    @staticmethod
    def _is_varbit(item: CalculationInput) -> bool:
        return item.kind == "field" and not item.width

    def _emit_sum(self, calculation: Calculation, result: str, tail: str = "") -> None:
        """Write a checksum over fixed fields and then the bytes of the variable `tail`."""
        total = sum(i.width for i in calculation.inputs)
        terms: dict[int, list[str]] = {}
        end = (total + 15) // 16 * 16
        for item in calculation.inputs:
            end -= item.width
            terms.setdefault(end % 16, []).append(self._unsigned(item))
        text = " + ".join(
            (f"({' + '.join(t)} << {shift})" if len(t) == 1 else f"(({' + '.join(t)}) << {shift})")
            if shift
            else " + ".join(t)
            for shift, t in terms.items()
        )
        add = self.writer.add
        add(f"{result} = {text or '0'}")
        if tail:
            self._add_tail(result, tail)
        add(f"{result} = {self._complement(result)}")

    def _add_tail(self, result: str, tail: str) -> None:
        """Write the addition of the bytes of a variable to a sum."""
        number = f"from_bytes({tail}, 'big') << 8 * (len({tail}) & 1)"
        self.writer.add(f"if {tail}: {result} += {number}")

    @staticmethod
    def _complement(total: str) -> str:
        """Source of the checksum that a sum makes."""
        return f"65535 - ({total} % 65535 or 65535) if {total} else 65535"

    def _function(self, algo: str) -> str:
        if algo == "random":
            return "random_hash"
        return self.writer.bind(f"hash_{algo}", HASHES[algo])

    def _emit_dynamic(self, calculation: Calculation, result: str) -> None:
        """Join what is there: `n` bits in number `v`."""
        writer = self.writer
        value, bits = writer.fresh("v"), writer.fresh("n")
        writer.add(f"{value} = {bits} = 0")
        payload = any(i.kind == "payload" for i in calculation.inputs)
        for item in calculation.inputs:
            self._append(item, value, bits)
        data = f"({value} << -{bits} % 8).to_bytes(({bits} + 7) // 8, 'big')"
        if payload:  # BMv2 appends the payload at the end whatever its place in the list
            data += " + frame[o:]"
        writer.add(f"{result} = {self._function(calculation.algo)}({data})")

    def _append(self, item: CalculationInput, value: str, bits: str) -> None:
        writer = self.writer
        if item.kind == "payload":
            return
        if item.kind == "hexstr":
            writer.add(f"{value} = {value} << {item.width} | {item.value}; {bits} += {item.width}")
            return
        assert isinstance(item.value, (ex.FieldRef, ex.HeaderRef))
        header = item.value.header if isinstance(item.value, ex.FieldRef) else item.value.name
        with writer.block(f"if {self.expressions.valid(ex.HeaderRef(header))}:"):
            if isinstance(item.value, ex.FieldRef) and item.width:
                text = self._unsigned(item)
                writer.add(f"{value} = {value} << {item.width} | {text}; {bits} += {item.width}")
                return
            if isinstance(item.value, ex.FieldRef):
                source = self.expressions.value(item.value)
            else:
                source = self.layout.header_bytes(header)
            data = writer.fresh("d")
            writer.add(f"{data} = {source}")
            writer.add(f"{value} = {value} << 8 * len({data}) | from_bytes({data}, 'big')")
            writer.add(f"{bits} += 8 * len({data})")
