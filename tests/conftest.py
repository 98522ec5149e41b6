"""How the suite runs: Hypothesis's profiles, and which tests share a worker of pytest-xdist."""

import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.examples import PROFILE, examples

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_OPTIONS = [  # it stays on this computer, and runs as root in a container
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

settings.register_profile("default", deadline=None)  # a test asserts no time
settings.register_profile("quick", max_examples=examples(100), deadline=None)
settings.register_profile("long", max_examples=examples(100), deadline=None)
# A mutant's first failure is enough, and has to be found again: no shrinking, no chance.
settings.register_profile(
    "mutants", derandomize=True, database=None, deadline=None, max_examples=examples(100),
    phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck),
)  # fmt: skip
settings.load_profile(PROFILE)


def pytest_configure() -> None:
    """Have Control-C mean what it means at a terminal, also in a shell's background job.

    There it is ignored, and every program that a test starts and interrupts would inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without the garbage collector: it takes a third of the time, for nothing."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """Restore what command lines that run in this process set."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """Headless Chromium; a test makes pages or contexts of its own."""
    if not CHROMIUM.exists():
        pytest.skip("no chromium (apt-get install chromium fonts-dejavu-core)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = {"executable_path": CHROMIUM, "args": CHROMIUM_OPTIONS}
        browser = playwright.chromium.launch(**options)
        yield browser
        browser.close()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share what a module starts on one worker; others go to any."""
    for item in items:
        shared = _shared_fixtures(item)
        if shared and not item.get_closest_marker("xdist_group"):
            params = getattr(getattr(item, "callspec", None), "params", {})
            which = "".join(f"-{params[name]}" for name in sorted(shared) if name in params)
            item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}{which}"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run when pytest-xdist has ignored the groups, or tests would meet by chance."""
    if not session.config.getoption("loadgroup", False):
        return  # not a worker of `--dist loadgroup`
    for item in session.items:
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
            message = "pytest-xdist does not group tests with this version of pytest"
            raise pytest.UsageError(message)


def _shared_fixtures(item: pytest.Item) -> set[str]:
    """The names of the fixtures that `item` shares with other tests of its module."""
    info = getattr(item, "_fixtureinfo", None)  # the scopes are in no public attribute
    defined = info.name2fixturedefs if info else {}
    return {name for name, of_name in defined.items() if of_name[-1].scope == "module"}
