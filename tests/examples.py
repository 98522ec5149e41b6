"""How many examples Hypothesis tries: `@settings(max_examples=examples(200))`."""

import os

PROFILE = os.environ.get("TEST_PROFILE", "default")
SHARE = {"default": 1.0, "quick": 0.2, "mutants": 0.5}


def examples(count: int) -> int:
    """The share of `count` that TEST_PROFILE asks for; at least five."""
    return max(5, round(count * SHARE[PROFILE]))
