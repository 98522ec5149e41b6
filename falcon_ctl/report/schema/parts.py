"""What all JSON results have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """Base of every part of a document: no unknown keys."""

    model_config = ConfigDict(extra="forbid")


class Machine(Part):
    """The computer that a run was made on; neither host nor user is named."""

    processor: str = Field(description="Model name, as /proc/cpuinfo has it.")
    cores: int = Field(ge=1, description="Cores that the process could use.")
    kernel: str = Field(description="Name and release.")
    memory_mib: Count = Field(description="Memory, MiB.")


class Provenance(Part):
    """What decided the numbers."""

    id: str = Field(description="Twelve hex digits over all but the machine; in CSV rows as well.")
    versions: dict[str, str] = Field(description="Program or library → version.")
    code_sha256: dict[str, str] = Field(description="Package → hash of its sources.")
    machine: Machine
    seeds: list[int] = Field(description="Of everything random.")
    spec_sha256: str = Field(description="Hash of what was asked for.")
    invalid: list[str] = Field(description="Why no number is valid; empty when they are.")
    command: str = Field(
        description="Makes the run again; empty when Python code made it, not a command line."
    )


class Marks(Part):
    """What every document and every element of a list of results has."""

    invalid: str = Field(description="Why the numbers must not be used; empty when they may.")
    provenance: Provenance
