"""Statements of hashes, random numbers, digests and messages."""

from __future__ import annotations

from dataclasses import dataclass

from v1switch.lower.ir.expressions import Expr
from v1switch.lower.ir.references import HashRef
from v1switch.lower.ir.variables import Var
from v1switch.program import model


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the input of a hash.

    Attributes:
        value: an unsigned number of exactly `width` bits, or bytes.
        width: bits of a number; None for bytes.
        guard: the piece is left out where this is false; None when it always is there.
    """

    value: Expr
    width: int | None
    guard: Expr | None = None


@dataclass(frozen=True, slots=True)
class Hash:
    """Set a variable to a hash of pieces, joined to one bit string and zero-padded to whole bytes.

    Attributes:
        target: of as many bits as `v1switch.program.hashes.WIDTHS` says.
        algorithm: one of `v1switch.program.hashes.HASHES` by its first name, or "random": 16 random
            bits, whatever the pieces (BMv2 has no such algorithm).
        own: the hash whose parameters hold; None for algorithms without, and for selectors.
    """

    target: Var
    algorithm: str
    pieces: tuple[Piece, ...]
    own: HashRef | None = None


@dataclass(frozen=True, slots=True)
class Random:
    """Set a variable to a random number of low..high, both included; low is not above high."""

    target: Var
    low: Expr
    high: Expr


@dataclass(frozen=True, slots=True)
class SendDigest:
    """Send a digest, if there is a listener: one value for each of the list's fields."""

    digest: model.LearnList
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class LogMessage:
    """Log a text in which each pair of braces is replaced by a value."""

    text: str
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class FailAssertion:
    """Log that an assert or assume does not hold."""
