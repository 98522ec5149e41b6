"""Every command on the pages is run, or parsed where its block says why; so is the notebook."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import labs.cli.app  # noqa: F401  # pages may name its commands
from labs.pages import blocks, parsing
from labs.pages.blocks import Block, Command
from tests.docs import runner, titles
from tests.docs.installing import Installing
from tests.docs.titles import Title
from tests.topo.driver import Topo
from topo.system import requirements

HOW = "docs/how-to/documentation.md"
NOTEBOOK = parsing.ROOT / "labs/explore.ipynb"
PAGES = blocks.pages(parsing.ROOT)
RUN = [page for page, text in PAGES.items() if any(
    block.language in ("console", "python") for block in blocks.blocks(page, text)
)]  # fmt: skip


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run directory of the network that all pages share: the pages start it and take it down."""
    if lacks := requirements.missing("v1switch"):
        pytest.skip("; ".join(lacks))
    path = Path(tempfile.mkdtemp(prefix="docs-", dir="/tmp"))
    folder = runner.Folder(tmp_path_factory.mktemp("shared") / "work", path)
    try:
        folder.run(*_first(runner.STARTS))
        yield path
        folder.run(*_first(runner.ENDS))
    finally:
        Topo(path)("down", status=None)
        shutil.rmtree(path, ignore_errors=True)


def _first(wanted: tuple[str, ...]) -> tuple[Block, Command]:
    """A command with its page, and with what the page shows of it."""
    found = (
        (block, command)
        for page in RUN
        for block in blocks.blocks(page, PAGES[page])
        for command in block.commands
        if command.text in wanted and command.shown
    )
    return next(found)


@pytest.fixture(scope="module")
def installs(tmp_path_factory: pytest.TempPathFactory) -> Installing:
    """Where blocks that install do so."""
    return Installing(tmp_path_factory.mktemp("installs") / "here")


@pytest.mark.network
@pytest.mark.parametrize("page", RUN)
def test_a_pages_blocks_run(page: str, network: Path, installs: Installing) -> None:
    # A short path, as run directories in there hold sockets; but containers see nothing of /tmp
    where = parsing.ROOT / "build" if "falcon_ctl apps" in PAGES[page] else Path("/tmp")
    where.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="docs-", dir=where) as path:
        Path(path).chmod(0o755)
        folder = runner.Folder(Path(path) / "work", network, installs)
        runner.run_page(folder, blocks.blocks(page, PAGES[page]))


CONSOLE = [
    block
    for page, text in PAGES.items()
    for block in blocks.blocks(page, text)
    if block.language == "console"
]


def test_what_is_not_run_is_listed_with_its_reason() -> None:
    table = re.findall(r"^\| \[[^]]+\]\((\S+)\) \| `(.+)` \| (.+) \|$", PAGES[HOW], re.MULTILINE)
    listed = {
        (os.path.normpath(f"docs/how-to/{page}"), first.replace("\\|", "|"))
        for page, first, _ in table
    }
    kept = {
        (block.page, block.commands[0].text)
        for block in CONSOLE
        if titles.understood(block.title).reason
    }
    assert listed == kept


def test_what_is_run_elsewhere_is_run_there() -> None:
    lacking = {block.where: runner.ran_by(block) for block in CONSOLE if block.title}
    elsewhere = [one for one in CONSOLE if titles.understood(one.title).elsewhere]
    assert elsewhere
    assert not [f"{one.where}: {lacking[one.where]}" for one in elsewhere if lacking[one.where]]


@pytest.mark.parametrize(
    ("title", "means"),
    [
        ("", Title()),
        ("needs p4c", Title(("p4c",))),
        ("needs root and two interfaces: serves until Ctrl-C", Title(
            ("root", "two interfaces"), serves=True,
        )),
        ("needs a, b and c, in several terminals", Title(
            ("a", "b", "c"), serves=True, last_ends=True,
        )),
        ("interactive: until you type exit", Title(typed="exit")),
        ("takes a minute: x.py and y run it", Title(elsewhere=("x.py", "y"))),
        ("not run: a second computer", Title(reason="a second computer")),
    ],
)  # fmt: skip
def test_a_title_says_what_the_test_does(title: str, means: Title) -> None:
    assert titles.understood(title) == means


def test_a_title_that_says_nothing_to_the_test_is_refused() -> None:
    with pytest.raises(ValueError, match="expected it to begin with"):
        titles.understood("perhaps later")


@pytest.mark.network
def test_the_notebook_runs_from_top_to_bottom(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbclient = pytest.importorskip("nbclient", reason="pip install 'falcon-testbed[notebook]'")
    monkeypatch.setenv("FALCON_RUN_DIR", str(network))
    monkeypatch.setenv("PYTHONPATH", str(parsing.ROOT))
    notebook = pytest.importorskip("nbformat").read(NOTEBOOK, as_version=4)
    manager = pytest.importorskip("jupyter_client").AsyncKernelManager(transport="ipc")
    client = nbclient.NotebookClient(notebook, km=manager, timeout=120)
    client.execute(cwd=str(parsing.ROOT))
    shown = [
        output["data"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "data" in output
    ]
    assert any("image/png" in data for data in shown)
    tables = [data["text/html"] for data in shown if "text/html" in data]
    assert "falcon-pipelining" in tables[0]
    assert any("<td>live</td>" in table for table in tables)


def test_the_notebook_is_stored_without_outputs() -> None:
    cells = [one for one in json.loads(NOTEBOOK.read_text())["cells"] if one["cell_type"] == "code"]
    assert cells
    assert all(one["outputs"] == [] and one["execution_count"] is None for one in cells)


def test_commands_in_text_and_tables_are_commands() -> None:
    wrong = []
    for page, text in PAGES.items():
        found = {command: parsing.wrong(command, loose=True) for command in blocks.spans(text)}
        wrong += [f"{page}: `{command}`: {why}" for command, why in found.items() if why]
    assert not wrong, "\n".join(wrong)


def test_commands_stand_in_console_blocks() -> None:
    stray = [
        block.where
        for page, text in PAGES.items()
        for block in blocks.blocks(page, text)
        if block.language not in ("console", "text") and block.body.startswith("$ ")
    ]
    assert not stray


# -- the checks themselves ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "python -m falcon_ctl figure",
        "python -m falcon_ctl figures --seed 1",
        "python -m falcon_ctl figures --seeds 0",
        "python -m topo up --all",
        "python -m v1switch explain x.json",
        "python -m nothing",
        "make nothing",
        "pip install 'falcon-testbed[nothing]'",
        "pip install other",
        "curl x | python -m topo list",
        "python nowhere.py",
    ],
)
def test_what_is_no_command_is_found(command: str) -> None:
    with pytest.raises(parsing.NotACommand):
        parsing.check(command)


def test_shown_lines_are_looked_for_in_their_order() -> None:
    output = "│ switch │ s1 │ running\n12.5 kpps of m1\n"
    assert blocks.lacking(("switch s1", "99 kpps"), output) == ""
    assert blocks.lacking(("99 kpps", "switch s1"), output) == "switch s1"
    assert blocks.lacking(("s1 switch",), output) == "s1 switch"


def test_a_block_is_read_with_title_continued_lines_and_output() -> None:
    text = 'x\n```console title="needs p4c"\n$ make \\\n  p4\nshown\n…\n$ ls\n```\n'
    (block,) = blocks.blocks("page.md", text)
    assert (block.title, block.line, block.is_file) == ("needs p4c", 2, False)
    assert block.commands == [Command("make    p4", ("shown",)), Command("ls", ())]
