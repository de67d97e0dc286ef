from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.datasets.sample import read_sample, shrink


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{index:02}.png" for index in range(12)]
    for index, path in enumerate(paths):
        picture = PIL.Image.new("L", (60, 40), index)
        picture.putpixel((59, 39), 255)
        picture.save(path)
    return paths


def test_all_files_are_read_in_order(files: list[Path]):
    sample = drain(read_sample(files))
    assert sample.paths == tuple(files)
    assert [int(image[0, 0]) for image in sample.images] == list(range(12))


def test_the_seed_decides_which(files: list[Path]):
    first, again, other = (drain(read_sample(files, 4, seed=seed)) for seed in (1, 1, 2))
    assert len(first.images) == 4
    assert list(first.paths) == sorted(first.paths)
    assert first.paths == again.paths != other.paths


def test_damaged_files_are_replaced_and_told(files: list[Path]):
    for path in files[::2]:
        path.write_text("no image")
    sample = drain(read_sample(files, 6))
    assert sample.paths == tuple(files[1::2])
    assert len(sample.errors) > 0
    assert all("not an image" in error for error in sample.errors)


def test_blank_files_are_replaced_and_told(files: list[Path]):
    for path in files[:11]:
        PIL.Image.new("RGB", (60, 40), (9, 50, 90)).save(path)
    sample = drain(read_sample(files, 2))
    assert sample.paths == (files[11],)
    assert len(sample.errors) == 11
    assert all("is blank" in error for error in sample.errors)


def test_progress_ends_at_the_number_read(files: list[Path]):
    events = []
    drain(read_sample(files, 5), events.append)
    assert [(event.done, event.total) for event in events] == [(n, 5) for n in range(1, 6)]


def test_nothing_to_read(files: list[Path]):
    for path in files:
        path.write_text("no image")
    with pytest.raises(LocaldiscError, match=r"none of 12 images.*00\.png"):
        drain(read_sample(files))


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((600, 300), np.uint8), ((300, 600, 3), np.uint8), ((400, 500), np.uint16)],
)
def test_shrinking_keeps_range_and_proportion(shape: tuple[int, ...], dtype: type):
    top = np.iinfo(dtype).max
    pixels = np.full(shape, top, dtype)
    pixels[: shape[0] // 2] = 0
    small = shrink(pixels, 100)
    assert max(small.shape[:2]) == 100
    assert small.shape[0] / small.shape[1] == pytest.approx(shape[0] / shape[1], abs=0.01)
    assert small[:10].max() == pytest.approx(0, abs=1)
    assert small[-10:].min() == pytest.approx(top, rel=1e-3)
    assert small.dtype in (np.uint8, np.float32)


def test_small_images_stay_as_they_are():
    pixels = np.zeros((30, 40), np.uint16)
    assert shrink(pixels, 64) is pixels
