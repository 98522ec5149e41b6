"""Where header fields are kept: the variables of every header, in segments and chunks.

A header type is cut into segments: every field that the program reads or writes is a separate one,
neighbours that only pass through are merged. Segments are grouped into chunks, which begin and end
at byte boundaries, so that an engine can read a whole header at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby

from v1switch.lower import ir
from v1switch.lower.demand import Demand
from v1switch.program.model import Header, HeaderType, Program

MAX_VARBIT = 1 << 16  # bytes: no frame is longer


@dataclass(frozen=True)
class _Part:
    """A segment of a header type; a gap is made of fields that nothing reads or writes."""

    name: str
    width: int
    signed: bool = False
    gap: bool = False


def _parts(header_type: HeaderType, demand: Demand, start: int, end: int) -> list[_Part]:
    """The segments of fields number start..end - 1."""
    found: list[_Part] = []
    fields = header_type.fields[start:end]
    for named, group in groupby(
        fields, lambda field: demand.has_variable(header_type.name, field.name)
    ):
        if named:
            found += [_Part(f.name, f.width or 0, f.signed) for f in group]
        else:
            hidden = list(group)
            width = sum(f.width or 0 for f in hidden)
            found.append(_Part(f"gap_{hidden[0].name}", width, gap=True))
    return found


def _chunks(parts: list[_Part]) -> list[list[_Part]]:
    chunks: list[list[_Part]] = []
    open_: list[_Part] = []
    for part in parts:
        open_.append(part)
        if sum(p.width for p in open_) % 8 == 0:
            chunks.append(open_)
            open_ = []
    if open_:  # p4c pads, others may not: the missing low bits are zero
        missing = -sum(p.width for p in open_) % 8
        chunks.append([*open_, _Part("pad", missing, gap=True)])
    return chunks


class Layout:
    """The variables of a program's headers and stacks.

    Attributes:
        headers: where each header is kept, by name.
        counts: the index of the next element of each stack (`nextIndex`), by name.
    """

    def __init__(self, program: Program, demand: Demand) -> None:
        """Lay out every header of the program."""
        self.program = program
        self.demand = demand
        self._taken: set[str] = set()
        self._fields: dict[tuple[str, str], ir.Var] = {}
        self._sliced = self._sliceable()
        self.headers = {header.name: self._header(header) for header in program.headers.values()}
        stacks = (*program.stacks, *program.union_stacks)
        self.counts = {name: self._var(f"{_clean(name)}__N", ir.Int(16)) for name in stacks}

    def field(self, header: str, field: str) -> ir.Var:
        """The variable of a field that the program reads or writes."""
        return self._fields[header, field]

    def variables(self) -> tuple[ir.Var, ...]:
        """All variables, of metadata last."""
        packet: list[ir.Var] = []
        metadata: list[ir.Var] = []
        for header in self.headers.values():
            extra = (v for v in (header.valid, header.origin, header.dirty) if v is not None)
            (metadata if header.valid is None else packet).extend([*extra, *header.variables])
        return (*packet, *self.counts.values(), *metadata)

    def metadata(self) -> tuple[ir.Var, ...]:
        """The variables of metadata."""
        return tuple(v for h in self.headers.values() if h.valid is None for v in h.variables)

    # -- construction -----------------------------------------------------------------------------

    def _sliceable(self) -> set[str]:
        """Headers that can leave as the bytes they came in with while nothing wrote to them."""
        program = self.program
        grouped = {h for s in program.stacks.values() for h in s.headers}
        grouped |= {h for u in program.unions.values() for h in u.headers}
        return {
            h.name
            for h in program.headers.values()
            if not h.metadata and h.name not in grouped and h.header_type.varbit is None
        }

    def _var(self, wanted: str, kind: ir.Type) -> ir.Var:
        """A variable, named as wanted unless another one has that name."""
        name = wanted
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return ir.Var(name, kind)

    def _header(self, header: Header) -> ir.Header:
        name, spec = header.name, header.header_type
        stem = _clean(name)
        sliced, written = name in self._sliced, name in self.demand.written
        names = [f.name for f in spec.fields]
        varbit = spec.varbit
        split = names.index(varbit.name) if varbit else len(names)
        head = self._laid_out(header, 0, split)
        tail = self._laid_out(header, split + 1, len(names))
        rest = None
        if varbit:
            rest = self._var(f"{stem}__{_clean(varbit.name)}", ir.Bytes(None))
            self._fields[name, varbit.name] = rest
        size = sum(chunk.width for chunk in head + tail) // 8
        return ir.Header(
            name=name,
            valid=None if header.metadata else self._var(f"{stem}__V", ir.BOOL),
            head=head,
            varbit=rest,
            tail=tail,
            origin=self._var(f"{stem}__O", ir.Int(31)) if sliced else None,
            dirty=self._var(f"{stem}__D", ir.BOOL) if sliced and written else None,
            longest=size if varbit is None else (spec.max_bytes or size + MAX_VARBIT),
        )

    def _laid_out(self, header: Header, start: int, end: int) -> tuple[ir.Chunk, ...]:
        chunks = _chunks(_parts(header.header_type, self.demand, start, end))
        return tuple(
            ir.Chunk(tuple(self._segment(header, part, len(chunk) == 1) for part in chunk))
            for chunk in chunks
        )

    def _segment(self, header: Header, part: _Part, alone: bool) -> ir.Segment:
        if not self._is_kept(header, part):
            return ir.Segment(part.width, None)
        kind: ir.Type = ir.Int(part.width, part.signed)
        if part.gap and alone:
            kind = ir.Bytes(part.width // 8)
        var = self._var(f"{_clean(header.name)}__{_clean(part.name)}", kind)
        if not part.gap:
            self._fields[header.name, part.name] = var
        return ir.Segment(part.width, var)

    def _is_kept(self, header: Header, part: _Part) -> bool:
        if header.metadata:
            return not part.gap
        demand, name = self.demand, header.name
        if name in self._sliced and name not in demand.written and name not in demand.copied:
            return not part.gap and demand.is_read_alone(name, part.name)
        return True


def _clean(name: str) -> str:
    """A name as a part of an identifier."""
    clean = re.sub(r"[^0-9A-Za-z_]", "_", name)
    return clean if clean[:1].isalpha() else f"h{clean}"
