"""Reference pages of the command lines, read off typer's and argparse's own definitions."""

from __future__ import annotations

import argparse
import enum
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import typer
from rich.text import Text

from falcon_ctl.lazy import loaded


class Row(NamedTuple):
    """One option or argument."""

    name: str
    means: str
    default: str


def typer_page(title: str, app: typer.Typer, program: str) -> str:
    """The page of a typer application, one section for each command."""
    command = typer.main.get_command(app)
    commands = getattr(command, "commands", None) or {"": command}
    lines = [f"# {title}", "", _plain(command.help), ""]
    if command.epilog:
        lines += [_plain(command.epilog), ""]
    own = [one for one in command.params if one.name != "help"] if commands != {"": command} else []
    if own:
        lines += [*_usage(program, own), *_table(map(_typer_row, own))]
    for name, one in ((name, loaded(one)) for name, one in commands.items()):
        if not getattr(one, "hidden", False):
            lines += _typer_command(f"{program} {name}".strip(), one)
    return "\n".join(lines)


def _typer_command(name: str, command: Any) -> Iterator[str]:
    params = [one for one in command.params if not getattr(one, "hidden", False)]
    yield from (f"## `{name}`", "")
    yield from (_plain(command.help), "")
    yield from _usage(name, params)
    yield from _table(map(_typer_row, params))
    if command.epilog:
        yield from (_plain(command.epilog), "")


def _usage(name: str, params: Sequence[Any]) -> list[str]:
    arguments = [_metavar(one) for one in params if one.param_type_name == "argument"]
    options = ["[OPTIONS]"] if any(one.param_type_name == "option" for one in params) else []
    return ["```text", " ".join(["python -m " + name, *options, *arguments]), "```", ""]


def _metavar(param: Any) -> str:
    name = param.metavar or str(param.name).upper()
    shown = name if param.nargs == 1 else f"{name}..."
    return shown if param.required else f"[{shown}]"


def _typer_row(param: Any) -> Row:
    if param.param_type_name == "argument":
        name = param.metavar or str(param.name).upper()
    else:
        value = "" if getattr(param, "is_flag", False) else f" {_value(param)}"
        name = ", ".join(f"{flag}{value}" for flag in (*param.opts, *param.secondary_opts))
    default = param.default
    told = "" if callable(default) or default in (None, False, ()) else str(default)
    means = _plain(getattr(param, "help", "") or "")
    if getattr(param, "multiple", False) and "repeatable" not in means:
        means = f"{means} (repeatable)".strip()
    return Row(name, means, "required" if param.required else told)


def _value(param: Any) -> str:
    """What an option takes, by its metavar or its type, which typer's versions keep apart."""
    if param.metavar:
        return str(param.metavar)
    known = getattr(param, "type", None) or param.type_descriptor.annotation
    if isinstance(known, type) and issubclass(known, enum.Enum):
        return "|".join(str(one.value) for one in known)
    found = set(re.findall(r"[A-Za-z]+", str(getattr(known, "__name__", known)).lower()))
    return next((name for kind, name in _KINDS.items() if kind in found), "TEXT")


_KINDS = {"path": "PATH", "int": "INTEGER", "integer": "INTEGER", "float": "FLOAT"}


def _plain(text: str | None) -> str:
    """Help without rich's markup, paragraphs kept, ready for Markdown."""
    paragraphs = str(Text.from_markup(text or "")).split("\n\n")
    return "\n\n".join(map(_paragraph, paragraphs))


def _paragraph(text: str) -> str:
    """Flowing text, or a list of examples, one a line."""
    first, *lines = text.splitlines() or [""]
    if first != "Examples:":
        return escape(" ".join(text.split()))
    return "\n".join([first, "", "```text", *map(str.strip, lines), "```"])


def argparse_page(title: str, intro: str, parsers: Sequence[argparse.ArgumentParser]) -> str:
    """The page of several argparse parsers, one section each."""
    lines = [f"# {title}", "", intro, ""]
    for parser in parsers:
        lines += [f"## `{parser.prog}`", "", escape(parser.description or ""), ""]
        lines += ["```text", " ".join(parser.format_usage().split()), "```", ""]
        actions = [one for one in parser._actions if one.dest != "help"]
        lines += _table(map(_argparse_row, actions))
        lines += [escape(parser.epilog or ""), ""]
    return "\n".join(lines)


def _argparse_row(action: argparse.Action) -> Row:
    value = action.metavar or ("" if action.nargs == 0 else action.dest.upper())
    if action.choices:
        value = "|".join(map(str, action.choices))
    shown = str(value)
    name = ", ".join(f"{flag} {shown}".strip() for flag in action.option_strings) or shown
    default = action.default
    told = "" if default in (None, False, [], argparse.SUPPRESS) else str(default)
    return Row(name, " ".join((action.help or "").split()), "required" if action.required else told)


def _table(rows: Iterator[Row] | map[Row]) -> Iterator[str]:
    yield from ("| option | means | default |", "|---|---|---|")
    for row in rows:
        cells = (f"`{row.name}`", escape(row.means), f"`{row.default}`" if row.default else "")
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return text.replace("<", "&lt;").replace("*", "\\*").replace("[", "\\[")
