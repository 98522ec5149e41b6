"""A program as tokens that stay the same when names, numbers, texts and comments change.

Pygments reads the languages; what is left of a token is its kind: ``n`` for a name, ``0`` for a
number, ``s`` for a text, and itself for a keyword or an operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from pygments.lexer import Lexer
from pygments.lexers.c_cpp import CppLexer
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String

# Of P4-16, version 1.2, section 6.3.1: Pygments has no lexer of it, and reads it as C++.
P4_WORDS = frozenset(
    {"action", "actions", "apply", "bit", "control", "default_action", "else", "entries", "exit",
     "header", "if", "in", "inout", "key", "out", "packet_in", "packet_out", "parser", "return",
     "select", "size", "state", "struct", "switch", "table", "transition", "typedef", "varbit"}
)  # fmt: skip
LEXERS: dict[str, type[Lexer]] = {".py": PythonLexer, ".p4": CppLexer}


def is_program(name: str) -> bool:
    """Whether a file is compared: answers in TOML are the same for who is right."""
    return PurePosixPath(name).suffix in LEXERS


def tokens(name: str, data: bytes) -> list[str]:
    """The tokens of a file."""
    lexer = LEXERS[PurePosixPath(name).suffix](stripnl=False)
    words = P4_WORDS if name.endswith(".p4") else frozenset()
    return list(_plain(lexer, data.decode(errors="replace"), words))


def _plain(lexer: Lexer, text: str, words: frozenset[str]) -> Iterator[str]:
    last = ""
    for kind, value in lexer.get_tokens(text):
        if kind in String.Doc or kind in Comment:
            found = ""
        elif kind in String:
            found = "" if last == "s" else "s"  # Pygments cuts a text into pieces
        elif kind in Number:
            found = "0"
        elif kind in Keyword.Constant or kind in Operator.Word or kind in Keyword:
            found = value
        elif kind in Name:
            found = value if value in words else "n"
        elif kind in Operator or kind in Punctuation:
            found = value
        else:
            found = ""
        if found:
            yield found
            last = found
