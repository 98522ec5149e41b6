"""Which tables and headers p4c has made itself: no user knows them, so no message offers them."""

from __future__ import annotations

import re
from collections.abc import Iterable

# of statements between tables (midend/actionSynthesis), and of `switch` (midend/eliminateSwitch);
# a user's own have their control's name in front
MADE = re.compile(r"tbl_\w+|switch(_\d+)?_table")
TEMPORARY = re.compile(r"(\w+_)?tmp(_\d+)?")


def is_hidden(table: str) -> bool:
    """Whether p4c has made a table of this name."""
    return MADE.fullmatch(table) is not None


def is_temporary(name: str) -> bool:
    """Whether p4c gives such a name to a temporary: a header, or a field of its `scalars`."""
    return TEMPORARY.fullmatch(name) is not None


def visible_names(tables: Iterable[str]) -> list[str]:
    """The names that a user knows."""
    return [name for name in tables if not is_hidden(name)]
