"""The world of tests/p4: one switch per module and target, with program and entries."""

from collections.abc import Iterator

import pytest

from tests.p4.world import World
from tests.switch.harness import Sandbox
from tests.switch.harness_client import SwitchClient
from tests.switch.harness_fixtures import sandbox, switch_name, target
from tests.switch.harness_targets import Target

__all__ = ["sandbox", "switch_name", "target", "world"]


@pytest.fixture(scope="module")
def world(switch_name: str, sandbox: Sandbox, target: Target) -> Iterator[World]:
    """The switch under test, populated; a module that kills it fails here and not silently."""
    with SwitchClient(target.address) as client:
        made = World(switch_name, sandbox, client)
        made.populate()
        yield made
    assert target.alive(), target.tail()
