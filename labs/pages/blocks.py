"""The blocks of a Markdown page: commands with the output that it shows, Python, files. Pure."""

import re
from pathlib import Path
from typing import NamedTuple

_FENCE = re.compile(
    r"^(?P<fence>```+)(?P<language>[a-z]+)?(?: title=\"(?P<title>[^\"]*)\")?\n"
    r"(?P<body>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_SPAN = re.compile(
    r"`((?:python3? -m (?:falcon_ctl|topo|rxpath|v1switch|labs|tests)\b|make )[^`]*)`"
)
_FOREIGN = ("make run", "make …")  # the P4 tutorials' own, and how commands are written
_COMMENT = re.compile(r"\s{2,}# .*$")
_FILE = re.compile(r"^[\w./-]+\.(?:yaml|toml|py|txt)$")
_ELLIPSIS = ("…", "...")


class Command(NamedTuple):
    """A command, and the lines that the page shows below it."""

    text: str
    shown: tuple[str, ...]


class Block(NamedTuple):
    """A fenced block: `title` is its mark, or the name of the file that it is."""

    page: str
    line: int
    language: str
    title: str
    body: str

    @property
    def where(self) -> str:
        """Page and line."""
        return f"{self.page}:{self.line}"

    @property
    def is_file(self) -> bool:
        """Whether it is the content of a file."""
        return bool(_FILE.match(self.title))

    @property
    def commands(self) -> list[Command]:
        """Of a console block; a line that ends with a backslash goes on."""
        found: list[tuple[str, list[str]]] = []
        joined = self.body.replace("\\\n", " ")
        for line in joined.splitlines():
            if line.startswith("$ "):
                found.append((_COMMENT.sub("", line[2:]), []))
            elif found and line.strip() and line.strip() not in _ELLIPSIS:
                found[-1][1].append(line)
        return [Command(text, tuple(shown)) for text, shown in found]


def blocks(page: str, text: str) -> list[Block]:
    """The fenced blocks of a page, in its order."""
    return [
        Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            found["language"] or "",
            found["title"] or "",
            found["body"],
        )
        for found in _FENCE.finditer(text)
    ]


def spans(text: str) -> list[str]:
    """Commands of this project in running text and tables."""
    found = _SPAN.findall(_FENCE.sub("", text))
    return [
        re.sub(r"<[^>]*>", "X", one.replace("\\|", "|"))
        for one in found
        if one not in _FOREIGN and "…`" not in one
    ]


def lacking(shown: tuple[str, ...], output: str) -> str:
    """The first shown line that the output has not, "" when it has all, in their order.

    A line is there when its words are, in their order, in one line; a number is any number, and a
    word that ends with … goes on.
    """
    lines = iter(map(_words, output.splitlines()))
    for line in shown:
        wanted = _words(line)
        if not any(_within(wanted, found) for found in lines):
            return line
    return ""


def _words(line: str) -> list[str]:
    plain = re.sub(r"[─-╿|]", " ", line)  # boxes of tables
    return [re.sub(r"^\d[\d,.:]*|\d[\d-]+T[\d-]+", "0", word) for word in plain.split()]


def _within(wanted: list[str], found: list[str]) -> bool:
    rest = iter(found)
    return all(any(_is(word, one) for one in rest) for word in wanted)


def _is(wanted: str, found: str) -> bool:
    return found.startswith(wanted[:-1]) if wanted.endswith("…") else found == wanted


def pages(root: Path) -> dict[str, str]:
    """Every page that is checked: path → text."""
    found = [
        root / "README.md",
        root / "v1switch/README.md",
        *sorted((root / "docs").rglob("*.md")),
    ]
    return {str(path.relative_to(root)): path.read_text() for path in found}
