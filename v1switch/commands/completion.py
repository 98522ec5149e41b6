"""What a shell completes of the switch's command line: options, their choices, commands, files.

`v1switch completion bash` prints what a shell is to be told once; it then runs `v1switch` with
`_ARGCOMPLETE` set for each word. argcomplete reads the parsers that the commands have anyway.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from v1switch.commands.parsing import Parser

COMMANDS = ("completion", "explain", "interfaces", "link", "run", "survey")
SHELLS = ("bash", "zsh", "fish", "tcsh")
_ASKED = "_ARGCOMPLETE"  # with the place of the first word that belongs to the parser
_LACKING = (
    "v1switch: completion: argcomplete is not installed, expected pip install "
    "'v1switch[completion]'\n"
)


def main(argv: list[str]) -> int:
    """Print a shell's set-up; 0, or 2 when argcomplete is not installed."""
    shell = arguments().parse_args(argv).shell
    try:
        from argcomplete.shell_integration import shellcode
    except ModuleNotFoundError:
        sys.stderr.write(_LACKING)
        return 2
    print(shellcode(["v1switch"], shell=shell))
    return 0


def arguments() -> Parser:
    """The parser of its arguments."""
    made = Parser(
        prog="v1switch completion",
        description="Print what makes a shell complete v1switch's command line: "
        'eval "$(v1switch completion bash)" in ~/.bashrc.',
    )
    made.add_argument("shell", nargs="?", choices=SHELLS, default="bash")
    return made


def answer() -> None:
    """Answer a shell that asks how a command line goes on, and end; else do nothing."""
    if _ASKED not in os.environ:
        return
    try:
        import argcomplete
    except ModuleNotFoundError:
        sys.exit(1)  # nothing is offered
    line = os.environ.get("COMP_LINE", "")
    words = f"{line[: int(os.environ.get('COMP_POINT', len(line)))]}|".split()  # | is the cursor
    parser, first = _parser(words)
    os.environ[_ASKED] = str(first)
    argcomplete.autocomplete(parser, always_complete_options=False)


def _parser(words: list[str]) -> tuple[argparse.ArgumentParser, int]:
    """The parser that reads the last of `words`, and the place of the word that it is named by."""
    if len(words) > 2 and words[1] in COMMANDS:
        return _arguments(words[1])(), 2
    from v1switch.commands import options

    if "--" in words[1:-1]:
        return options.target(), words.index("--", 1) + 1
    parser = options.general()
    program = next(one for one in parser._actions if one.dest == "program")
    program.completer = _programs if len(words) == 2 else _json  # type: ignore[attr-defined]
    return parser, 1


def _arguments(command: str) -> Callable[[], argparse.ArgumentParser]:
    """Of one command; only this one is imported."""
    match command:
        case "explain":
            from v1switch.commands.explain import arguments as found
        case "interfaces":
            from v1switch.commands.interfaces import arguments as found
        case "link":
            from v1switch.commands.link import arguments as found
        case "run":
            from v1switch.commands.run import arguments as found
        case "survey":
            from v1switch.commands.survey import arguments as found
        case _:
            found = arguments
    return found


def _programs(prefix: str, **about: object) -> list[str]:
    """Commands, and files of programs."""
    return [name for name in COMMANDS if name.startswith(prefix)] + _json(prefix, **about)


def _json(prefix: str, **about: object) -> list[str]:
    from argcomplete.completers import FilesCompleter

    return list(FilesCompleter(["json"])(prefix, **about))
