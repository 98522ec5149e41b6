"""labs/explore.ipynb runs from top to bottom, under both clocks where the computer can."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from falcon_ctl import lab
from tests.topo.driver import Topo

nbclient = pytest.importorskip("nbclient", reason="pip install 'falcon-testbed[notebook]'")
nbformat = pytest.importorskip("nbformat")
ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "labs/explore.ipynb"


def test_the_notebook_is_stored_without_outputs() -> None:
    cells = [one for one in json.loads(NOTEBOOK.read_text())["cells"] if one["cell_type"] == "code"]
    assert cells
    assert all(one["outputs"] == [] and one["execution_count"] is None for one in cells)


@pytest.mark.network
def test_the_notebook_runs_from_top_to_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    run_dir = Path(tempfile.mkdtemp(prefix="notebook-", dir="/tmp"))
    monkeypatch.setenv("FALCON_RUN_DIR", str(run_dir))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    try:
        nbclient.NotebookClient(notebook, timeout=120).execute(cwd=str(ROOT))
    finally:
        Topo(run_dir)("down", status=None)
        shutil.rmtree(run_dir, ignore_errors=True)
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
    if not lab.why_not_live():
        assert any("<td>live</td>" in table for table in tables)
