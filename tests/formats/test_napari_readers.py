"""What only an installed napari reader knows."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from npe2 import DynamicPlugin

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.images import mask_suffix, read_image, write_mask
from napari_localdisc.formats.masks import read_mask

PIXELS = np.random.default_rng(0).integers(0, 255, (3, 20, 30), np.uint8)


@pytest.fixture
def reader():
    """A plugin that reads ``.odd`` files: numbers as NumPy saves them."""
    with DynamicPlugin(name="odd-reader") as plugin:

        @plugin.contribute.reader(filename_patterns=["*.odd"])
        def get_reader(path):
            def read(paths):
                with Path(path).open("rb") as file:
                    return [(np.load(file), {}, "image")]

            return read

        yield


def _save(path: Path, pixels: np.ndarray) -> Path:
    with path.open("wb") as file:
        np.save(file, pixels)
    return path


@pytest.mark.parametrize(
    ("pixels", "shape"),
    [
        (PIXELS[0], (20, 30)),
        (np.moveaxis(PIXELS, 0, -1), (20, 30, 3)),
        (PIXELS, (3, 20, 30, 1)),
        (np.stack([np.moveaxis(PIXELS, 0, -1)] * 2), (2, 20, 30, 3)),
    ],
)
def test_a_reader_that_takes_a_file_is_used(
    reader: None, tmp_path: Path, pixels: np.ndarray, shape: tuple[int, ...]
):
    image = read_image(_save(tmp_path / "a.odd", pixels))
    assert image.pixels.shape == shape
    np.testing.assert_array_equal(np.asarray(image.pixels).ravel(), pixels.ravel())
    mask = write_mask(np.zeros(image.extent, np.uint8), tmp_path / "a", image, True)
    assert mask.name == f"a{mask_suffix(tmp_path / 'a.odd')}" == "a.tif"
    assert not read_mask(mask, may_be_stack=True).any()


def test_without_a_reader_it_is_no_image(tmp_path: Path):
    with pytest.raises(LocaldiscError, match=r"a\.odd is not an image that can be read"):
        read_image(_save(tmp_path / "a.odd", PIXELS[0]))


def test_without_npe2_it_is_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "npe2", None)
    with pytest.raises(LocaldiscError, match=r"a\.odd is not an image that can be read"):
        read_image(_save(tmp_path / "a.odd", PIXELS[0]))


def test_a_reader_that_fails_is_one_line(reader: None, tmp_path: Path):
    (tmp_path / "a.odd").write_bytes(b"no numbers")
    with pytest.raises(LocaldiscError, match=r"a\.odd is damaged") as caught:
        read_image(tmp_path / "a.odd")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("pixels", [np.zeros(9), np.zeros((20, 20), complex), np.zeros((0, 20))])
def test_what_is_no_image_is_refused(reader: None, tmp_path: Path, pixels: np.ndarray):
    with pytest.raises(LocaldiscError, match="expected a grey or RGB image"):
        read_image(_save(tmp_path / "a.odd", pixels))
