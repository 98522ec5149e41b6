"""Whether a command is one: parsed by the program's own parser, and not run."""

import contextlib
import importlib.util
import io
import re
import shlex
from pathlib import Path
from typing import Any

import typer

from labs import toml_text

ROOT = Path(__file__).parents[2]
# Programs that pages name and that this project does not bring.
OTHERS = {
    "cat",
    "dask",
    "cd",
    "falcon_ctl",
    "git",
    "ip",
    "iperf3",
    "ls",
    "ssh",
    "simple_switch_CLI",
    "tshark",
    "wireshark",
}
# What runs as a module beside the programs of the other packages, such as labs: name → its app.
APPS: dict[str, typer.Typer] = {}
_VARIABLE = re.compile(r"^[A-Z][A-Z0-9_]*=")
_SEPARATORS = {"&&", "|", ";", "&"}


class NotACommand(Exception):
    """What is wrong with it."""


def check(text: str, loose: bool = False) -> None:
    """Raise NotACommand unless every part of a command line is one.

    `loose`: values may be placeholders or absent, as in running text.
    """
    for words in _parts(text):
        _check(words, loose)


def wrong(text: str, loose: bool = False) -> str:
    """Why it is none; "" when it is one."""
    try:
        check(text, loose)
    except NotACommand as error:
        return str(error)
    return ""


def _parts(text: str) -> list[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    parts: list[list[str]] = [[]]
    for word in lexer:
        if word in _SEPARATORS:
            parts.append([])
        else:
            parts[-1].append(word)
    return [_stripped(part) for part in parts if _stripped(part)]


def _stripped(words: list[str]) -> list[str]:
    """Without variables in front, redirections, and sudo."""
    kept = list(words)
    while kept and (_VARIABLE.match(kept[0]) or kept[0] in ("sudo", "export")):
        kept.pop(0)
    return kept[: kept.index(">")] if ">" in kept else kept


def _check(words: list[str], loose: bool) -> None:
    program, *rest = words
    if program in ("python", "python3") and rest[:1] == ["-m"]:
        _module(rest[1], rest[2:], loose)
    elif program in ("python", "python3") and rest[:1] == ["-c"]:
        compile(rest[1], "<page>", "exec")
    elif program in ("python", "python3") and rest and rest[0].endswith(".py"):
        if not any(ROOT.glob(f"labs/*/student/{rest[0]}")):
            raise NotACommand(f"{rest[0]}: no such file among those that students get")
    elif program in ("falcon_ctl", "falcon-topo", "rxpath", "v1switch"):
        _module({"falcon-topo": "topo"}.get(program, program), rest, loose)
    elif program == "make":
        _make(rest)
    elif program == "pip":
        _pip(rest)
    elif program == "apt-get":
        if rest[:1] != ["install"]:
            raise NotACommand(f"{words}: expected apt-get install")
    elif program == "pytest":
        paths = [word for word in rest if word.startswith("tests")]
        missing = [path for path in paths if not (ROOT / path).exists()]
        if missing or not paths:
            raise NotACommand(f"{words}: no such tests")
    elif program not in OTHERS:
        raise NotACommand(f"{program}: neither of this project nor among {sorted(OTHERS)}")


def _module(name: str, words: list[str], loose: bool) -> None:
    if name == "falcon_ctl":
        from falcon_ctl.cli import app

        commands = typer.main.get_command(app)
        if not words or (words[0].startswith("-") and words[0] != "--help"):
            words = ["run", *words]
        _click(commands, "falcon_ctl", words, loose)
    elif name == "topo":
        from topo.cli.app import app as topo

        _click(typer.main.get_command(topo), "topo", words, loose)
    elif name == "rxpath":
        from rxpath.__main__ import app as rxpath

        _click(typer.main.get_command(rxpath), "rxpath", words, loose)
    elif name in APPS:
        _click(typer.main.get_command(APPS[name]), name, words, loose)
    elif name == "v1switch":
        _v1switch(words, loose)
    elif importlib.util.find_spec(name) is None:
        raise NotACommand(f"python -m {name}: no such module")


def _click(command: Any, name: str, words: list[str], loose: bool) -> None:
    """Parse as the program does; nothing is called."""
    usage_error: Any = typer.BadParameter.__mro__[1]
    words = ["WORD" if word in ("…", "...") else word for word in words]
    try:
        while hasattr(command, "commands") and words:
            name, rest = words[0], words[1:]
            if name not in command.commands:  # of an option, or of a wrong word: its own message
                with command.make_context(name, list(words)) as context:
                    command.resolve_command(context, list(words))
                return
            command, words = command.commands[name], rest
        with command.make_context(name, list(words)):
            pass
    except (typer.Exit, SystemExit):
        return  # --help
    except usage_error as error:
        message = error.format_message()
        if not loose or message.startswith("No such"):
            raise NotACommand(f"{name}: {message}") from error


def _v1switch(words: list[str], loose: bool) -> None:
    from v1switch.commands import completion, explain, interfaces, link, options, run, survey

    commands = (completion, explain, interfaces, link, run, survey)
    parsers = {one.__name__.rpartition(".")[2]: one for one in commands}
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            if words[:1] and words[0] in parsers:
                parsers[words[0]].arguments().parse_args(words[1:])
            else:
                cut = words.index("--") if "--" in words else len(words)
                options.general().parse_args(words[:cut])
                options.target().parse_args(words[cut + 1 :])
    except SystemExit as ended:
        message = said.getvalue().strip()
        if ended.code and not (loose and "unrecognized" not in message):
            raise NotACommand(message) from ended


def _make(words: list[str]) -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", text, re.MULTILINE))
    variables = set(re.findall(r"^([A-Z_]+)\s*\?=", text, re.MULTILINE))
    for word in words:
        name, is_set, _ = word.partition("=")
        if name not in (variables if is_set else targets):
            raise NotACommand(f"make {word}: no such {'variable' if is_set else 'target'}")


def _pip(words: list[str]) -> None:
    extras = {
        project: set(
            toml_text.loads((ROOT / path).read_text())["project"].get("optional-dependencies", ())
        )
        for project, path in (
            ("falcon-testbed", "pyproject.toml"),
            ("v1switch", "v1switch/pyproject.toml"),
        )
    }
    if words[:1] != ["install"]:
        raise NotACommand(f"pip {words}: expected install")
    for word in words[1:]:
        name, _, extra = word.rstrip("]").partition("[")
        if name == "./v1switch":
            continue
        if name not in extras or (extra and extra not in extras[name]):
            raise NotACommand(f"pip install {word}: no such project or extra")
