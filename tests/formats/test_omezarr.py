"""OME-Zarr: what its metadata says, and a folder that is one image."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.files.discovery import Choice
from napari_localdisc.files.fingerprint import Fingerprint
from napari_localdisc.formats.images import image_stem, read_image
from napari_localdisc.formats.placed_masks import read_placed_mask
from tests.corpus import picture, stack
from tests.corpus.zarrs import write_omezarr

pytest.importorskip("zarr")
ngff_zarr = pytest.importorskip("ngff_zarr")


@pytest.mark.parametrize("version", [2, 3])
def test_the_finest_resolution_is_read_with_its_sizes(tmp_path: Path, version: int):
    path = write_omezarr(
        tmp_path / "a.ome.zarr", stack()[None], "czyx", version, [1, 3, 0.5, 0.25], "micrometer"
    )
    finest = ngff_zarr.from_ngff_zarr(str(path), validate=False).images[0]
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels[..., 0], stack())
    np.testing.assert_array_equal(image.pixels[..., 0], np.asarray(finest.data)[0])
    assert image.geometry.spacing == pytest.approx((0.003, 0.0005, 0.00025))


@pytest.mark.parametrize("unit", [None, "parsec"])
def test_without_a_known_unit_sizes_are_not_known(tmp_path: Path, unit: str | None):
    path = write_omezarr(tmp_path / "a.ome.zarr", picture(), "yx", scale=[0.5, 0.5], unit=unit)
    assert read_image(path).geometry.spacing is None


def test_a_label_map_is_a_mask_with_its_sizes(tmp_path: Path):
    labels = (picture() > 100).astype(np.uint8) * 3
    path = write_omezarr(tmp_path / "a.zarr", labels, "yx", scale=[2, 1], unit="millimeter")
    mask = read_placed_mask(path)
    np.testing.assert_array_equal(mask.labels, labels)
    assert mask.placement is not None
    assert mask.placement.spacing == (2, 1)


def test_chunks_that_are_not_stored_are_told_of(tmp_path: Path):
    path = write_omezarr(tmp_path / "a.zarr", picture(), "yx", levels=1)
    (path / "0" / "0.0").unlink()
    assert read_image(path).geometry.notes == ("1 chunk is not stored and read as empty",)


def test_a_folder_of_them_is_one_image_each(tmp_path: Path):
    first = write_omezarr(tmp_path / "b.ome.zarr", picture(), "yx")
    second = write_omezarr(tmp_path / "sub" / "c.zarr", picture(), "yx", 3)
    (tmp_path / "notes.txt").touch()
    found = Choice(volumes=True).look([tmp_path])
    assert (found.files, found.others) == ((first,), 1)
    assert Choice(recursive=True, volumes=True).find([tmp_path]) == [first, second]
    assert Choice(recursive=True, volumes=True).find([first]) == [first]
    assert [image_stem(first), image_stem(second)] == ["b", "c"]


def test_a_change_of_any_chunk_is_a_change_of_the_image(tmp_path: Path):
    path = write_omezarr(tmp_path / "a.zarr", picture(), "yx")
    mark = Fingerprint.of(path)
    assert mark.now(path, look_inside=True) is not None
    chunk = path / "0" / "1.1"
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"\0\0")
    assert mark.now(path) is None


def test_without_its_library_the_install_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write_omezarr(tmp_path / "a.zarr", picture(), "yx")
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(LocaldiscError, match=r"pip install 'napari-localdisc\[zarr\]'"):
        read_image(path)
