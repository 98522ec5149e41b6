"""BMv2 itself: the golden files still are its answers, and other seeds give equal answers."""

from collections.abc import Iterator

import pytest

from tests.switch.harness import Sandbox, namespaces_allowed
from tests.switch.harness_targets import BMV2, installed
from tests.v1switch.bmv2 import engine
from tests.v1switch.engines import v1switch
from tests.v1switch.golden import answer, differences, names, read
from tests.v1switch.scenarios import case

SEEDS = [1, 2]  # part of the test's name

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(not installed(BMV2), reason="simple_switch_grpc is not on the PATH"),
    pytest.mark.skipif(
        not namespaces_allowed(), reason="neither root nor allowed to make user namespaces"
    ),
]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Namespaces for one BMv2."""
    with Sandbox(ports=0) as made:
        yield made


@pytest.mark.parametrize("name", names())
def test_golden_files_are_still_bmv2s_answers(name: str, sandbox: Sandbox) -> None:
    made, expected = read(name)
    assert differences(made, answer(engine(sandbox), made), expected) == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", names())
def test_other_seeds_give_equal_answers(name: str, seed: int, sandbox: Sandbox) -> None:
    made = case(name, seed)
    assert differences(made, answer(v1switch, made), answer(engine(sandbox), made)) == []
