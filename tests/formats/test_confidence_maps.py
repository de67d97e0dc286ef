from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.batch.outputs import check_output_folder, masks_layout
from napari_localdisc.formats.confidence_maps import write_confidence
from napari_localdisc.formats.images import read_image, write_mask

GREY = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30)
SURE = np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30)
STEP = 0.5 / 255 + 1e-6


def test_of_a_picture_one_is_white(tmp_path: Path):
    PIL.Image.fromarray(GREY).save(tmp_path / "a.png")
    written = write_confidence(SURE, tmp_path / "map", read_image(tmp_path / "a.png"))
    assert written == tmp_path / "map.png"
    np.testing.assert_allclose(np.asarray(PIL.Image.open(written)) / 255, SURE, atol=STEP)


def test_of_a_stack_there_are_as_many_pages(tmp_path: Path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([GREY, GREY.T.reshape(20, 30)]))
    sure = np.stack([SURE, SURE[::-1]])
    written = write_confidence(sure, tmp_path / "map", read_image(tmp_path / "a.tif"))
    np.testing.assert_allclose(tifffile.imread(written) / 255, sure, atol=STEP)


def test_of_nifti_it_lies_where_the_image_lies_and_reads_as_shares(tmp_path: Path):
    nibabel = pytest.importorskip("nibabel")
    affine = np.diag([0.5, -0.75, 2, 1])
    nibabel.save(nibabel.Nifti1Image(GREY[..., None], affine), tmp_path / "a.nii.gz")
    image = read_image(tmp_path / "a.nii.gz")
    shares = np.asarray(image.pixels) / 255
    written = nibabel.load(write_confidence(shares, tmp_path / "map", image))
    np.testing.assert_array_equal(written.affine, affine)
    np.testing.assert_allclose(written.get_fdata()[..., 0], GREY / 255, atol=STEP)


def test_of_dicom_it_is_a_segmentation_of_probabilities(tmp_path: Path):
    pydicom = pytest.importorskip("pydicom")
    pytest.importorskip("highdicom")
    dicoms = importlib.import_module("tests.corpus.dicoms")
    tags = dicoms.dataset(GREY)
    (tmp_path / "a.dcm").write_bytes(dicoms.content_of(tags))
    image = read_image(tmp_path / "a.dcm")
    mask = pydicom.dcmread(write_mask((GREY > 9).astype(np.uint8), tmp_path / "mask", image, True))
    written = pydicom.dcmread(write_confidence(SURE, tmp_path / "map", image))
    assert written.SegmentationType == "FRACTIONAL"
    assert written.SegmentationFractionalType == "PROBABILITY"
    assert written.StudyInstanceUID == tags.StudyInstanceUID
    assert written.SeriesInstanceUID != mask.SeriesInstanceUID
    scaled = written.pixel_array / written.MaximumFractionalValue
    np.testing.assert_allclose(scaled, SURE, atol=2 * STEP)


def test_of_a_series_it_is_one_segmentation_of_all_slices(tmp_path: Path):
    pydicom = pytest.importorskip("pydicom")
    pytest.importorskip("highdicom")
    series = importlib.import_module("tests.formats.test_dicom_series")
    image = read_image(series.write_series(tmp_path / "series"))
    sure = np.linspace(0, 1, np.prod(image.extent)).reshape(image.extent)
    written = pydicom.dcmread(write_confidence(sure, tmp_path / "map", image))
    scaled = written.pixel_array / written.MaximumFractionalValue
    sources = [
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for frame in written.PerFrameFunctionalGroupsSequence
    ]
    order = [sources.index(one.header.SOPInstanceUID) for one in image.geometry.slices]
    np.testing.assert_allclose(scaled[order], sure, atol=2 * STEP)


def test_of_another_size_than_the_image_it_is_refused(tmp_path: Path):
    PIL.Image.fromarray(GREY).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"\(20, 30\), got \(2, 2\)"):
        write_confidence(np.ones((2, 2)), tmp_path / "map", read_image(tmp_path / "a.png"))


def test_a_mask_and_a_map_in_the_same_place_are_refused(tmp_path: Path):
    files = [tmp_path / "in" / "a.png", tmp_path / "in" / "confidence" / "a.png"]
    names = ["a", "confidence/a"]
    with pytest.raises(LocaldiscError, match="rename the folder confidence of the images"):
        check_output_folder(tmp_path / "out", files, masks_layout(confidence=True), names=names)
