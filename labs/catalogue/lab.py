"""A lab's folder and what its lab.toml says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from labs import toml_text
from labs.errors import BrokenLab
from labs.needs import Need
from rxpath.reading import read_text
from rxpath.texts import shown

MOST_BYTES = 64 * 1024
NAME = re.compile(r"^\d\d-[a-z0-9]+(-[a-z0-9]+)*$")
FILE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\n]+$")]


class Settings(BaseModel):
    """lab.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Line = Field(description="what the lab is called")
    goal: Line = Field(description="what a student can do afterwards, in one sentence")
    minutes: Annotated[int, Field(ge=5, le=240)] = Field(description="how long it takes")
    files: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="the files that a student hands in, all of them in student/"
    )
    policies: tuple[str, ...] = Field((), description="which of them are pure policies")
    needs: tuple[Need, ...] = Field((), description="means of its extra parts")
    start: Line = Field(description="where to begin")

    @field_validator("files", "policies")
    @classmethod
    def _plain_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not FILE.match(name):
                raise ValueError(f"{shown(name)}, expected a file's name without a folder")
        return names


class Lab:
    """A lab: its `folder`, `name` (05-stage-hashing), `number` (5) and `settings`."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        self.name, self.number = folder.name, int(folder.name[:2])

    @property
    def student(self) -> Path:
        """The files that students are given."""
        return self.folder / "student"

    @property
    def trial(self) -> Path | None:
        """The lab's trial.py, if it has one."""
        path = self.folder / "trial.py"
        return path if path.exists() else None


def load(folder: Path) -> Lab:
    """The lab in a folder. Raises `BrokenLab`."""
    path = folder / "lab.toml"
    if not NAME.match(folder.name):
        raise BrokenLab(folder, "expected a folder such as 05-stage-hashing")
    try:
        data = toml_text.loads(read_text(path, MOST_BYTES))
        settings = Settings.model_validate(data)
    except OSError as error:
        raise BrokenLab(path, str(error.strerror)) from error
    except ValidationError as error:
        raise BrokenLab(path, _wrong(error)) from error
    except ValueError as error:
        raise BrokenLab(path, f"expected TOML: {error}") from error
    strays = [name for name in settings.policies if name not in settings.files]
    if strays:
        raise BrokenLab(path, f"policies: {strays[0]} is not among files")
    return Lab(folder, settings)


def _wrong(error: ValidationError) -> str:
    first: Any = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key, expected one of {', '.join(Settings.model_fields)}"
    if first["type"] == "missing":
        return f"{key}: missing; {Settings.model_fields[key].description}"
    what = str(first["msg"]).removeprefix("Value error, ").replace("Input should be", "expected")
    return f"{key}: {what}"
