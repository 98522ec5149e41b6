"""p4c's own tests of v1model programs on v1switch and on BMv2. What fails: docs/stf.md.

Needs P4C_DIR, the folder of a p4c checkout, and p4c on the PATH. One test: `-k NAME`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stf.stf import Case, parse
from tests.stf.suite import compiled, folder, known_failures, names
from tests.stf.switches import Out, on_bmv2, on_v1switch
from tests.switch.harness import Sandbox, namespaces_allowed
from tests.switch.harness_targets import BMV2, installed

pytestmark = pytest.mark.skipif(folder() is None, reason="needs P4C_DIR, and p4c on the PATH")


def cases(side: int) -> list[object]:
    """Every test; those that fail here on switch number `side` have to fail."""
    found: list[object] = []
    known = known_failures()
    for name in names():
        fails = known.get(name, (False, False, ""))
        mark = pytest.mark.xfail(strict=True, raises=AssertionError, reason=fails[2])
        found.append(pytest.param(name, marks=mark if fails[side] else ()))
    return found


def wrong(test: Case, out: Out) -> list[str]:
    """Differences from the file, a line for each."""
    lines = []
    for port in sorted(test.expected.keys() | out.keys()):
        want, got = test.expected.get(port, []), out.get(port, [])
        if len(want) != len(got):
            lines.append(f"port {port}: {len(got)} frames, expected {len(want)}")
        for number, (expected, frame) in enumerate(zip(want, got, strict=False)):
            if not expected.matches(frame):
                lines.append(f"port {port}, {number}: {frame.hex()}, expected {expected}")
    return lines


def read(name: str) -> Case:
    where = folder()
    assert where is not None
    return parse((where / f"{name}.stf").read_text())


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where programs are compiled to."""
    return tmp_path_factory.mktemp("stf")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Namespaces for BMv2."""
    if not installed(BMV2):
        pytest.skip("simple_switch_grpc is not on the PATH")
    if not namespaces_allowed():
        pytest.skip("neither root nor allowed to make user namespaces")
    with Sandbox(ports=0) as made:
        yield made


@pytest.mark.parametrize("name", cases(0))
def test_v1switch_does_what_the_file_expects(name: str, build: Path) -> None:
    test = read(name)
    assert wrong(test, on_v1switch(compiled(name, build), test)) == []


@pytest.mark.network
@pytest.mark.parametrize("name", cases(1))
def test_bmv2_does_the_same_and_the_frames_are_equal(
    name: str, build: Path, sandbox: Sandbox
) -> None:
    test, program = read(name), compiled(name, build)
    theirs = on_bmv2(program, test, sandbox)
    assert wrong(test, theirs) == []
    assert on_v1switch(program, test) == theirs


def test_the_known_failures_are_tests_of_the_suite() -> None:
    assert set(known_failures()) <= set(names())
