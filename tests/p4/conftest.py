"""Fixtures of tests/p4: one switch per module, target and engine, with program and entries."""

from collections.abc import Iterator

import pytest

from tests.p4.world import World
from tests.switch.harness import Sandbox
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_fixtures import sandbox
from tests.switch.harness_targets import BMV2, V1SWITCH, Target, installed

__all__ = ["engine", "sandbox", "switch_name", "target", "world"]


@pytest.fixture(scope="module", params=["python", "native", BMV2])
def engine(request: pytest.FixtureRequest) -> str:
    """An engine of v1switch, or BMv2 where simple_switch_grpc is on the PATH."""
    if request.param == BMV2 and not installed(BMV2):
        pytest.skip("simple_switch_grpc is not on the PATH")
    return str(request.param)


@pytest.fixture(scope="module")
def switch_name(engine: str) -> str:
    """The target's name."""
    return BMV2 if engine == BMV2 else V1SWITCH


@pytest.fixture(scope="module")
def target(engine: str, switch_name: str, sandbox: Sandbox) -> Iterator[Target]:
    """A running switch without a program."""
    options = () if engine == BMV2 else ("--engine", engine)
    with Target(switch_name, sandbox, options=options) as running:
        yield running


@pytest.fixture(scope="module")
def world(switch_name: str, sandbox: Sandbox, target: Target) -> Iterator[World]:
    """The switch under test, populated; fails if a module has killed it."""
    with SwitchClient(target.address) as client:
        made = World(switch_name, sandbox, client)
        made.populate()
        yield made
    assert target.alive(), target.tail()
