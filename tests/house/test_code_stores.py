"""Compiled code is loaded only when nobody else can have written it, and never lies in a checkout.

rxpath and v1switch have a copy each of one module, as neither imports the other.
"""

import hashlib
import logging
import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import rxpath.compile.store
import v1switch.engines.native.store
from tests.topo import unprivileged

STORES = [rxpath.compile.store, v1switch.engines.native.store]
CODE = b"machine code"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="files are given to another user")


@pytest.fixture(params=STORES, ids=["rxpath", "v1switch"])
def module(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir(mode=0o1777)
    own = SimpleNamespace(pw_dir=str(tmp_path / "own"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: own)
    found: ModuleType = request.param
    return found


def kept(module: ModuleType) -> Path:
    """Keep code under ``key``; return its file."""
    store = module.CodeStore("name")
    store.write("key", CODE)
    assert store.read("key") == CODE
    path: Path = store.folders[-1] / "key"
    return path


def test_both_are_the_same() -> None:
    here, there = (Path(str(module.__file__)).read_text() for module in STORES)
    assert here == there


def test_nothing_is_writable_by_others_even_with_umask_0(
    module: ModuleType, tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        path = kept(module)
    finally:
        os.umask(before)
    assert path == tmp_path / "home" / "cache" / "name" / "key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (path.parent, path.parents[1], path.parents[2]):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_numba_cache_dir_comes_first(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    assert kept(module) == tmp_path / "numba" / "name" / "key"


def test_a_folder_that_others_may_write_is_closed(module: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "cache" / "name"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    kept(module)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_code_that_others_may_have_written_is_not_loaded(module: ModuleType) -> None:
    path = kept(module)
    for mode in (0o620, 0o602):
        path.chmod(mode)
        assert module.CodeStore("name").read("key") is None
    path.chmod(0o600)
    assert module.CodeStore("name").read("key") == CODE


@needs_root
def test_someone_elses_code_is_not_loaded(module: ModuleType) -> None:
    path = kept(module)
    os.chown(path, unprivileged.NOBODY, unprivileged.NOBODY)
    assert module.CodeStore("name").read("key") is None
    assert kept(module).stat().st_uid == 0


@needs_root
def test_someone_elses_folder_is_left_alone(module: ModuleType, tmp_path: Path) -> None:
    folder = kept(module).parent
    os.chown(folder, unprivileged.NOBODY, unprivileged.NOBODY)
    (folder / "key").write_bytes(b"planted")
    path = kept(module)
    assert path.parent == folder.with_name("name-0")
    assert (folder / "key").read_bytes() == b"planted"


@needs_root
def test_root_makes_nothing_in_someone_elses_home(module: ModuleType, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    os.chown(home, unprivileged.NOBODY, unprivileged.NOBODY)
    assert kept(module) == tmp_path / "own" / ".cache" / "name" / "key"
    assert list(home.iterdir()) == []
    (home / "cache").mkdir()  # as another program does
    assert kept(module) == tmp_path / "own" / ".cache" / "name" / "key"
    assert list((home / "cache").iterdir()) == []


def test_damaged_code_is_not_loaded(module: ModuleType) -> None:
    path = kept(module)
    whole = path.read_bytes()
    for content in (whole[:-1], whole + b"x", b"", whole[:7], CODE, bytes(32) + CODE):
        path.write_bytes(content)
        assert module.CodeStore("name").read("key") is None
    path.write_bytes(hashlib.sha256(b"key\n" + CODE).digest() + CODE)
    assert module.CodeStore("name").read("key") == CODE


def test_code_of_another_key_is_not_loaded(module: ModuleType) -> None:
    path = kept(module)
    path.rename(path.with_name("another"))
    assert module.CodeStore("name").read("another") is None


def test_no_links_and_pipes_are_followed(module: ModuleType, tmp_path: Path) -> None:
    path = kept(module)
    target = tmp_path / "target"
    target.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(target)
    assert module.CodeStore("name").read("key") is None
    kept(module)  # in the link's place
    assert not path.is_symlink()
    path.unlink()
    os.mkfifo(path)
    assert module.CodeStore("name").read("key") is None


def test_a_folder_that_is_a_link_is_left_alone(module: ModuleType, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "home" / "cache").mkdir(parents=True)
    (tmp_path / "home" / "cache" / "name").symlink_to(elsewhere)
    assert kept(module).parent.name == f"name-{os.geteuid()}"
    assert list(elsewhere.iterdir()) == []


def test_without_a_place_one_line_says_so(
    module: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "TMPDIR"):
        monkeypatch.setenv(name, "/dev/null/folder")
    (tmp_path / "own").touch()
    store = module.CodeStore("name")
    with caplog.at_level(logging.WARNING):
        store.write("key", CODE)
        store.write("key", CODE)
    assert store.read("key") is None
    assert len(caplog.messages) == 1
    assert "each start compiles again" in caplog.messages[0]


def test_a_full_disk_costs_nothing_but_the_cache(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = kept(module)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    module.CodeStore("name").write("key", b"other")
    assert "No space left on device" in caplog.text
    assert [entry.name for entry in path.parent.iterdir()] == ["key"]
    assert module.CodeStore("name").read("key") == CODE


def test_the_least_recently_used_are_removed(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST", 2)
    store = module.CodeStore("name")
    for when, key in enumerate(("a", "b")):
        store.write(key, CODE)
        os.utime(store.folders[-1] / key, (when, when))
    assert store.read("a") == CODE
    store.write("c", CODE)
    assert {path.name for path in store.folders[-1].iterdir()} == {"a", "c"}


@needs_root
def test_what_root_left_behind_does_not_stop_the_user() -> None:
    """A folder of root's, unreadable, where an earlier sudo made it."""
    home = unprivileged.make_home()
    try:
        for name in ("falcon-testbed", "v1switch"):
            folder = home / ".cache" / name
            os.chown(folder, 0, 0)
            folder.chmod(0o700)
        code = (
            "from rxpath.compile.store import CodeStore; store = CodeStore('falcon-testbed');"
            "store.write('key', b'code'); print(store.read('key'), store.folders)"
        )
        done = subprocess.run(
            unprivileged.command([sys.executable, "-c", code], home),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        assert done.stdout.startswith("b'code' ")
        assert f"falcon-testbed-{unprivileged.NOBODY}" in done.stdout
    finally:
        subprocess.run(["rm", "-rf", home], check=True)
