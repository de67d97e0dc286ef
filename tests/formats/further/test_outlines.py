"""Outlines of parts, by shapely; masks that come back from COCO, by pycocotools."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from napari_localdisc.formats.further.coco import Annotated, write_coco
from napari_localdisc.formats.further.outlines import parts_of

shapely = pytest.importorskip("shapely")
coco = pytest.importorskip("pycocotools.coco")

SHAPE = (37, 52)


def _noise(seed: int, smooth: float, share: float) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(SHAPE), smooth)
    return noise > np.quantile(noise, share)


MASKS = {
    "noise": _noise(0, 0, 0.5),
    "dense noise": _noise(1, 0, 0.3),
    "blobs": _noise(2, 2, 0.6),
    "holes": _noise(3, 1.5, 0.3),
    "all": np.ones(SHAPE, bool),
    "none": np.zeros(SHAPE, bool),
    "board": np.indices(SHAPE).sum(axis=0) % 2 == 0,
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
def test_polygons_are_valid_and_cover_their_pixels_alone(mask: np.ndarray):
    found = np.zeros(SHAPE, bool)
    rows, columns = np.indices(SHAPE)
    for part in parts_of(mask):
        outer, *holes = part.rings()
        polygon = shapely.Polygon(outer, holes)
        assert polygon.is_valid, shapely.is_valid_reason(polygon)
        assert polygon.area == part.area
        assert polygon.exterior.is_ccw
        assert not any(ring.is_ccw for ring in polygon.interiors)
        inside = shapely.contains_xy(polygon, columns + 0.5, rows + 0.5)
        assert not (found & inside).any()
        found |= inside
    np.testing.assert_array_equal(found, mask)


def test_two_pixels_that_touch_at_a_corner_are_two_parts():
    parts = list(parts_of(np.eye(2, dtype=bool)))
    assert [part.rings() for part in parts] == [
        [[(1, 0), (1, 1), (0, 1), (0, 0), (1, 0)]],
        [[(2, 1), (2, 2), (1, 2), (1, 1), (2, 1)]],
    ]


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
def test_coco_gives_masks_back_pixel_by_pixel(tmp_path: Path, mask: np.ndarray):
    labels = mask.astype(np.uint8)
    labels[:, 30:] *= 2
    stack = np.stack([labels, labels[::-1]])
    path = tmp_path / "coco.json"
    masks = iter([Annotated("a.png", labels, 0.5), Annotated("b.nii", stack, None)])
    write_coco(masks, ("disc", "cup"), path)
    read = coco.COCO(str(path))
    assert {one["id"]: one["name"] for one in read.cats.values()} == {1: "disc", 2: "cup"}
    images = list(read.imgs.values())
    assert [(one["file_name"], one.get("plane")) for one in images] == [
        ("a.png", None), ("b.nii", 0), ("b.nii", 1)
    ]  # fmt: skip
    for image, wanted in zip(images, (labels, *stack), strict=True):
        found = np.zeros(SHAPE, np.uint8)
        for one in read.loadAnns(read.getAnnIds(image["id"])):
            pixels = read.annToMask(one)
            assert one["area"] == pixels.sum()
            assert one["bbox"] == list(coco.maskUtils.toBbox(read.annToRLE(one)))
            found += np.uint8(one["category_id"]) * pixels
        np.testing.assert_array_equal(found, wanted)


def test_coco_has_polygons_where_there_are_no_holes(tmp_path: Path):
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:9, 2:9] = labels[20:29, 20:29] = 1
    labels[4, 4] = 0
    write_coco(iter([Annotated("a.png", labels, None)]), ("a",), tmp_path / "a.json")
    ring, square = json.loads((tmp_path / "a.json").read_text())["annotations"]
    assert set(ring["segmentation"]) == {"size", "counts"}
    assert square["segmentation"] == [[29, 20, 29, 29, 20, 29, 20, 20]]
