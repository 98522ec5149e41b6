"""The pages of the dashboard and of reports: sources, and the bundles that are built of them.

`npm ci && npm run build` in this folder builds `bundles/` from `src/`; only the bundles are shipped
in the package, and nothing is fetched when they are used. docs/decisions/dashboard.md says why.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from falcon_ctl.errors import UsageError

BUNDLES = Path(__file__).with_name("bundles")


@cache
def bundle(name: str) -> bytes:
    """The content of a built file, such as ``dashboard.js`` or ``report.css``.

    Raises:
        UsageError: the package has no such file: it was not built.
    """
    path = BUNDLES / name
    try:
        return path.read_bytes()
    except OSError as error:
        expected = "a bundle that `npm ci && npm run build` in falcon_ctl/web makes"
        raise UsageError(str(path), error.strerror or "unreadable", expected) from error
