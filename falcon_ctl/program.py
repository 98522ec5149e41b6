"""Paths of the compiled P4 program: package data of a wheel, or `p4/compiled` of a checkout."""

from pathlib import Path

_PACKAGED = Path(__file__).with_name("compiled")  # see tools/package_program.py
COMPILED = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[1] / "p4" / "compiled"
P4INFO = COMPILED / "falcon_vtep.p4info.txtpb"
PROGRAM = COMPILED / "falcon_vtep.json"
