"""Binding generated code to the state it works on, and what it calls at run time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import CodeType

from v1switch.codegen.parser import CORE_ERRORS
from v1switch.control.engine import Frame, Process, SwitchContext
from v1switch.program.model import Program
from v1switch.state.entries import DigestSample
from v1switch.state.lookup import Cell, ExactIndex
from v1switch.state.program_state import State

MAX_PASSES = 1024  # resubmissions and recirculations of one frame; BMv2 would go on for ever
MAX_FRAMES = 1 << 16  # that one frame may become: copies that recirculate multiply
LONGEST_DECIMAL = 8192  # bits; Python refuses to write much longer numbers in decimal
log = logging.getLogger("v1switch")


class Endless(Exception):
    """A frame's way through the program does not end. Generated code raises it."""


def signed(value: int, width: int) -> int:
    """Two's complement of `width` bits."""
    half = 1 << (width - 1)
    return ((value + half) & ((1 << width) - 1)) - half


def usat_cast(value: int, width: int) -> int:
    """Clamp to an unsigned field."""
    return min(max(value, 0), (1 << width) - 1)


def sat_cast(value: int, width: int) -> int:
    """Clamp to a signed field."""
    half = 1 << (width - 1)
    return min(max(value, -half), half - 1)


def failed_assertion() -> None:
    """BMv2 would abort here; a switch that goes on and says so serves better."""
    log.error("a P4 assert or assume does not hold")


def log_message(text: str, values: tuple[int, ...]) -> None:
    """log_msg: every pair of braces takes the next value."""
    for value in values:
        long = value.bit_length() > LONGEST_DECIMAL
        text = text.replace("{}", hex(value) if long else str(value), 1)
    log.info("%s", text)


def state_names(program: Program) -> list[str]:
    """Names of everything that depends on state, in the order of no importance."""
    names = ["from_bytes", "DROP", "started", "switch", "sessions", "groups", "sample"]
    names += [
        "signed",
        "usat_cast",
        "sat_cast",
        "between",
        "random_hash",
        "failed_assertion",
        "log_message",
    ]
    names += ["error_name", "tr", "nothing", "Endless"]
    for number, _ in enumerate(program.tables):
        names += [f"table_{number}", f"table_{number}_get", f"table_{number}_index"]
    for number, _ in enumerate(program.counters):
        names += [f"counter_{number}_packets", f"counter_{number}_bytes"]
    names += [f"meter_{number}_cells" for number, _ in enumerate(program.meters)]
    names += [f"reg_{number}" for number, _ in enumerate(program.registers)]
    names += [f"value_set_{number}" for number, _ in enumerate(program.value_sets)]
    return names


def state_values(switch: SwitchContext, state: State) -> dict[str, object]:
    """What the names of `state_names` stand for."""
    program = state.program
    errors = {n: name for name, n in program.errors.items()} or dict(enumerate(CORE_ERRORS))
    values: dict[str, object] = {
        "from_bytes": int.from_bytes,
        "DROP": switch.drop_port,
        "started": switch.started,
        "switch": switch,
        "sessions": switch.replication.sessions,
        "groups": switch.replication.groups,
        "sample": DigestSample,
        "signed": signed,
        "usat_cast": usat_cast,
        "sat_cast": sat_cast,
        "between": state.random.between,
        "random_hash": lambda _: state.random.between(0, 0xFFFF, 1),
        "failed_assertion": failed_assertion,
        "log_message": log_message,
        "error_name": lambda code: errors.get(code, str(code)),
        "nothing": Cell(),
        "Endless": Endless,
    }
    for number, name in enumerate(program.tables):
        table = state.tables[name]
        values[f"table_{number}"] = table
        values[f"table_{number}_index"] = table.index
        exact = isinstance(table.index, ExactIndex)
        values[f"table_{number}_get"] = table.index.exact.get if exact else None  # type: ignore[union-attr]  # checked
    for number, name in enumerate(program.counters):
        bank = state.counters.get(name)
        values[f"counter_{number}_packets"] = bank.packets if bank else None
        values[f"counter_{number}_bytes"] = bank.bytes if bank else None
    for number, name in enumerate(program.meters):
        meters = state.meters.get(name)
        values[f"meter_{number}_cells"] = meters.cells if meters else None
    for number, name in enumerate(program.registers):
        values[f"reg_{number}"] = state.registers[name].cells
    for number, name in enumerate(program.value_sets):
        values[f"value_set_{number}"] = state.value_sets[name]
    return values


def bind(
    code: CodeType, constants: dict[str, object], switch: SwitchContext, state: State
) -> Process:
    """Make the function that runs one frame through the program.

    Returns:
        process(port, frame, now) → frames that leave.
    """
    namespace: dict[str, Callable[..., Callable[..., None]]] = {}
    exec(code, namespace)
    run = namespace["make"](**constants, **state_values(switch, state))

    def process(port: int, frame: bytes, now: int) -> list[Frame]:
        out: list[Frame] = []
        work: list[tuple[int, bytes, int, object]] = []
        try:
            run(port, frame, now, 0, None, out, work)
            passes = 0
            while work:
                again = work.pop(0)
                passes += 1
                if passes > MAX_PASSES or len(out) + len(work) > MAX_FRAMES:
                    raise Endless(f"{passes} passes")
                run(again[0], again[1], now, again[2], again[3], out, work)
        except Endless as reason:
            log.warning("frame from port %d dropped after %s", port, reason)
        return out

    return process
