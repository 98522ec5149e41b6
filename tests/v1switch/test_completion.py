"""What a shell completes of v1switch's command line, asked as argcomplete's scripts ask."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from v1switch.commands import completion

ROOT = Path(__file__).parents[2]
HEAVY = {"grpc", "llvmlite", "numba", "numpy", "scapy"}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("v1switch ex", {"explain"}),
        ("v1switch -i 1@veth0 p4/compiled/fal", {"p4/compiled/falcon_vtep.json"}),
        ("v1switch --engine ", {"auto", "native", "python"}),
        ("v1switch x.json -- --grpc-server-a", {"--grpc-server-addr"}),
        ("v1switch explain --pa", {"--packet"}),
        ("v1switch completion ", {"bash", "zsh", "fish", "tcsh"}),
    ],
)
def test_words_are_offered(line: str, offered: set[str], tmp_path: Path) -> None:
    pytest.importorskip("argcomplete", reason="pip install 'v1switch[completion]'")
    out = tmp_path / "offered"
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(out),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    argv = [sys.executable, "-X", "importtime", "-m", "v1switch"]
    done = subprocess.run(argv, env=os.environ | asked, cwd=ROOT, capture_output=True, text=True)
    assert {word.strip() for word in out.read_text().split("\n")} == offered
    assert not HEAVY & {row.rpartition("|")[2].strip() for row in done.stderr.splitlines()}


def test_a_shell_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("argcomplete", reason="pip install 'v1switch[completion]'")
    assert completion.main(["bash"]) == 0
    assert "complete" in capsys.readouterr().out


def test_without_argcomplete_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "argcomplete.shell_integration", None)
    assert completion.main([]) == 2
    assert "pip install 'v1switch[completion]'" in capsys.readouterr().err
