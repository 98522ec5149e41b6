"""Settings as TOML."""

from __future__ import annotations

from typing import Any

from labs.errors import LabsError

try:
    import tomli_w
except ImportError:
    tomli_w = None  # type: ignore[assignment]


def dumps(settings: dict[str, Any]) -> str:
    """The text. Raises `LabsError` when the package for it is missing."""
    if tomli_w is None:
        raise LabsError("tomli-w is missing: pip install 'falcon-testbed[labs]', or `make lab`")
    return tomli_w.dumps(settings)
