"""What holds for files of any shape, type and place."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import nibabel
import numpy as np
import PIL.Image
import pydicom
import pytest
import tifffile
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.transform import Rotation

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.priors import CANVAS
from napari_localdisc.core.segmenter.segmenter import Segmenter
from napari_localdisc.formats.images import Image, read_image, write_mask
from napari_localdisc.formats.masks import MOST_LABELS, read_mask
from napari_localdisc.formats.orientation import as_stored, upright
from napari_localdisc.stores.priors import load_prior
from napari_localdisc.stores.segmenters import load_segmenter
from tests.corpus.dicoms import content_of, dataset

T = TypeVar("T")

some = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

SIDES = st.integers(16, 40)
PLANES = st.tuples(SIDES, SIDES)
NUMBERS = ("bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")


def _tried(call: Callable[[], T]) -> tuple[T | None, str]:
    """What comes back, or what is complained of."""
    try:
        return call(), ""
    except LocaldiscError as error:
        return None, str(error)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@st.composite
def labels(draw: st.DrawFn, shapes: st.SearchStrategy[tuple[int, ...]] = PLANES) -> np.ndarray:
    """Label maps of blocks."""
    shape = draw(shapes)
    seed, most = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, MOST_LABELS))
    return np.random.default_rng(seed).integers(0, most, shape, np.uint8, endpoint=True)


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Any turn, mirrored or not, any voxel size and place, as exact as NIfTI keeps them."""
    seed = draw(st.integers(0, 2**32 - 1))
    affine = np.eye(4)
    sizes = draw(arrays.arrays(np.float64, 3, elements=st.floats(0.05, 20)))
    mirror = draw(arrays.arrays(np.float64, 3, elements=st.sampled_from([-1.0, 1.0])))
    affine[:3, :3] = Rotation.random(random_state=seed % 2**31).as_matrix() * sizes * mirror
    affine[:3, 3] = draw(arrays.arrays(np.float64, 3, elements=st.floats(-500, 500)))
    return affine.astype(np.float32).astype(np.float64)


@some
@given(labels(), st.integers(1, 8))
def test_a_mask_of_a_picture_is_read_as_it_was_written(found: np.ndarray, orientation: int):
    with _folder() as folder:
        exif = PIL.Image.Exif()
        exif[0x0112] = orientation
        stored = np.ascontiguousarray(as_stored(found, orientation))
        PIL.Image.fromarray(stored).save(folder / "a.png", exif=exif)
        image = read_image(folder / "a.png")
        assert image.extent == found.shape
        written = write_mask(found, folder / "mask", image, scale_to_255=False)
        np.testing.assert_array_equal(read_mask(written), found)
        written = write_mask(found, folder / "mask", image, scale_to_255=True)
        np.testing.assert_array_equal(read_mask(written), found > 0)


@some
@given(labels(st.tuples(st.integers(2, 5), SIDES, SIDES)), st.integers(1, 8))
def test_a_mask_of_pages_is_read_as_it_was_written(found: np.ndarray, orientation: int):
    with _folder() as folder:
        stored = np.stack([as_stored(page, orientation) for page in found])
        tag = (274, 3, 1, orientation, True)
        tifffile.imwrite(folder / "a.tif", stored, photometric="minisblack", extratags=[tag])
        image = read_image(folder / "a.tif")
        np.testing.assert_array_equal(image.pixels[..., 0], found)
        written = write_mask(found, folder / "mask", image, scale_to_255=False)
        np.testing.assert_array_equal(read_mask(written, may_be_stack=True), found)


@some
@given(labels(st.tuples(SIDES, SIDES, st.integers(1, 20))), affines(), st.booleans())
def test_a_nifti_mask_lies_where_its_image_lies(
    stored: np.ndarray, affine: np.ndarray, is_new: bool
):
    kind = nibabel.Nifti2Image if is_new else nibabel.Nifti1Image
    with _folder() as folder:
        nibabel.save(kind(stored, affine), folder / "a.nii")
        image, complaint = _tried(lambda: read_image(folder / "a.nii"))
        assert image or "pixels; expected at least" in complaint  # across thick voxels
        assume(image)
        planes = np.ascontiguousarray(image.pixels[..., 0] if image.is_stack else image.pixels)
        written = write_mask(planes, folder / "mask", image, scale_to_255=False)
        mask = nibabel.load(written)
        np.testing.assert_array_equal(mask.affine, nibabel.load(folder / "a.nii").affine)
        np.testing.assert_array_equal(np.asarray(mask.dataobj), stored)
        np.testing.assert_array_equal(read_mask(written, may_be_stack=True), planes)


