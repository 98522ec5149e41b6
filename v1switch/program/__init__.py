"""A P4 program as data: BMv2 JSON, read and validated into immutable dataclasses."""

from v1switch.program.loader import load_file, load_program
from v1switch.program.model import Program

__all__ = ["Program", "load_file", "load_program"]
