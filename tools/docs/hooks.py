"""Hooks of mkdocs: pages and pictures that come from the code, and links out of docs/.

Nothing is fetched: fonts are the reader's own, icons are of the package, pictures are drawn here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from tools.docs import pages, pictures

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("v1switch/README.md",)
LINK = re.compile(r"\]\((?P<target>\.\.?/[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
MERMAID = re.compile(r"```mermaid\n.*?```", re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put every page that the navigation does not name into its section."""
    nav = config.nav
    assert isinstance(nav, list)
    named = set(_pages(nav))
    for path in sorted(Path(config.docs_dir).rglob("*.md")):
        uri = path.relative_to(config.docs_dir).as_posix()
        if uri not in named:
            _section(nav, uri).append(uri)
    return config


def _pages(nav: Any) -> Iterator[str]:
    """The paths in a part of the navigation."""
    if isinstance(nav, str):
        yield nav
    else:
        for one in nav.values() if isinstance(nav, dict) else nav:
            yield from _pages(one)


def _section(nav: list[Any], uri: str) -> list[Any]:
    """Where a page belongs that is named nowhere."""
    sections = {name: found for one in nav for name, found in one.items()}
    if uri.startswith("how-to/"):
        return sections["How to"]
    explanation = sections["Explanation"]
    if uri.startswith("decisions/"):
        return next(one["Decisions"] for one in explanation if "Decisions" in one)
    return explanation


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is generated, and the sources that pages link to."""
    for uri, text in pages.texts().items():
        files.append(File.generated(config, uri, content=text))
    for uri, picture in pictures.drawn().items():
        files.append(File.generated(config, uri, content=picture))
    named = set(_pages(config.nav))
    for path in _sources(Path(config.docs_dir)):
        uri = f"source/{path.relative_to(ROOT)}"
        level = InclusionLevel.INCLUDED if uri in named else InclusionLevel.NOT_IN_NAV
        files.append(File.generated(config, uri, content=path.read_bytes(), inclusion=level))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turn links to files outside docs/ into links to their copies; draw what GitHub draws."""
    folder = posixpath.dirname(page.file.src_uri)

    def moved(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("docs", folder, found["target"]))
        if target.startswith("docs/"):
            return found[0]
        link = posixpath.relpath(f"source/{target}", folder or ".")
        return f"]({link}{found['anchor'] or ''})"

    if not page.file.src_uri.startswith("source/"):
        markdown = LINK.sub(moved, markdown)
    picture = posixpath.relpath("img/what-runs.svg", folder or ".")
    return MERMAID.sub(f"![What runs: the shell outside, the network inside]({picture})", markdown)


def _sources(docs: Path) -> list[Path]:
    """The files outside docs/ that a page links to, or that have a place in the navigation."""
    found = {ROOT / name for name in SOURCES}
    for page in docs.rglob("*.md"):
        links = (page.parent / link["target"] for link in LINK.finditer(page.read_text()))
        found |= {path.resolve() for path in links}
    return sorted(path for path in found if path.is_file() and not path.is_relative_to(docs))
