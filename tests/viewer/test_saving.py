from __future__ import annotations

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import tifffile
from napari.layers import Image, Labels

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.formats.images import read_image
from napari_localdisc.formats.masks import read_mask
from napari_localdisc.viewer.layers import METADATA_KEY, SEGMENTATION, all_planes, labels_layer
from napari_localdisc.viewer.saving import checksum, masks_of, save_masks
from tests.cases import case
from tests.formats.test_dicom_series import write_series

nibabel = pytest.importorskip("nibabel")


@pytest.fixture
def save(tmp_path):
    """Save a mask of an image that is in no file; returns its file, what was drawn, and notes."""

    def save(shape, **place):
        image = Image(np.zeros(shape), name="scan", **place)
        random = np.random.default_rng(0)
        planes = all_planes(image)
        found = [random.integers(0, 2, plane.shape, np.uint8) for plane in planes]
        recipe = {"kind": SEGMENTATION, "image": "scan", "targets": ["lungs"]}
        layer = labels_layer(planes, found, "scan lungs", recipe)
        saved = drain(save_masks(masks_of([layer]), tmp_path / "out"))
        return saved.paths[0], layer, saved.notes

    return save


def world_of(path, layer, pixel):
    """Where a pixel of a layer lies by the file, in napari's order and directions."""
    stored = nibabel.load(path)
    index = (*pixel[::-1], *[0] * (3 - len(pixel)))
    return -(stored.affine @ (*index, 1))[:3][: len(pixel)][::-1]


PLACES = {
    "scaled and shifted": {"scale": (0.5, 0.25), "translate": (7, 8)},
    "rotated": {"rotate": 30, "scale": (2, 2)},
    "sheared": {"shear": [0.3]},
    "by an affine": {"affine": [[0, 2, 5], [1, 0, -3], [0, 0, 1]]},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_an_image_in_no_file_has_a_mask_where_it_lies(save, place):
    path, layer, notes = save((20, 30), **place)
    assert (path.name, notes) == ("scan.nii.gz", ())
    for pixel in ((0, 0), (0, 29), (19, 0), (3, 4)):
        np.testing.assert_allclose(
            world_of(path, layer, pixel), layer.data_to_world(pixel), atol=1e-5
        )
    stored = np.asarray(nibabel.load(path).dataobj)
    np.testing.assert_array_equal(stored, layer.data.T)


def test_units_of_length_become_millimetres(save):
    stored = nibabel.load(save((20, 30), scale=(5, 2), units=("um", "mm"))[0])
    assert stored.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(stored.header.get_zooms()[:2], (2, 0.005), rtol=1e-5)


def test_a_volume_is_read_back_as_it_was_shown(save):
    path, layer, _ = save((4, 20, 30), scale=(3, 1, 1), units=("mm",) * 3)
    np.testing.assert_array_equal(read_image(path).pixels[..., 0], layer.data)
    np.testing.assert_allclose(
        world_of(path, layer, (2, 5, 6)), layer.data_to_world((2, 5, 6)), atol=1e-5
    )


def test_a_plain_picture_stays_a_picture(save):
    path, layer, notes = save((20, 30))
    assert (path.name, notes) == ("scan.tif", ())
    np.testing.assert_array_equal(tifffile.imread(path), layer.data)


def test_three_plain_planes_are_pages_and_no_colours(save):
    path, layer, _ = save((3, 20, 30))
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 3
    np.testing.assert_array_equal(read_image(path).pixels[..., 0], layer.data)


@pytest.mark.parametrize(
    ("shape", "place", "why"),
    [
        ((2, 3, 20, 30), {"scale": (1, 3, 1, 1)}, "has 4 axes and NIfTI places three"),
        ((3, 20, 30), {"scale": (2, 1, 1), "units": ("s", "mm", "mm")}, "in second, millimeter"),
        (
            (3, 20, 30),
            {"scale": (2, 1, 1), "units": ("s", "pixel", "pixel")},
            "in second, pixel, pixel",
        ),
    ],
)
def test_a_place_that_nifti_does_not_know_is_told(save, shape, place, why):
    path, layer, notes = save(shape, **place)
    assert path.name == "scan.tif"
    np.testing.assert_array_equal(tifffile.imread(path), layer.data)
    (note,) = notes
    assert note.startswith("The mask of scan is saved without its place: ")
    assert why in note


def test_other_labels_are_no_masks_to_save():
    layer = Labels(np.ones((4, 4), int), metadata={METADATA_KEY: {"kind": "drawing"}})
    with pytest.raises(LocaldiscError, match="no segmentation to save"):
        masks_of([layer])


@pytest.fixture
def saved_mask(tmp_path):
    """Find something in a layer of a file's pixels and save it; returns what the file shows."""

    def save(path, pixels, drawn):
        image = Image(pixels, name="a", rgb=pixels.shape[-1] == 3)
        recipe = {
            "kind": SEGMENTATION, "image": "a", "path": str(path), "targets": ["x"],
            "seen": checksum(image.data, image.rgb),
        }  # fmt: skip
        layer = labels_layer(all_planes(image), [drawn], "a x", recipe)
        return drain(save_masks(masks_of([layer]), tmp_path / "out"))

    return save


@pytest.mark.parametrize("heeds_the_tag", [False, True])
@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("side", [30, 20])
def test_a_mask_lies_on_what_was_seen(saved_mask, tmp_path, turn, heeds_the_tag, side):
    exif = PIL.Image.Exif()
    exif[0x0112] = turn
    stored = np.random.default_rng(0).integers(0, 255, (20, side, 3), np.uint8)
    PIL.Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    with PIL.Image.open(tmp_path / "a.png") as picture:
        shown = PIL.ImageOps.exif_transpose(picture) if heeds_the_tag else picture
        pixels = np.asarray(shown)
    drawn = (pixels[..., 0] > 100).astype(np.uint8)
    (path,) = saved_mask(tmp_path / "a.png", pixels, drawn).paths
    with PIL.Image.open(path) as mask:
        shown = PIL.ImageOps.exif_transpose(mask) if heeds_the_tag else mask
        np.testing.assert_array_equal(np.asarray(shown) > 0, drawn > 0)


def test_a_tiff_with_a_tag_alike(saved_mask, tmp_path):
    stored = np.random.default_rng(0).integers(0, 255, (20, 20), np.uint8)
    tag = (274, 3, 1, 3, True)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", extratags=[tag])
    drawn = (stored > 100).astype(np.uint8)
    (path,) = saved_mask(tmp_path / "a.tif", stored, drawn).paths
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(path)) > 0, drawn > 0)


