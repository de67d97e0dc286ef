from __future__ import annotations

from pathlib import Path

import pytest

from napari_localdisc.files.pairs import match_names, match_places


def _match(files: list[str], partners: list[str]) -> dict[str, str]:
    matched = match_names([Path(f) for f in files], [Path(p) for p in partners])
    return {file.name: partner.name for file, partner in matched.items()}


@pytest.mark.parametrize(
    ("files", "partners"),
    [
        (["01_test.png", "02_test.png"], ["01_manual1.gif", "02_manual1.gif"]),
        (["01_test.png", "11_test.png"], ["01_test_mask.gif", "11_test_mask.gif"]),
        (["CHNCXR_0001_0.png", "CHNCXR_0002_1.png"], ["CHNCXR_0001_0.jpg", "CHNCXR_0002_1.jpg"]),
        (["IDRiD_05.png", "IDRiD_06.png"], ["IDRiD_05_EX.tif", "IDRiD_06_EX.tif"]),
        (["Image_01L.png", "Image_01R.png"], ["Image_01L_1stHO.png", "Image_01R_1stHO.png"]),
        (["a.nii.gz", "b.nii.gz"], ["A.nii", "B.nii"]),
        (["scan_dcm.dcm", "scan_png.png"], ["scan.dcm", "scan.png"]),
        (["scan.dcm", "scan.png"], ["scan_dcm.png", "scan_png.png"]),
        (["scan.dcm.png", "scan.png"], ["scan.dcm", "scan.png"]),
        (["scan.png", "scan.tif"], ["scan.png", "scan.tif"]),
        (["x_a.png", "y_a.png"], ["x/a.png", "y/a.png"]),
        (["only.png"], ["whatever.png"]),
    ],
)
def test_published_names_find_each_other(files: list[str], partners: list[str]):
    names = [Path(partner).name for partner in partners]
    assert _match(files, partners) == dict(zip(files, names, strict=True))


def test_order_does_not_matter():
    expected = {"2_a.png": "2_b.png", "1_a.png": "1_b.png"}
    assert _match(["2_a.png", "1_a.png"], ["1_b.png", "2_b.png"]) == expected


def test_what_has_no_partner_is_left_out():
    assert _match(["01_x.png", "02_x.png"], ["02_y.png", "03_y.png"]) == {"02_x.png": "02_y.png"}


def test_between_two_of_one_name_nothing_is_guessed():
    assert _match(["a.nii.gz", "b.png"], ["a.png", "a.tif", "b.tif"]) == {"b.png": "b.tif"}


def test_an_exact_name_is_not_given_away():
    matched = _match(["5.png", "5_b.png"], ["5_c.png", "5.png"])
    assert matched["5.png"] == "5.png"


def test_sub_folders_come_before_names():
    files = [Path(name) for name in ("a/1.png", "b/1.png", "c/2.png", "d/3.png")]
    masks = [Path(name) for name in ("a/1.gif", "b/1.gif", "2.gif", "e/4.gif")]
    assert match_places(files, masks, (Path(), Path())) == {
        Path("a/1.png"): Path("a/1.gif"),
        Path("b/1.png"): Path("b/1.gif"),
        Path("c/2.png"): Path("2.gif"),
    }
    one, other = Path("x/1.png"), Path("y/2.png")
    assert match_places([one], [other], (one, Path("y"))) == {one: other}
