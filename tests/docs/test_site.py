"""The site builds strictly, is complete, and fetches nothing."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from labs.pages import blocks
from labs.pages.blocks import Command
from tests.docs import runner

pytest.importorskip("material", reason="pip install 'falcon-testbed[docs]'")
jsonschema = pytest.importorskip("jsonschema")

ROOT = Path(__file__).parents[2]
FETCHING = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = runner.Folder(tmp_path_factory.mktemp("site") / "work", Path("/nowhere"))
    page = "docs/how-to/documentation.md"
    folder.run(blocks.blocks(page, (ROOT / page).read_text())[0], Command("make docs", ()))
    return ROOT / "build/site"


class Fetched(HTMLParser):
    """What a page makes a browser fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "img":
            self.images.append(given)
        if tag in FETCHING and given.get("rel") not in ("canonical", "next", "prev"):
            self.found.append(str(given.get(FETCHING[tag]) or ""))


def test_pages_fetch_nothing_from_elsewhere_and_name_their_pictures(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 60
    for page in pages:
        seen = Fetched(page.read_text())
        assert not [url for url in seen.found if re.match(r"(https?:)?//", url)], page
        assert all(image.get("alt") for image in seen.images), page
    styles = [path.read_text() for path in site.rglob("*.css")]
    assert not [one for one in styles if re.search(r"url\([\"']?(https?:)?//", one)]


def test_pictures_are_drawn(site: Path) -> None:
    for name in ("timelines", "frame", "figure-2", "lab", "topology-pair", "what-runs"):
        assert (site / f"img/{name}.svg").read_text().lstrip().startswith("<?xml")


def test_the_reference_has_every_command(site: Path) -> None:
    import typer

    from falcon_ctl.cli import app

    text = (site / "reference/cli/falcon_ctl.html").read_text()
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        assert f">falcon_ctl {name}<" in text


def test_the_published_schemas_take_our_own_files_and_refuse_others(site: Path) -> None:
    from topo.spec.sources import load
    from topo.spec.yaml_file import to_yaml

    topology = json.loads((site / "reference/schemas/topology.schema.json").read_text())
    valid = jsonschema.Draft202012Validator(topology).is_valid
    files = [*(ROOT / "tests/topo").glob("*.yaml"), ROOT / "tests/falcon_ctl/ring.yaml"]
    for text in (to_yaml(load("leafspine")), *(path.read_text() for path in files)):
        data = yaml.safe_load(text)
        assert valid(data), text
        assert not valid({**data, "speed": 1})
    sweep = json.loads((site / "reference/schemas/sweep.schema.json").read_text())
    valid = jsonschema.Draft202012Validator(sweep).is_valid
    for path in (ROOT / "labs/sweeps").glob("*.yaml"):
        data = yaml.safe_load(path.read_text())
        assert valid(data), path
        assert not valid({**data, "flows": [0]})