def test_what_was_seen_neither_way_has_a_mask_of_its_own_and_a_note(saved_mask, tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = 3
    stored = np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8)
    PIL.Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    drawn = (stored[..., 0] > 100).astype(np.uint8)
    saved = saved_mask(tmp_path / "a.png", 255 - stored, drawn)
    np.testing.assert_array_equal(tifffile.imread(saved.paths[0]), drawn)
    assert "says that its picture is turned" in saved.notes[0]


def test_10_a_photograph_that_is_upside_down(saved_mask):
    path = case(10) / "e3.jpg"
    with PIL.Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    drawn = np.zeros(pixels.shape[:2], np.uint8)
    drawn[:9, :20] = 1
    (mask,) = saved_mask(path, pixels, drawn).paths
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(mask)) > 0, drawn > 0)


def test_a_mask_of_a_series_is_a_segmentation_of_it(saved_mask, tmp_path):
    folder = write_series(tmp_path / "ct")
    image = Image(np.asarray(read_image(folder).pixels)[..., 0], name="ct")
    recipe = {"kind": SEGMENTATION, "image": "ct", "path": str(folder), "targets": ["lungs"]}
    found = [(plane.pixels() > 400).astype(np.uint8) for plane in all_planes(image)]
    layer = labels_layer(all_planes(image), found, "ct lungs", recipe)
    (path,) = drain(save_masks(masks_of([layer]), tmp_path / "out")).paths
    np.testing.assert_array_equal(read_mask(path, may_be_stack=True), np.stack(found))
    mask = pytest.importorskip("pydicom").dcmread(path)
    assert [one.SegmentLabel for one in mask.SegmentSequence] == ["lungs"]


def test_a_label_that_was_painted_beside_the_one_target_is_kept(tmp_path):
    path = tmp_path / "film.png"
    PIL.Image.fromarray(np.zeros((20, 30), np.uint8)).save(path)
    drawn = np.zeros((20, 30), np.uint8)
    drawn[2:8, 3:9], drawn[10:15, 20:28] = 1, 2
    recipe = {"kind": SEGMENTATION, "image": "film", "path": str(path), "targets": ["lungs"]}
    layer = Labels(drawn, metadata={METADATA_KEY: recipe})
    (saved,) = drain(save_masks(masks_of([layer]), tmp_path / "out")).paths
    np.testing.assert_array_equal(read_mask(saved), drawn)
