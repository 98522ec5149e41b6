"""Fixtures for tests that run a switch. Import into a conftest.py what it needs:

    from tests.switch.harness_fixtures import sandbox, switch_name, target  # noqa: F401

`switch_name` is parametrised over the targets, so one test runs on each; a target that is not
installed is skipped. All have module scope: the tests of a module share one switch, and its
targets, one after the other, one sandbox.
"""

from collections.abc import Iterator

import pytest

from tests.switch.harness import Sandbox, namespaces_allowed
from tests.switch.harness_targets import BMV2, TARGETS, Target, installed


@pytest.fixture(scope="module", params=TARGETS)
def switch_name(request: pytest.FixtureRequest) -> str:
    """The target's name: v1switch, or bmv2 where simple_switch_grpc is on the PATH."""
    name = str(request.param)
    if name == BMV2 and not installed(name):
        pytest.skip("simple_switch_grpc is not on the PATH")
    return name


@pytest.fixture(scope="module")
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Namespaces with four ports; `SANDBOX_PORTS = n` in a module sets another number."""
    if not namespaces_allowed():
        pytest.skip("neither root nor allowed to make user namespaces")
    with Sandbox(ports=getattr(request.module, "SANDBOX_PORTS", 4)) as made:
        yield made


@pytest.fixture(scope="module")
def target(switch_name: str, sandbox: Sandbox) -> Iterator[Target]:
    """A running switch without a program; its P4Runtime server answers at `target.address`."""
    with Target(switch_name, sandbox) as running:
        yield running
