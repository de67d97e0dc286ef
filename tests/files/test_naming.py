from __future__ import annotations

from pathlib import Path

import pytest

from napari_localdisc.files.naming import output_names, renamed


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a.png", "b.jpg"], ["a", "b"]),
        (["x/a.nii.gz"], ["a"]),
        (["x/a.png", "x/a.jpg"], ["a_png", "a_jpg"]),
        (["x/a.png", "y/a.png"], ["x_a", "y_a"]),
        (["x/a.png", "x/A.jpg"], ["a_png", "A_jpg"]),
        (["p/x/a.png", "q/x/a.png"], ["x_a", "x_a_png"]),
        (["x/overview.png"], ["x_overview"]),
        (["x/a.png", "x/a.jpg", "x/a_png.tif"], ["x_a_png", "a_jpg", "a_png"]),
    ],
)
def test_names_are_stems_unless_they_would_meet(files: list[str], names: list[str]):
    assert output_names([Path(file) for file in files]) == names


def test_names_never_meet_however_files_are_called():
    files = [Path(f"{a}/{b}/x.{c}") for a in "pq" for b in "xy" for c in ("png", "PNG", "jpg")]
    files += [Path("x_x.png"), Path("x_x_png.jpg"), Path("overview.tif"), Path("y/overview.png")]
    names = output_names(files)
    assert len({name.lower() for name in names} | {"overview"}) == len(files) + 1


def test_what_was_renamed_is_told():
    files = [Path("x/a.png"), Path("y/a.png"), Path("b.png")]
    notes = renamed(files, output_names(files))
    assert len(notes) == 2
    assert str(files[0]) in notes[0]
    assert "x_a" in notes[0]
