from __future__ import annotations

from pathlib import Path

import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.batch.journal import Journal
from napari_localdisc.batch.outputs import CLUSTERS, MASKS, check_output_file, check_output_folder


@pytest.fixture
def locked(ordinary_user: Path) -> Path:
    """A folder that may be read and not written."""
    folder = ordinary_user / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    return folder


def test_results_never_take_the_place_of_images(tmp_path: Path):
    with pytest.raises(LocaldiscError, match=r"holds the image a\.png"):
        check_output_folder(tmp_path / "x" / "..", [tmp_path / "a.png"])
    check_output_folder(tmp_path / "new", [tmp_path / "a.png"])


def test_a_folder_of_reference_masks_stays_as_it_is(tmp_path: Path):
    (tmp_path / "lungs").mkdir()
    for folder in ("lungs", "lungs/left"):
        with pytest.raises(LocaldiscError, match="belongs to the prior"):
            check_output_folder(tmp_path / folder, [], MASKS, str(tmp_path / "lungs"))
    check_output_folder(tmp_path / "lungs", [], MASKS, "vessels")


def test_what_is_in_the_way_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(LocaldiscError, match="file is a file"):
        check_output_folder(tmp_path / "file", [])
    with pytest.raises(LocaldiscError, match="is a folder"):
        check_output_file(tmp_path)
    for check in (lambda path: check_output_folder(path, []), check_output_file):
        with pytest.raises(LocaldiscError, match=r"file.new.deep cannot be written \(Not a dir"):
            check(tmp_path / "file" / "new" / "deep")


def test_a_locked_folder_is_refused_and_an_open_one_left_empty(locked: Path):
    for check in (lambda path: check_output_folder(path, []), check_output_file):
        with pytest.raises(LocaldiscError, match=r"locked.*Permission denied"):
            check(locked / "new" / "deep")
        check(locked.parent / "new" / "deep")
    with pytest.raises(LocaldiscError, match="locked"):
        check_output_folder(locked, [])
    assert list(locked.parent.iterdir()) == [locked]


def test_no_image_and_no_input_is_replaced_by_a_file(tmp_path: Path):
    for name in ("scan.png", "e.safetensors"):
        (tmp_path / name).touch()
    with pytest.raises(LocaldiscError, match=r"scan\.png would replace an image"):
        check_output_file(tmp_path / "scan.png")
    with pytest.raises(LocaldiscError, match="would replace an input"):
        check_output_file(tmp_path / "e.safetensors", [tmp_path / "." / "e.safetensors"])
    check_output_file(tmp_path / "e.safetensors")


@pytest.mark.parametrize(
    ("layout", "names"),
    [
        (MASKS, ["scan.png", "overview.png", "report.csv", "recipe.json"]),
        (CLUSTERS, ["scan_clusters.png", "scan_embedding.png", "clusters.csv"]),
    ],
)
def test_files_of_others_are_not_replaced(tmp_path: Path, layout, names: list[str]):
    for name in names:
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / name).write_text("mine")
        with pytest.raises(LocaldiscError, match=f"out.{name} would be replaced"):
            check_output_folder(tmp_path / "out", [tmp_path / "scan.jpg"], layout)
        (tmp_path / "out" / name).unlink()
    (tmp_path / "out" / "other.png").write_text("not in the way")
    check_output_folder(tmp_path / "out", [tmp_path / "scan.jpg"], layout)


@pytest.mark.parametrize("ending", [".dcm", ".nii"])
def test_masks_of_medical_files_are_looked_for_under_their_own_name(tmp_path: Path, ending: str):
    written = {".dcm": "scan.dcm", ".nii": "scan.nii.gz"}[ending]
    (tmp_path / written).touch()
    with pytest.raises(LocaldiscError, match="would be replaced"):
        check_output_folder(tmp_path, [Path("in") / f"scan{ending}"], MASKS)


def test_results_of_earlier_runs_are_replaced(tmp_path: Path):
    with Journal(tmp_path, {}) as journal:
        journal.begin([*MASKS.own, "a.png"])
        for name in ("a.png", "c.png", "overview.png", "recipe.json"):
            (tmp_path / name).touch()
        journal.guide({}, "", [])
    check_output_folder(tmp_path, [Path("in/a.jpg"), Path("in/b.jpg")], MASKS)
    with pytest.raises(LocaldiscError, match=r"c\.png would be replaced"):
        check_output_folder(tmp_path, [Path("in/c.jpg")], MASKS)


def test_results_in_sub_folders_do_not_go_among_images_either(tmp_path: Path):
    with pytest.raises(LocaldiscError, match=r"holds the image a\.png"):
        check_output_folder(tmp_path, [tmp_path / "x" / "a.png"], MASKS, names=["x/a"])
    check_output_folder(tmp_path, [tmp_path / "x" / "a.png"], MASKS, names=["a"])
