"""Loads the model's compiled kernels before the first run needs them."""

from __future__ import annotations

from rich.console import Console

from rxpath import results


def load(console: Console) -> None:
    """Load the kernels from the disk cache, or compile them with a message."""
    with console.status("loading the model's kernels (compiled at first use, about 10 s)"):
        results.warm()
