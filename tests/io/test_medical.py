from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_localdisc.core.errors import LocaldiscError
from napari_localdisc.io.images import read_image, write_mask

nibabel = pytest.importorskip("nibabel")
pydicom = pytest.importorskip("pydicom")

UPRIGHT = np.arange(20 * 30, dtype=np.int16).reshape(20, 30)


def _save_nifti(path: Path, stored: np.ndarray, affine: np.ndarray) -> Path:
    nibabel.save(nibabel.Nifti1Image(stored, affine), path)
    return path


def test_an_image_with_columns_to_the_left_and_rows_to_the_back_is_read_as_drawn(tmp_path: Path):
    path = _save_nifti(tmp_path / "a.nii.gz", UPRIGHT.T, np.diag([-0.5, -0.5, 1, 1]))
    np.testing.assert_array_equal(read_image(path).pixels, UPRIGHT)


def test_growing_to_the_right_and_front_is_turned_upright(tmp_path: Path):
    stored = UPRIGHT[::-1, ::-1].T[..., None]
    path = _save_nifti(tmp_path / "a.nii", stored, np.diag([0.5, 0.5, 1, 1]))
    np.testing.assert_array_equal(read_image(path).pixels, UPRIGHT)


DIRECTIONS = [
    np.eye(3)[list(order)] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


@pytest.mark.parametrize("flat", [0, 1, 2])
def test_a_mask_lies_where_its_image_lies(tmp_path: Path, flat: int):
    stored = np.expand_dims(UPRIGHT, flat)
    for direction in DIRECTIONS:
        affine = np.eye(4)
        affine[:3, :3] = direction * [0.5, 0.75, 2.0]
        affine[:3, 3] = (3, -4, 5)
        image = read_image(_save_nifti(tmp_path / "a.nii.gz", stored, affine))
        labels = (np.asarray(image.pixels) % 3).astype(np.uint8)
        mask = nibabel.load(write_mask(labels, tmp_path / "mask", image, True))
        np.testing.assert_array_equal(mask.affine, affine)
        np.testing.assert_array_equal(np.asarray(mask.dataobj), stored % 3)
        assert mask.get_data_dtype() == np.uint8


def test_scaled_nifti_intensities_do_not_scale_the_mask(tmp_path: Path):
    source = nibabel.Nifti1Image(UPRIGHT, np.eye(4))
    source.header.set_slope_inter(0.1, -5)
    nibabel.save(source, tmp_path / "a.nii")
    image = read_image(tmp_path / "a.nii")
    written = write_mask(np.ones(image.pixels.shape, np.uint8), tmp_path / "m", image, True)
    assert written.name == "m.nii.gz"
    assert np.unique(np.asarray(nibabel.load(written).dataobj)).tolist() == [1]


def test_a_volume_is_refused(tmp_path: Path):
    path = _save_nifti(tmp_path / "a.nii", np.zeros((20, 20, 4), np.uint8), np.eye(4))
    with pytest.raises(LocaldiscError, match=r"shape \(20, 20, 4\).*one grey 2D image"):
        read_image(path)


def test_a_damaged_nifti_file_is_named(tmp_path: Path):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(LocaldiscError, match=r"a\.nii\.gz is not a readable NIfTI"):
        read_image(path)


@pytest.fixture
def dicom_file(tmp_path: Path) -> Path:
    tags = pydicom.Dataset()
    tags.file_meta = pydicom.dataset.FileMetaDataset()
    tags.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    tags.SOPClassUID = pydicom.uid.DigitalXRayImageStorageForPresentation
    tags.SOPInstanceUID = pydicom.uid.generate_uid()
    tags.StudyInstanceUID = pydicom.uid.generate_uid()
    tags.SeriesInstanceUID = pydicom.uid.generate_uid()
    tags.PatientID = "phantom"
    tags.PixelSpacing = [0.25, 0.5]
    tags.WindowCenter, tags.WindowWidth = 300, 600
    tags.set_pixel_data(UPRIGHT.astype(np.uint16), "MONOCHROME1", 12)
    path = tmp_path / "a.dcm"
    pydicom.dcmwrite(path, tags, enforce_file_format=True)
    return path


def test_dark_for_bright_dicom_is_inverted(dicom_file: Path):
    pixels = np.asarray(read_image(dicom_file).pixels)
    assert pixels.shape == UPRIGHT.shape
    assert pixels[0, 0] == pixels.max()
    assert pixels[-1, -1] == pixels.min()


def test_a_dicom_mask_belongs_to_the_same_study_and_place(dicom_file: Path, tmp_path: Path):
    image = read_image(dicom_file)
    labels = (UPRIGHT % 3).astype(np.uint8)
    source = pydicom.dcmread(dicom_file)
    mask = pydicom.dcmread(write_mask(labels, tmp_path / "out" / "a", image, False))
    np.testing.assert_array_equal(mask.pixel_array, labels)
    assert mask.PhotometricInterpretation == "MONOCHROME2"
    for same in ("StudyInstanceUID", "PatientID", "PixelSpacing"):
        assert mask[same].value == source[same].value
    assert mask.SOPInstanceUID != source.SOPInstanceUID
    assert "WindowCenter" not in mask


def test_a_damaged_dicom_file_is_named(tmp_path: Path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(LocaldiscError, match=r"a\.dcm is not a DICOM image"):
        read_image(path)


@pytest.mark.parametrize(("name", "library"), [("a.nii", "nibabel"), ("a.dcm", "pydicom")])
def test_without_its_library_the_install_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, library: str
):
    (tmp_path / name).write_bytes(b"x")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(LocaldiscError, match=r"pip install 'napari-localdisc\[medical\]'"):
        read_image(tmp_path / name)
