from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.masks import read_mask


def _save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    PIL.Image.fromarray(pixels.astype(np.uint8)).save(path, **options)
    return path


@pytest.fixture
def inside() -> np.ndarray:
    rows, columns = np.mgrid[:64, :64]
    return (rows - 30) ** 2 + (columns - 34) ** 2 < 300


@pytest.mark.parametrize("value", [1, 255, 200])
def test_any_foreground_value_marks_a_binary_mask(tmp_path: Path, inside: np.ndarray, value: int):
    mask = read_mask(_save(tmp_path / "a.png", inside * value))
    np.testing.assert_array_equal(mask, inside)


def test_colour_and_jpeg_masks_are_read(tmp_path: Path, inside: np.ndarray):
    white = np.repeat(inside[..., None] * 255, 3, axis=-1)
    jpeg = read_mask(_save(tmp_path / "a.jpg", white, quality=80))
    assert (jpeg == inside).mean() > 0.99
    np.testing.assert_array_equal(read_mask(_save(tmp_path / "a.png", white)), inside)


def test_labels_keep_their_numbers_even_when_some_are_absent(tmp_path: Path, inside: np.ndarray):
    labels = inside * 2
    np.testing.assert_array_equal(read_mask(_save(tmp_path / "a.png", labels)), labels)


def test_all_or_nothing(tmp_path: Path):
    assert read_mask(_save(tmp_path / "full.png", np.full((20, 20), 255))).all()
    assert not read_mask(_save(tmp_path / "none.png", np.zeros((20, 20)))).any()


def test_a_photograph_is_no_mask(tmp_path: Path):
    ramp = np.tile(np.arange(256), (20, 1))
    with pytest.raises(LocaldiscError, match=r"a\.png does not look like a mask"):
        read_mask(_save(tmp_path / "a.png", ramp))