@some
@given(labels(), affines())
def test_a_dicom_mask_lies_where_its_image_lies(found: np.ndarray, affine: np.ndarray):
    turn = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    tags = {
        "SOPClassUID": pydicom.uid.MRImageStorage,
        "ImageOrientationPatient": [f"{number:.9f}" for number in turn[:, :2].T.ravel()],
        "ImagePositionPatient": [f"{number:.6f}" for number in affine[:3, 3]],
        "FrameOfReferenceUID": "1.2.3",
        "SliceThickness": "1",
    }
    with _folder() as folder:
        source = dataset(found, **tags)
        (folder / "a.dcm").write_bytes(content_of(source))
        image = read_image(folder / "a.dcm")
        written = write_mask(found, folder / "mask", image, scale_to_255=True)
        np.testing.assert_array_equal(read_mask(written), found)
        mask = pydicom.dcmread(written)
        frame = mask.PerFrameFunctionalGroupsSequence[0]
        shared = mask.SharedFunctionalGroupsSequence[0]
        place = frame.PlanePositionSequence[0].ImagePositionPatient
        turned = shared.PlaneOrientationSequence[0].ImageOrientationPatient
        np.testing.assert_allclose(place, source.ImagePositionPatient, atol=1e-5)
        np.testing.assert_allclose(turned, source.ImageOrientationPatient, atol=1e-8)


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.integers(1, 8))
def test_turning_upright_and_back_changes_nothing(pixels: np.ndarray, orientation: int):
    np.testing.assert_array_equal(as_stored(upright(pixels, orientation), orientation), pixels)


@pytest.fixture(scope="module")
def segmenter(segmenter_file: Path) -> Segmenter:
    return load_segmenter(segmenter_file)


@some
@given(
    st.sampled_from(NUMBERS).flatmap(
        lambda kind: arrays.arrays(
            np.dtype(kind),
            st.one_of(
                st.tuples(st.integers(1, 70), st.integers(1, 70)),
                st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3, 4])),
                st.tuples(st.integers(1, 3), SIDES, SIDES, st.sampled_from([1, 3])),
            ),
            fill=st.nothing() if kind == "bool" else None,
        )
    )
)
def test_a_mask_has_the_size_of_its_image(segmenter: Segmenter, pixels: np.ndarray):
    found, complaint = _tried(lambda: segmenter.segment(pixels))
    if found is None:
        assert "no finite pixel" in complaint
        assert not np.isfinite(pixels).any()
        return
    extent = pixels.shape[:3] if pixels.ndim == 4 else pixels.shape[:2]
    assert found.labels.shape == found.confidence.shape == extent
    assert found.labels.dtype == np.uint8
    assert found.labels.max(initial=0) <= len(segmenter.targets)
    assert np.isfinite(found.confidence).all()
    assert 0 <= found.score <= 1


@some
@given(labels(), st.sampled_from(NUMBERS), st.sampled_from([1, 100, 255, 60_000, -100, np.nan]))
def test_priors_of_any_type_are_boolean_masks_or_refused(
    found: np.ndarray, kind: str, foreground: float
):
    mask = found > MOST_LABELS // 2
    assume(mask.any() and not mask.all())
    limits = np.iinfo(kind) if np.dtype(kind).kind in "iu" else None
    fits = limits is None or (limits.min <= foreground <= limits.max)
    assume(fits)
    with _folder() as folder, np.errstate(invalid="ignore"):
        pixels = np.where(mask, foreground, 0).astype(kind)
        tifffile.imwrite(folder / "a.tif", pixels, photometric="minisblack")
        prior, complaint = _tried(lambda: load_prior(folder))
        if prior is None:
            assert str(folder) in complaint
            assert not np.isfinite(foreground)
            return
        if foreground > 0:
            np.testing.assert_array_equal(read_mask(folder / "a.tif") > 0, mask)
    assert prior.masks.dtype == bool
    assert prior.masks.shape == (1, 1, CANVAS, CANVAS)
    assert prior.masks.any()
    assert not prior.masks.all()


@some
@given(st.binary(max_size=600), st.sampled_from([".png", ".tif", ".nii.gz", ".dcm", ".jpg", ""]))
def test_noise_is_refused(content: bytes, ending: str):
    with _folder() as folder:
        path = folder / f"a{ending}"
        path.write_bytes(content)
        with pytest.raises(LocaldiscError) as caught:
            read_image(path)
        assert str(caught.value).isprintable()
        like = Image(np.zeros((20, 20), np.uint8), path)
        assert write_mask(np.zeros((20, 20), np.uint8), folder / "m", like, True).exists()
