"""Hashes and checksums as Python source.

What is always there is laid out when the source is written. csum16 then needs no 16-bit words at
all: because 2**16 ≡ 1 (mod 2**16 - 1), the ones' complement sum of the words of a bit string is the
bit string modulo 65535, where zero means zero only if all words are zero (RFC 1071 section 2).
Pieces that may be missing are joined at run time.
"""

from __future__ import annotations

from collections.abc import Sequence

from v1switch.engines.python.expressions import Expressions
from v1switch.engines.python.headers import FROM_BYTES
from v1switch.lower import ir
from v1switch.program.hashes import HASHES


class Hashes:
    """Prints hashes."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.source = expressions.source

    def hash(self, statement: ir.Hash) -> None:
        """Print the statements that leave a hash in the target."""
        result, algorithm, pieces = statement.target.name, statement.algorithm, statement.pieces
        if algorithm == "random":
            self.source.add(f"{result} = {self.expressions.draw()}(0, 65535, 1)")
            return
        if algorithm == "csum16" and pieces and _is_bytes(pieces[-1]):
            head = pieces[:-1]
            if _is_fixed(head) and sum(p.width or 0 for p in head) % 16 == 0:
                self._sum(result, head)
                self._add_tail(result, self.expressions.text(pieces[-1].value))
                self._complement(result)
                return
        if not _is_fixed(pieces):
            self._joined(result, self._function(statement), pieces)
        elif algorithm == "csum16":
            self._sum(result, pieces)
            self._complement(result)
        else:
            self._fixed(result, self._function(statement), pieces)

    def _function(self, statement: ir.Hash) -> str:
        """Source of the function of bytes; one with parameters changes with them."""
        own = statement.own
        if own is None:
            name = statement.algorithm
            return self.source.constant(f"hash_{name}", HASHES[name])
        found = self.source.state(f"hash_{own.index}", lambda _, state: state.hashes[own.spec.name])
        return f"{found}.hash"

    # -- checksums of what is there ---------------------------------------------------------------

    def _sum(self, result: str, pieces: Sequence[ir.Piece]) -> None:
        """Print a sum of pieces that is congruent to that of their words modulo 65535."""
        terms: dict[int, list[str]] = {}
        end = (sum(p.width or 0 for p in pieces) + 15) // 16 * 16
        for piece in pieces:
            end -= piece.width or 0
            terms.setdefault(end % 16, []).append(self.expressions.text(piece.value))
        texts = []
        for shift, parts in terms.items():
            total = " + ".join(parts)
            grouped = total if len(parts) == 1 else f"({total})"
            texts.append(f"({grouped} << {shift})" if shift else total)
        self.source.add(f"{result} = {' + '.join(texts) or '0'}")

    def _add_tail(self, result: str, data: str) -> None:
        number = self.source.constant("from_bytes", FROM_BYTES)
        shifted = f"{number}({data}, 'big') << 8 * (len({data}) & 1)"
        self.source.add(f"if {data}: {result} += {shifted}")

    def _complement(self, result: str) -> None:
        """Print what makes a checksum of a sum."""
        checksum = f"65535 - ({result} % 65535 or 65535) if {result} else 65535"
        self.source.add(f"{result} = {checksum}")

    # -- hashes of bytes --------------------------------------------------------------------------

    def _fixed(self, result: str, function: str, pieces: Sequence[ir.Piece]) -> None:
        size = (sum(p.width or 0 for p in pieces) + 7) // 8
        joined, shift = [], 8 * size
        for piece in pieces:
            shift -= piece.width or 0
            text = self.expressions.text(piece.value)
            joined.append(f"{text} << {shift}" if shift else text)
        data = f"({' | '.join(joined) or '0'}).to_bytes({size}, 'big')"
        self.source.add(f"{result} = {function}({data})")

    def _joined(self, result: str, function: str, pieces: Sequence[ir.Piece]) -> None:
        """Join what is there: `n` bits in a number `v`, and the payload after it."""
        value, bits = self.source.fresh("v"), self.source.fresh("n")
        self.source.add(f"{value} = {bits} = 0")
        data = f"({value} << -{bits} % 8).to_bytes(({bits} + 7) // 8, 'big')"
        for piece in pieces:
            if isinstance(piece.value, ir.Payload):
                data += f" + {self.expressions.text(piece.value)}"
            elif piece.guard is None:
                self._append(piece, value, bits)
            else:
                with self.source.block(f"if {self.expressions.condition(piece.guard)}:"):
                    self._append(piece, value, bits)
        self.source.add(f"{result} = {function}({data})")

    def _append(self, piece: ir.Piece, value: str, bits: str) -> None:
        text = self.expressions.text(piece.value)
        add, width = self.source.add, piece.width
        if width is not None:
            add(f"{value} = {value} << {width} | {text}; {bits} += {width}")
            return
        data = self.source.fresh("d")
        number = self.source.constant("from_bytes", FROM_BYTES)
        add(f"{data} = {text}")
        add(f"{value} = {value} << 8 * len({data}) | {number}({data}, 'big')")
        add(f"{bits} += 8 * len({data})")


def _is_fixed(pieces: Sequence[ir.Piece]) -> bool:
    """Whether pieces are numbers that are always there."""
    return all(piece.width is not None and piece.guard is None for piece in pieces)


def _is_bytes(piece: ir.Piece) -> bool:
    """Whether a piece is the bytes of a variable that is always there."""
    return piece.guard is None and piece.width is None and isinstance(piece.value, ir.Var)
