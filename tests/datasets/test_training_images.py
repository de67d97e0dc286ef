from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.datasets.sample import read_sample
from napari_localdisc.datasets.training_images import TrainingReader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, shape in (("a", (90, 60)), ("b", (64, 200, 3)), ("small", (300, 31))):
        PIL.Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(tmp_path / f"{name}.png")
    shutil.copy(tmp_path / "a.png", tmp_path / "c.png")
    (tmp_path / "d.png").write_text("no image")
    tifffile.imwrite(tmp_path / "e.tif", rng.normal(size=(50, 50)).astype(np.float32))
    tifffile.imwrite(tmp_path / "f.tif", np.full((50, 50), np.nan, np.float32))
    (tmp_path / "g.png").symlink_to(tmp_path)
    return tmp_path


def test_what_is_of_use_is_read_and_the_rest_told(folder: Path):
    files = sorted(folder.iterdir())
    sample = drain(read_sample(files, read=TrainingReader(size=80, least=32)))
    assert [path.name for path in sample.paths] == ["a.png", "b.png", "e.tif"]
    assert [image.shape for image in sample.images] == [(80, 53), (26, 80, 3), (50, 50)]
    assert all(image.dtype == np.uint8 for image in sample.images)
    told = {Path(error.split()[0]).name: error for error in sample.errors}
    assert sorted(told) == ["c.png", "d.png", "f.tif", "g.png", "small.png"]
    assert f"same content as {folder / 'a.png'}" in told["c.png"]
    assert "not an image" in told["d.png"]
    assert "no finite pixel" in told["f.tif"]
    assert "cannot be read" in told["g.png"]
    assert "31 x 300 pixels, smaller than a crop of 32" in told["small.png"]


def test_an_image_that_was_too_small_is_no_original(folder: Path):
    reader = TrainingReader(size=80, least=70)
    for name in ("a.png", "c.png"):
        with pytest.raises(LocaldiscError, match="smaller than a crop"):
            reader(folder / name)
