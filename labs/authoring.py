"""A lab from a template."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from labs.catalogue import Lab, listed
from labs.catalogue.lab import load
from labs.errors import CallError
from rxpath.texts import shown

TEMPLATE = Path(__file__).with_name("template")
NAME = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
TEXTS = (".md", ".toml", ".py")


def create(name: str, folder: Path) -> Lab:
    """Make the next lab in a folder. Raises `CallError` for a name that is none, or is taken."""
    if not NAME.match(name):
        raise CallError("NAME", shown(name), "small letters, digits and -, such as queue-lengths")
    folder, labs = folder.absolute(), listed(folder)
    if any(lab.name[3:] == name for lab in labs):
        raise CallError("NAME", f"there is a lab {name}", "a new name")
    number = max((lab.number for lab in labs), default=0) + 1
    if number > 99:
        raise CallError("NAME", "there are 99 labs", "another --labs")
    path = folder / f"{number:02}-{name}"
    with tempfile.TemporaryDirectory(prefix=".lab-", dir=folder) as draft:
        copy = Path(draft) / path.name
        shutil.copytree(TEMPLATE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        words = {"@NUMBER@": str(number), "@TITLE@": name.replace("-", " ").capitalize()}
        for file in copy.rglob("*"):
            if file.suffix in TEXTS:
                text = file.read_text(encoding="utf-8")
                for word, value in words.items():
                    text = text.replace(word, value)
                file.write_text(text, encoding="utf-8")
        copy.rename(path)
    return load(path)
