"""What runs the clients: terminals, namespaces, outcomes, the page. Needs no client."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients import outcomes as kept
from tests.clients.cases import Case, Client, Failed
from tests.clients.clients import CLIENTS, find
from tests.clients.outcomes import Outcome
from tests.clients.page import page
from tests.clients.place import require, until
from tests.clients.runner import SHIMS, missing, run
from tests.clients.spaces import command
from tests.clients.terminal import Terminal

ROOT = Path(__file__).parents[2]
ENV = {**os.environ, "TERM": "dumb"}


def test_a_terminal_is_typed_to(tmp_path: Path) -> None:
    asks = "while True:\n word = input('> ')\n print('got', word)\n if word == 'q': break"
    with Terminal([sys.executable, "-c", asks], cwd=tmp_path, env=ENV) as terminal:
        terminal.expect("> $")
        terminal.type("one")
        assert terminal.expect("> $") == "got one\n> "
        with pytest.raises(Failed, match="waited for 'never', got ''"):
            terminal.expect("never", 0.05)
        terminal.type("q")
        assert terminal.wait(60) == 0


def test_a_terminal_ends_its_program(tmp_path: Path) -> None:
    with Terminal(["sleep", "1000"], cwd=tmp_path, env=ENV) as terminal:
        number = terminal._process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_control_c_reaches_the_program(tmp_path: Path) -> None:
    waits = (
        "import time\ntry:\n print('up', flush=True); time.sleep(99)\n"
        "except KeyboardInterrupt:\n print('^C')"
    )
    with Terminal([sys.executable, "-c", waits], cwd=tmp_path, env=ENV) as terminal:
        terminal.expect("up")
        terminal.interrupt()
        terminal.expect(r"\^C")


def test_conditions() -> None:
    require(1, "")
    with pytest.raises(Failed, match="no"):
        require([], "no")
    with pytest.raises(Failed, match="it did not come in 0 s"):
        until(lambda: False, "it", 0.0)


@pytest.mark.network
def test_the_namespaces_hold_everything(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from tests.clients import spaces\n"
        "tmp = pathlib.Path(sys.argv[1])\n"
        "spaces.furnish(tmp)\n"
        "def job():\n"
        "    assert os.listdir('/tmp') == ['mark'], os.listdir('/tmp')\n"
        "    assert sorted(int(p) for p in os.listdir('/proc') if p.isdigit())[0] == 1\n"
        "    assert os.listdir('/sys/class/net') == ['lo']\n"
        "    pathlib.Path('/tmp/done').touch()\n"
        "sys.exit(spaces.reap(job))\n"
    )
    (tmp_path / "mark").touch()
    argv = command([sys.executable, "-c", code, str(tmp_path)])
    done = subprocess.run(argv, cwd=ROOT, env={**ENV, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0
    assert (tmp_path / "done").exists()


def test_a_missing_checkout_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENTS_ENV", "/nowhere")
    client = Client("none", "NO_SUCH_DIR", ())
    case = Case("one", "", lambda _: None)
    monkeypatch.delenv("NO_SUCH_DIR", raising=False)
    assert missing(client, case, "v1switch") == "NO_SUCH_DIR is not set"
    assert run(client, case, "v1switch") == Outcome(None, "NO_SUCH_DIR is not set")
    monkeypatch.setenv("NO_SUCH_DIR", str(SHIMS))
    needs = Client("none", "NO_SUCH_DIR", (), tools=("no-such-program",))
    assert missing(needs, case, "v1switch") == "not installed: no-such-program"


def test_outcomes_are_kept(tmp_path: Path) -> None:
    outcomes: kept.Outcomes = {}
    kept.record(outcomes, "c", "one", "v1switch", Outcome(True))
    kept.record(outcomes, "c", "one", "v1switch", Outcome(None, "not here"))  # replaces nothing
    kept.record(outcomes, "c", "one", "bmv2", Outcome(False, "why"))
    kept.write(outcomes, tmp_path / "record.json")
    assert kept.read(tmp_path / "record.json") == outcomes
    assert outcomes["c"]["one"]["v1switch"].passed


def test_the_names_of_clients_and_cases_are_unique() -> None:
    names = [(client.name, case.name) for client in CLIENTS for case in client.cases]
    assert len(names) == len(set(names))
    assert find(*names[0])[1].name == names[0][1]


def test_the_page_is_what_was_recorded() -> None:
    """`python -m tests.clients --page docs/clients.md` writes it."""
    assert (ROOT / "docs" / "clients.md").read_text() == page(kept.read())


def test_nothing_recorded_is_of_another_case() -> None:
    known = {(client.name, case.name) for client in CLIENTS for case in client.cases}
    recorded = {(client, case) for client, cases in kept.read().items() for case in cases}
    assert recorded <= known


def test_no_case_that_bmv2_passes_fails() -> None:
    """The goal, as recorded last."""
    behind = {
        (client, case)
        for client, cases in kept.read().items()
        for case, switches in cases.items()
        if switches.get("bmv2", Outcome(None)).passed
        and switches.get("v1switch", Outcome(None)).passed is False
    }
    assert behind == set()
