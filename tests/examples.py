"""How many examples Hypothesis tries: `@settings(max_examples=examples(200))`.

TEST_PROFILE=long is for an hour's search beside the usual one, whose few random examples now and
then find what is rare.
"""

import os

PROFILE = os.environ.get("TEST_PROFILE", "default")
SHARE = {"default": 1.0, "quick": 0.2, "mutants": 0.5, "long": 20.0}


def examples(count: int) -> int:
    """The share of `count` that TEST_PROFILE asks for; at least five."""
    return max(5, round(count * SHARE[PROFILE]))
