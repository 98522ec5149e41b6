"""Constructs of unusual size in machine code: long hashes, long digests, large programs."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import switch_machine_code
from tests.examples import examples
from tests.v1switch.both import Both
from tests.v1switch.broken import Json, field, run_first_actions, source
from tests.v1switch.corpus import vectors
from tests.v1switch.test_native_expressions import switch
from v1switch.engines.native import compile as compiler
from v1switch.engines.native import output as op
from v1switch.engines.native.compile import compile_switch
from v1switch.engines.native.errors import NotNative
from v1switch.engines.native.printer.function import print_switch
from v1switch.engines.native.working_memory import WorkingMemory
from v1switch.lower import ir
from v1switch.program import load_program
from v1switch.program.hashes import HASHES, WIDTHS
from v1switch.state.entries import DigestSample
from v1switch.state.words import address, zeros

# -- hashes ----------------------------------------------------------------------------------------

HEADERS = 3  # that may be missing
PIECES = st.lists(
    st.tuples(
        st.sampled_from([1, 3, 4, 7, 8, 9, 16, 32, 33, 48, 64, 128, 200]),
        st.sampled_from([None, *range(HEADERS)]),
    ),
    min_size=1,
    max_size=12,
)


def hashing(pieces: list[tuple[int, int | None]], algorithm: str) -> ir.Switch:
    """A program that sends the hash of its fields; the first byte says which headers there are."""
    there = ir.Var("there", ir.Int(8))
    fields = [ir.Var(f"f{n}", ir.Int(width)) for n, (width, _) in enumerate(pieces)]
    valid = [ir.Var(f"valid{n}", ir.BOOL) for n in range(HEADERS)]
    taken = tuple(
        ir.Piece(field, width, None if which is None else valid[which])
        for field, (width, which) in zip(fields, pieces, strict=True)
    )
    found = ir.Var("found", ir.Int(WIDTHS[algorithm]))
    made = switch([there, *fields], found)
    extract, *rest = made.body
    bits = [ir.Binary("&", there, ir.Const(1 << n), ir.Int(8)) for n in range(HEADERS)]
    known = [
        ir.Assign(v, ir.Compare("!=", b, ir.Const(0))) for v, b in zip(valid, bits, strict=True)
    ]
    return replace(made, body=(extract, *known, ir.Hash(found, algorithm, taken), *rest))


@settings(max_examples=examples(8), deadline=None)
@given(PIECES, st.sampled_from(["crc16", "crc32", "csum16", "identity", "xor16"]), st.randoms())
def test_a_hash_leaves_out_what_missing_headers_have(
    pieces: list[tuple[int, int | None]], algorithm: str, rng: random.Random
) -> None:
    compiled = compile_switch(hashing(pieces, algorithm))
    memory = WorkingMemory(compiled.printed)
    for there in range(1 << HEADERS):
        values = [rng.choice([0, (1 << width) - 1, rng.getrandbits(width)]) for width, _ in pieces]
        text = "".join(
            f"{value:0{width}b}"
            for value, (width, which) in zip(values, pieces, strict=True)
            if which is None or there >> which & 1
        )
        text += "0" * (-len(text) % 8)
        data = int(text or "0", 2).to_bytes(len(text) // 8, "big")
        frame = bytes([there]) + b"".join(
            value.to_bytes((width + 7) // 8, "big")
            for value, (width, _) in zip(values, pieces, strict=True)
        )
        memory.clear()
        start = memory.put_frame(frame)
        given = address(zeros(1)), start, len(frame), 0, 0, address(memory.words), 0
        assert compiled.run(*given) == op.DONE
        ((_, sent),) = memory.take_frames()
        assert int.from_bytes(sent, "big") == HASHES[algorithm](data), (pieces, there, values)


@pytest.mark.parametrize("which", [None, 0])
def test_many_numbers_are_not_joined_to_one(which: int | None) -> None:
    pieces = [(7, which)] * 300
    text = print_switch(hashing(pieces, "crc32")).text
    widths = {int(found) for found in re.findall(r"\bi(\d+)\b", text)}
    assert max(widths) == 256, "the answer's: the compiler's time grows with the square of a width"


# -- digests ---------------------------------------------------------------------------------------


def test_a_digest_may_have_many_fields() -> None:
    program = source("externs")
    (learn,) = program["learn_lists"]
    learn["elements"] *= 50
    both = Both()
    both.load(load_program(json.dumps(program)))
    heard: list[DigestSample] = []
    both.on_digest = heard.append
    run_first_actions(both)
    for port, frame in vectors("externs"):
        both.process(port, frame)
    assert set(both.carried) == {"native"}
    assert {len(sample.values) for sample in heard} == {150}
    assert len({sample.values for sample in heard}) > 1


# -- choices --------------------------------------------------------------------------------------


def test_elements_that_an_index_cannot_reach_are_left_out() -> None:
    program = source("stacks")
    chosen = [
        each
        for each in _objects(program["actions"])
        if each.get("op") == "dereference_header_stack"
    ]
    assert chosen
    for each in chosen:
        each["right"] = field("standard_metadata", "checksum_error")  # bit<1>
    both = Both()
    both.load(load_program(json.dumps(program)))
    run_first_actions(both)
    for port, frame in vectors("stacks"):
        both.process(port, frame)
    assert set(both.carried) == {"native"}


def _objects(value: Json) -> Iterator[Json]:
    """All objects of a JSON document."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, (dict, list)):
            yield from _objects(part)


# -- variables ------------------------------------------------------------------------------------


def test_variables_that_no_stack_has_room_for_leave_the_program_to_plain_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("v1switch.engines.native.printer.code._MAX_STACK", 1 << 10)
    with pytest.raises(NotNative, match="its variables take"):
        compile_switch(hashing([(2048, None)] * 12, "crc16"))


# -- large programs --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["externs", "replication", "parser"])
def test_large_modules_are_optimised_less_and_do_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds: list[int] = []
    optimise = compiler.machine.optimise

    def noted(module: object, speed: int) -> None:
        speeds.append(speed)
        optimise(module, speed)

    monkeypatch.setattr(compiler.machine, "optimise", noted)
    monkeypatch.setattr(compiler, "_LARGE", 0)
    monkeypatch.setattr(compiler.disk, "object_file", lambda _, make: make())
    both = Both()
    both.load(load_program(json.dumps(source(name))))
    for port, frame in vectors(name):
        both.process(port, frame)
    assert set(both.carried) == {"native"}
    assert speeds == [compiler.machine.SPEED_OF_LARGE]


# -- its benchmark ---------------------------------------------------------------------------------


def test_the_benchmark_calls_machine_code_as_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch_machine_code, "RUNS", 1)
    monkeypatch.setattr(switch_machine_code, "PASSES", 2)
    assert switch_machine_code.frame_us() > 0
