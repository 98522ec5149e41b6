"""`v1switch survey DIR`: which programs of a folder load, and which run in machine code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from v1switch.commands.offline import guarded
from v1switch.commands.parsing import WRONG_CALL, Parser
from v1switch.engines.native import cache
from v1switch.engines.native.errors import NotNative
from v1switch.errors import SwitchError
from v1switch.survey import report
from v1switch.survey.finding import NATIVE, Finding
from v1switch.survey.processes import Probes

SECONDS = 60
ALL_NATIVE, NOT_ALL = 0, 1
_MARK = b'"header_types"'  # no BMv2 program lacks it
_WIDEST = 60  # of the first column


def main(argv: list[str]) -> int:
    """Survey a folder; 0 when all programs are native, 1 when not, 2 when the call was wrong."""
    options = arguments().parse_args(argv)
    findings: list[Finding] = []
    status = guarded(lambda: _survey(options, findings))
    if status == WRONG_CALL:
        return status
    return ALL_NATIVE if all(found.result == NATIVE for found in findings) else NOT_ALL


def arguments() -> Parser:
    """The parser of its arguments."""
    made = Parser(
        prog="v1switch survey",
        description="Compile all BMv2 JSON files below a folder, each in a process of its own "
        "without the cache, and say what becomes of them.",
    )
    add = made.add_argument
    add("directory", type=Path, metavar="DIR")
    add("--jobs", type=_number, metavar="N", help="programs at a time (one for each processor)")
    add(
        *("--timeout",),
        type=_number,
        default=SECONDS,
        metavar="S",
        help=f"processor time that a program may take, in seconds ({SECONDS})",
    )
    add("--format", choices=("table", "json", "csv"), default="table")
    return made


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 20):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number, 1 or more")
    return int(text)


def _survey(options: argparse.Namespace, findings: list[Finding]) -> None:
    """Add what is found to `findings` while it is printed; raises SwitchError, OSError."""
    directory = options.directory
    paths, others = _programs(directory)
    if not paths:
        raise SwitchError(f"{directory}: no BMv2 JSON below it, expected a folder with programs")
    try:
        cache.helpers()  # compiled once for a machine; the probes find them
    except NotNative as error:
        raise SwitchError(f"no program can be compiled here: {error}") from error
    jobs = options.jobs or len(os.sched_getaffinity(0))
    with closing(Probes(jobs, options.timeout)) as probes:
        found = probes.findings(paths)
        if options.format == "table":
            _print_table(found, directory, paths, findings)
        elif options.format == "csv":
            _print_csv(found, findings)
        else:
            findings += found
    totals = report.summary(findings, others)
    if options.format == "json":
        print(report.as_json(findings, totals))
    else:
        file = sys.stdout if options.format == "table" else sys.stderr
        print(report.last_line(totals), file=file)


def _programs(directory: Path) -> tuple[list[Path], int]:
    """Files of BMv2 JSON below a folder, and how many other JSON files there are."""
    if not directory.is_dir():
        raise SwitchError(f"{directory}: no such folder, expected one with BMv2 JSON files")
    files = sorted(path for path in directory.rglob("*.json") if path.is_file())
    programs = [path for path in files if _MARK in path.read_bytes()]
    return programs, len(files) - len(programs)


def _print_table(
    found: Iterator[Finding], directory: Path, paths: list[Path], findings: list[Finding]
) -> None:
    names = [str(path.relative_to(directory)) for path in paths]
    width = min(max(map(len, names)), _WIDEST)
    print(report.head(width))
    for name, finding in zip(names, found, strict=True):
        findings.append(finding)
        print(report.row(finding, name, width), flush=True)


def _print_csv(found: Iterator[Finding], findings: list[Finding]) -> None:
    print(report.csv_row(None))
    for finding in found:
        findings.append(finding)
        print(report.csv_row(finding), flush=True)
