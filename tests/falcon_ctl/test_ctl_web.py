"""The bundles of falcon_ctl/web are of the committed sources; no npm is needed to say so."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from falcon_ctl import web
from falcon_ctl.errors import UsageError

WEB = web.BUNDLES.parent
ALWAYS = {"build.mjs", "package.json", "package-lock.json"}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"


def pages(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("src/*/main.js"))


def complaints(folder: Path) -> list[str]:
    """What is wrong with the bundles of a copy of falcon_ctl/web."""
    lock = json.loads((folder / "package-lock.json").read_text())["packages"]
    found, known = [], set()
    for page in pages(folder):
        path = folder / "bundles" / f"{page}.json"
        if not path.is_file():
            found.append(f"{page} was not built")
            continue
        manifest = json.loads(path.read_text())
        known |= {path.name, *manifest["bundles"]}
        if not {*ALWAYS, f"src/{page}/main.js"} <= set(manifest["sources"]):
            found.append(f"{page}: its manifest leaves sources out")
        named = dict(manifest["sources"])
        named |= {f"bundles/{name}": digest for name, digest in manifest["bundles"].items()}
        found += [f"{name} differs" for name, one in named.items() if sha256(folder / name) != one]
        licences = folder / "bundles" / f"{page}.LICENSES.txt"
        for name, version in manifest["packages"].items():
            if lock[f"node_modules/{name}"]["version"] != version:
                found.append(f"{name} {version} is not the lock file's")
            if f"{name} {version} (" not in licences.read_text():
                found.append(f"{name}: no licence")
    strangers = {path.name for path in (folder / "bundles").iterdir()} - known
    return found + [f"{name} is no page's" for name in sorted(strangers)]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    return shutil.copytree(WEB, tmp_path / "web", ignore=ignored)


def test_bundles_are_of_these_sources() -> None:
    assert complaints(WEB) == [], "run `npm ci && npm run build` in falcon_ctl/web"


def test_what_was_not_built_is_noticed(copy: Path) -> None:
    assert complaints(copy) == []
    page = pages(copy)[0]
    for name in (f"src/{page}/main.js", "build.mjs", f"bundles/{page}.js"):
        before = (copy / name).read_bytes()
        (copy / name).write_bytes(before + b"\n")
        assert complaints(copy) == [f"{name} differs"] * (
            len(pages(copy)) if name == "build.mjs" else 1
        )
        (copy / name).write_bytes(before)
    (copy / "bundles" / "other.js").touch()
    assert complaints(copy) == ["other.js is no page's"]


def test_the_lock_file_names_no_registry_and_pins_contents() -> None:
    packages = json.loads((WEB / "package-lock.json").read_text())["packages"]
    ours = packages.pop("")
    assert set(ours["dependencies"]) <= {name.removeprefix("node_modules/") for name in packages}
    assert all("integrity" in one and "resolved" not in one for one in packages.values())


def test_a_missing_bundle_is_one_clear_line() -> None:
    with pytest.raises(
        UsageError, match=r"nothing.js: No such file.* expected a bundle that `npm ci"
    ):
        web.bundle("nothing.js")
