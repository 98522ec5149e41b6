"""What a class hands in: archives of every kind, names of learning platforms, the odd."""

import io
import os
import struct
import tarfile
import zipfile
from datetime import datetime, timezone
from pathlib import Path

import pytest

from labs.errors import CallError
from labs.grading.submissions import archives, collect, names
from labs.work import hand_in
from labs.work.folder import State, Work
from tests.labs.lab import ADDER


def zipped(files: dict[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, target
    return found


def read(folder: Path, name: str, data: bytes) -> archives.Files:
    path = folder / name
    path.write_bytes(data)
    return archives.read_file(path)


def test_zip_in_zip_and_tar_in_zip_are_unpacked(tmp_path):
    inner = tarred((member("deep/adder.py"), b"x"), mode="w:gz")
    found = read(tmp_path, "a.zip", zipped({"one.zip": zipped({"choose.py": "y"}), "b.tgz": inner}))
    assert found.files == {"one.zip/choose.py": b"y", "b.tgz/deep/adder.py": b"x"}
    assert found.problems == []


def test_nesting_has_an_end(tmp_path):
    data = zipped({"adder.py": "x"})
    for _ in range(8):
        data = zipped({"again.zip": data})
    found = read(tmp_path, "a.zip", data)
    assert not found.files
    assert "archives in archives" in found.problems[0]


ZIP_SLIP = zipped({"../../adder.py": "x", "/etc/adder.py": "x", "C:\\adder.py": "x", "ok.py": "y"})
TAR_LINKS = tarred(
    (member("adder.py", tarfile.SYMTYPE, "/etc/passwd"), b""),
    (member("hard.py", tarfile.LNKTYPE, "adder.py"), b""),
    (member("pipe.py", tarfile.FIFOTYPE), b""),
    (member("../up.py"), b"x"),
    (member("ok.py"), b"y"),
)


OUTSIDE = {"slip.zip": (ZIP_SLIP, "leads outside"), "links.tar": (TAR_LINKS, "a link, left out")}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_leads_outside_is_left_out_and_the_rest_is_read(tmp_path, name):
    data, says = OUTSIDE[name]
    found = read(tmp_path, name, data)
    assert found.files == {"ok.py": b"y"}
    assert len(found.problems) >= 3
    assert any(says in problem for problem in found.problems)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]  # nothing was written


def test_symbolic_link_in_a_zip_is_left_out(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("adder.py")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    found = read(tmp_path, "a.zip", buffer.getvalue())
    assert not found.files
    assert found.problems == ["adder.py: a symbolic link, left out"]


def encrypted() -> bytes:
    data = bytearray(zipped({"adder.py": "x"}))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(signature) + at
        struct.pack_into("<H", data, place, struct.unpack_from("<H", data, place)[0] | 1)
    return bytes(data)


UNREADABLE = {
    "bomb.zip": (lambda: zipped({"adder.py": bytes(40_000_000)}), "more than 20 MB unpacked"),
    "many.zip": (lambda: zipped({f"{n}.py": "" for n in range(10_000)}), "more than 500 files"),
    "empty.zip": (lambda: b"", "an empty file"),
    "text.zip": (lambda: b"these are my answers", "not an archive"),
    "cut.zip": (lambda: zipped({"adder.py": "x" * 5000})[:60], "a broken archive"),
    "cut.tar.gz": (lambda: tarred((member("a.py"), b"x" * 5000), mode="w:gz")[:60], "a broken"),
    "a.rar": (lambda: b"Rar!\x1a\x07\x00rest", "not an archive that is read here"),
    "secret.zip": (encrypted, "encrypted, left out"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_archives_that_cannot_be_read_are_named(tmp_path, name):
    data, says = UNREADABLE[name]
    found = read(tmp_path, name, data())
    assert says in " ".join(found.problems), found.problems
    assert len(found.files) <= 500


def test_links_and_pipes_in_a_folder_are_left_out(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/adder.py").write_text("x")
    (tmp_path / "mine/passwd").symlink_to("/etc/passwd")
    (tmp_path / "mine/loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "mine/pipe.py")
    found = archives.read_folder(tmp_path / "mine")
    assert list(found.files) == ["adder.py"]
    assert sorted(found.problems) == [
        "loop: a symbolic link, left out",
        "passwd: a symbolic link, left out",
        "pipe.py: no regular file, left out",
    ]


@pytest.mark.parametrize(
    ("name", "who", "late", "file"),
    [
        ("smith_late_12345_submission.zip", "smith", True, "submission.zip"),
        ("smithjohn_LATE_4711_90210_adder.py", "smithjohn", True, "adder.py"),
        ("smithjohn_4711_90210_adder.py", "smithjohn", False, "adder.py"),
        ("John Smith_12345_assignsubmission_file_", "John Smith", False, ""),
        ("Lab 5_jsmith_attempt_2027-01-15-23-10-12_adder.py", "jsmith", False, "adder.py"),
        ("05-stage-hashing-ada.zip", "05-stage-hashing-ada", False, ""),
        ("\u202eevil\n.zip", "\ufffdevil\ufffd", False, ""),
        (".zip", ".zip", False, ""),
    ],
)
def test_names_of_learning_platforms(name, who, late, file):
    found = names.read(name)
    assert (found.who, found.late, found.file) == (who, late, file)


def test_time_in_a_platforms_name_is_the_one_that_counts():
    found = collect.submission("L_ada_attempt_2027-01-15-23-10-12.zip", archives.Files())
    assert found.time == datetime(2027, 1, 15, 23, 10, 12).astimezone()


SUBMISSION = 'lab = "01-adder"\nid = "ada"\n'


def test_class_of_every_kind_of_entry(tmp_path):
    made = zipped({"submission.toml": SUBMISSION, "adder.py": "x"})
    (tmp_path / "ada_late_12_34_work.zip").write_bytes(made)
    (tmp_path / "bob_12_34_adder.py").write_text("b")
    (tmp_path / "bob_12_35_choose.py").write_text("c")
    (tmp_path / "Eve X_99_assignsubmission_file_").mkdir()
    (tmp_path / "Eve X_99_assignsubmission_file_/work.zip").write_bytes(zipped({"w/adder.py": "e"}))
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / ".DS_Store").write_bytes(b"")
    found = {one.id: one for one in collect.of_class(tmp_path)}
    assert set(found) == {"ada", "bob", "Eve X", "link"}
    assert (found["ada"].lab, found["ada"].marked_late) == ("01-adder", True)
    assert found["ada"].files == {"adder.py": b"x"}
    assert found["bob"].files == {"adder.py": b"b", "choose.py": b"c"}
    assert found["Eve X"].files == {"adder.py": b"e"}
    assert found["link"].notes == ("a symbolic link, left out",)


def test_class_as_one_archive_is_the_same_as_its_folder(tmp_path):
    made = zipped({"submission.toml": SUBMISSION, "adder.py": "x"})
    (tmp_path / "folder/Ada_1_assignsubmission_file_").mkdir(parents=True)
    (tmp_path / "folder/Ada_1_assignsubmission_file_/a.zip").write_bytes(made)
    (tmp_path / "folder/bob_2_3_adder.py").write_text("b")
    (tmp_path / "all.zip").write_bytes(
        zipped({
            "download/Ada_1_assignsubmission_file_/a.zip": made,
            "download/bob_2_3_adder.py": "b",
            "__MACOSX/download/._bob": "x",
        })
    )  # fmt: skip
    of_folder = {one.id: one.files for one in collect.of_class(tmp_path / "folder")}
    assert of_folder == {one.id: one.files for one in collect.of_class(tmp_path / "all.zip")}
    assert of_folder == {"ada": {"adder.py": b"x"}, "bob": {"adder.py": b"b"}}


def test_latest_of_several_counts(tmp_path):
    for name, text, time in (("ada_1_2_a.zip", "old", 1e9), ("ada_1_3_a.zip", "new", 1.1e9)):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(zipfile.ZipInfo("adder.py"), text)  # of 1980, as `labs submit` has it
        (tmp_path / name).write_bytes(buffer.getvalue())
        os.utime(tmp_path / name, (time, time))
    (found,) = collect.latest_of_each(collect.of_class(tmp_path), ADDER.name)
    assert found.files == {"adder.py": b"new"}
    assert found.notes == ("handed in 2 times; not graded: ada_1_2_a.zip",)
    assert found.time is not None
    assert found.time.timestamp() == 1.1e9


def test_one_of_another_lab_counts_only_where_there_is_none_of_this_one():
    def made(source, lab, day):
        time = datetime(2026, 1, day, tzinfo=timezone.utc)
        return collect.Submission("ada", source, {"adder.py": b""}, lab, time)

    this, other = made("a.zip", ADDER.name, 1), made("b.zip", "02-other", 2)
    (found,) = collect.latest_of_each([this, other], ADDER.name)
    assert (found.source, found.notes) == (
        "a.zip", ("handed in 2 times; not graded: b.zip",),
    )  # fmt: skip
    assert collect.latest_of_each([this, other], "02-other")[0].source == "b.zip"
    assert collect.latest_of_each([this, other], "03-none")[0].source == "b.zip"
    assert (
        collect.latest_of_each([made("c.zip", "", 3), other, this], ADDER.name)[0].source == "c.zip"
    )


def test_what_was_changed_after_labs_submit_is_named(tmp_path):
    work = Work(ADDER, tmp_path, State(lab=ADDER.name, id="ada"))
    made = hand_in.packed(
        hand_in.about(work, {"adder.py": b"x", "choose.py": b"y"}), {"choose.py": b"y"}
    )
    files = read(tmp_path, "a.zip", made)
    files.files["adder.py"] = b"changed"
    found = collect.submission("a.zip", files)
    assert (found.id, found.lab, found.checks) == ("ada", ADDER.name, hand_in.version(ADDER))
    assert found.notes == ("adder.py was changed after `labs submit`",)
    assert set(found.files) == {"adder.py", "choose.py"}


def test_submission_toml_that_is_none_is_named():
    files = archives.Files({"submission.toml": b"lab = [", "adder.py": b"x"})
    found = collect.submission("ada.zip", files)
    assert found.id == "ada"
    assert found.notes[0].startswith("submission.toml: ")


ROSTERS = {
    "lines": "ada\nbob\n",
    "table": '"id","name"\n"ada","A"\nbob,B\n',
    "comments": "# c\nada;1\nbob\nada",
}


@pytest.mark.parametrize("text", ROSTERS.values(), ids=ROSTERS)
def test_roster_is_a_list_or_the_first_column_of_a_table(tmp_path, text):
    (tmp_path / "roster").write_text(text)
    assert collect.roster(tmp_path / "roster") == ["ada", "bob"]


def test_roster_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "roster").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CallError, match=r"--roster.*not UTF-8"):
        collect.roster(tmp_path / "roster")
