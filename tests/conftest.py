"""How the suite runs: Hypothesis's profiles, and which tests share a worker of pytest-xdist."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.examples import PROFILE, examples

settings.register_profile("default", deadline=None)  # a test asserts no time
settings.register_profile("quick", max_examples=examples(100), deadline=None)
# A mutant's first failure is enough, and has to be found again: no shrinking, no chance.
settings.register_profile(
    "mutants", derandomize=True, database=None, deadline=None, max_examples=examples(100),
    phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck),
)  # fmt: skip
settings.load_profile(PROFILE)

# Fixtures of a module that take seconds to start; the parameters that make several of one.
SHARED = {"pair", "target", "world", "switch", "dask_address", "run"}
PARAMETERS = ("engine", "switch_name", "switch", "world", "user")


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """Restore what command lines that run in this process set."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share a running switch or network on one worker; others go to any."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if SHARED.intersection(fixtures) and not item.get_closest_marker("xdist_group"):
            params = getattr(getattr(item, "callspec", None), "params", {})
            which = "".join(f"-{params[name]}" for name in PARAMETERS if name in params)
            item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}{which}"))
