from __future__ import annotations

import struct
from pathlib import Path

import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.batch.journal import Journal
from napari_localdisc.files.discovery import Choice
from napari_localdisc.files.fingerprint import Fingerprint
from napari_localdisc.files.naming import output_names


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Images in three layers of folders, and much else."""
    names = [
        "a.png", "b.JPG", "notes.txt", ".hidden.png", "left/a.png", "left/deep/c.nii.gz",
        "masks/a.png", ".cache/a.png", "right/a_left.png",
    ]  # fmt: skip
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "in"


def _names(files: list[Path], tree: Path) -> list[str]:
    return [file.relative_to(tree).as_posix() for file in files]


def test_a_folder_without_its_sub_folders(tree: Path):
    assert _names(Choice().find([tree]), tree) == ["a.png", "b.JPG"]


def test_a_folder_with_its_sub_folders(tree: Path):
    assert _names(Choice(recursive=True).find([tree]), tree) == [
        "a.png", "b.JPG", "left/a.png", "left/deep/c.nii.gz", "masks/a.png", "right/a_left.png",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("patterns", "exclude", "names"),
    [
        (["*.jpg"], [], ["b.JPG"]),
        (["*_left.*", "b*"], [], ["b.JPG", "right/a_left.png"]),
        (["left/*"], [], ["left/a.png", "left/deep/c.nii.gz"]),
        ([], ["masks", "*_left*", "B.*"], ["a.png", "left/a.png", "left/deep/c.nii.gz"]),
        (["*.png"], ["left", "masks/a.png"], ["a.png", "right/a_left.png"]),
    ],
)
def test_names_are_picked_by_patterns(tree: Path, patterns, exclude, names):
    choice = Choice(True, tuple(patterns), tuple(exclude))
    assert _names(choice.find([tree]), tree) == names


def test_a_file_that_is_named_needs_no_pattern(tree: Path):
    assert Choice(patterns=("*.gz",), exclude=("a*",)).find([tree / "a.png"]) == [tree / "a.png"]


def test_nothing_left_is_told(tree: Path):
    with pytest.raises(LocaldiscError, match=r"no image was chosen from .*--pattern"):
        Choice(True, ("*.bmp",)).find([tree])


def test_links_in_a_circle_are_harmless_and_each_folder_is_entered_once(tree: Path):
    (tree / "left" / "up").symlink_to(tree)
    (tree / "a-link").symlink_to(tree / "left" / "deep")
    (tree / "self").symlink_to(tree / "self")
    (tree / "self.png").symlink_to(tree / "self.png")
    (tree / "link.png").symlink_to(tree / "a.png")
    found = _names(Choice(True, exclude=("masks",)).find([tree]), tree)
    assert found == [
        "a.png", "b.JPG", "left/a.png", "left/deep/c.nii.gz", "link.png", "right/a_left.png",
        "self.png",
    ]  # fmt: skip


def test_an_image_that_a_link_leads_to_in_vain_is_missed(tree: Path):
    for name in ("gone.png", "left/gone.dcm", "gone", "gone.txt"):
        (tree / name).symlink_to(tree / "nowhere.png")
    found = _names(Choice(True, exclude=("masks",)).find([tree]), tree)
    assert [name for name in found if "gone" in name] == ["gone.png", "left/gone.dcm"]
    assert tree / "gone.png" in Choice().find([tree])


def test_folders_of_results_are_passed_over(tree: Path):
    with Journal(tree / "masks", {}) as journal:
        journal.guide({}, "", [])
    assert "masks/a.png" not in _names(Choice(recursive=True).find([tree]), tree)
    assert Choice(recursive=True).find([tree / "masks"]) == [tree / "masks" / "a.png"]


def test_what_is_no_image_is_counted(tree: Path):
    found = Choice().look([tree])
    assert (len(found.files), found.others) == (2, 1)
    assert found.note == "1 file is no image and passed over"
    (tree / "left" / "more.docx").touch()
    found = Choice(recursive=True).look([tree])
    assert found.note == "2 files are no images and passed over"
    assert Choice(recursive=True, exclude=("*.docx", "*.txt")).look([tree]).note == ""
    assert Choice().look([tree / "a.png"]).note == ""


def _object(path: Path, uid: str) -> None:
    """The beginning of a DICOM file of a class."""
    content = struct.pack("<2H2sH", 2, 2, b"UI", len(uid)) + uid.encode()
    path.write_bytes((bytes(128) + b"DICM" + content).ljust(400, b"\0"))


def test_dicom_is_found_by_its_content_and_what_shows_nothing_is_not(tmp_path: Path):
    storage = "1.2.840.10008.5.1.4.1.1"
    for number, kind in enumerate(("2", "7", "66.4", "481.2", "77.1.5.1", "12.1")):
        _object(tmp_path / f"CT.1.2.840.{number}", f"{storage}.{kind}")
    for number, kind in enumerate(("88.11", "104.1", "11.1", "481.3", "66", "9.1.1", "88.59")):
        _object(tmp_path / f"other{number}.dcm", f"{storage}.{kind}")
    _object(tmp_path / "DICOMDIR", "1.2.840.10008.1.3.10")
    (tmp_path / "README").write_text("about the disc")
    found = Choice().look([tmp_path])
    assert [file.name for file in found.files] == [f"CT.1.2.840.{number}" for number in range(6)]
    assert found.others == 9


def test_the_second_file_of_a_pair_is_neither_image_nor_passed_over(tmp_path: Path):
    for name in ("a.hdr", "a.img", "b.img", "C.HDR", "C.IMG"):
        (tmp_path / name).write_bytes(bytes(344) + b"ni1\0" + bytes(8))
    found = Choice().look([tmp_path])
    assert [file.name for file in found.files] == ["C.HDR", "a.hdr"]
    assert found.others == 1
    mark = Fingerprint.of(tmp_path / "a.hdr")
    (tmp_path / "a.img").write_bytes(b"other")
    assert mark.now(tmp_path / "a.hdr") is None


def test_an_unreadable_sub_folder_is_named(ordinary_user: Path):
    (ordinary_user / "in" / "locked").mkdir(parents=True)
    (ordinary_user / "in" / "a.png").touch()
    (ordinary_user / "in" / "locked").chmod(0)
    with pytest.raises(LocaldiscError, match=r"locked cannot be read .*--exclude"):
        Choice(recursive=True).find([ordinary_user / "in"])
    assert len(Choice(True, exclude=("locked",)).find([ordinary_user / "in"])) == 1


def test_results_keep_their_sub_folders(tree: Path):
    choice = Choice(recursive=True, exclude=("masks",))
    files = choice.find([tree])
    assert output_names(files, choice.kept_folders([tree])) == [
        "a", "b", "left/a", "left/deep/c", "right/a_left",
    ]  # fmt: skip


def test_folders_of_one_name_do_not_meet(tree: Path, tmp_path: Path):
    folders = [tree, tmp_path / "more", tmp_path / "other" / "more"]
    for folder in folders[1:]:
        (folder / "left").mkdir(parents=True)
        (folder / "left" / "a.png").touch()
    files = Choice(True, ("left/a.png",)).find(folders)
    names = output_names(files, folders)
    assert names == ["in/left/a", "more/left/left_a", "more/left/left_a_png"]
    assert output_names([tree / ".." / "x.png"], [tree]) == ["x"]
