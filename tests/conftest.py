"""How the suite runs: Hypothesis's profiles, and which tests share a worker of pytest-xdist."""

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.examples import PROFILE, examples

settings.register_profile("quick", max_examples=examples(100))
# A mutant's first failure is enough, and has to be found again: no shrinking, no chance.
settings.register_profile(
    "mutants", derandomize=True, database=None, deadline=None, max_examples=examples(100),
    phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck),
)  # fmt: skip
settings.load_profile(PROFILE)

# A module's tests share what it starts, so they stay on one worker; those of each of these
# parameters of a module start something of their own.
TARGETS = ("engine", "switch_name", "user")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests that share a network, a switch or a run; all others go to any worker."""
    for item in items:
        if item.get_closest_marker("network") and not item.get_closest_marker("xdist_group"):
            params = getattr(getattr(item, "callspec", None), "params", {})
            target = "".join(f"-{params[name]}" for name in TARGETS if name in params)
            item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}{target}"))
