"""docs/p4runtime.md: every rule has a test that exists, or a reason why it does not apply."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "v1switch"
TABLE = (ROOT / "docs" / "p4runtime.md").read_text()
TEST = re.compile(r"\b(\w+)::(test_\w+)")
COLUMNS = 4


def rows(text: str) -> list[list[str]]:
    """The tables' rows as cells, without heads and rulers."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "§"]


@cache
def names_in(module: str) -> frozenset[str]:
    """The tests of tests/v1switch/test_p4runtime_<module>.py, as pytest would collect them."""
    path = TESTS / f"test_p4runtime_{module}.py"
    if not path.is_file():
        return frozenset()
    body = ast.parse(path.read_text()).body
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef))


def complaints(row: list[str]) -> list[str]:
    """What is wrong with a row."""
    if len(row) != COLUMNS or not all(row[:3]):
        return [f"{row}: expected §, rule, tests or reason, BMv2"]
    named = TEST.findall(row[2])
    missing = [f"{m}::{name} does not exist" for m, name in named if name not in names_in(m)]
    if row[2].startswith("n/a: ") and len(row[2]) > len("n/a: "):
        return missing
    rest = TEST.sub("", row[2]).replace(",", "").strip()
    if not named or rest:
        missing.append(f"{row[:2]}: neither tests nor 'n/a: ' and a reason")
    return missing


def test_every_rule_has_a_test_or_a_reason() -> None:
    found = rows(TABLE)
    assert len(found) > 150
    assert [complaint for row in found for complaint in complaints(row)] == []


def test_a_row_that_is_wanting_is_seen() -> None:
    good = ["9.1", "rule", "parity::test_counter_cells", ""]
    assert complaints(good) == []
    assert complaints([*good[:2], "n/a: a reason", "-"]) == []
    for cell in ("", "n/a: ", "n/a", "parity::test_nothing", "nothing::test_x", "some day"):
        assert complaints([*good[:2], cell, ""]), cell
    assert complaints(["9.1", "", "parity::test_counter_cells", ""])
