"""A P4 program as data: BMv2 JSON, read and validated into immutable dataclasses."""

from v1switch.program.model import Program

__all__ = ["Program"]
