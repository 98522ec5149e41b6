"""Fixtures of the network tests: a run directory and a command line of the test's own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.topo.driver import Topo, interfaces, is_gone, network_up


@pytest.fixture
def run_dir() -> Iterator[Path]:
    # pytest's tmp_path may be too long for sockets.
    path = Path(tempfile.mkdtemp(prefix="topo-test-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def topo(run_dir: Path) -> Iterator[Topo]:
    """A network's command line; whatever the test leaves up is taken down."""
    topo = Topo(run_dir)
    before = interfaces()
    yield topo
    topo("down")
    assert interfaces() == before
    assert topo.files() == set()


@pytest.fixture(scope="module")
def pair() -> Iterator[Topo]:
    """The pair network, up, for tests that only look at it."""
    with network_up("pair") as topo:
        family = topo.family()
        yield topo
        topo("down")
        assert all(is_gone(pid) for pid in family)
