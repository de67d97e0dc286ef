from __future__ import annotations

import gzip
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.images import find_images, mask_suffix, read_image, write_mask
from napari_localdisc.formats.masks import read_mask
from tests.corpus.dicoms import content_of, dataset

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


@pytest.mark.parametrize("thick", [0, 1, 2])
def test_a_volume_is_read_across_its_thickest_voxels_and_its_mask_lies_in_it(
    tmp_path: Path, thick: int
):
    stored = np.random.default_rng(0).integers(0, 3, (17, 18, 19), np.uint8)
    for direction in DIRECTIONS:
        sizes = np.ones(3)
        sizes[thick] = 3
        affine = np.eye(4)
        affine[:3, :3] = direction * sizes
        affine[:3, 3] = (3, -4, 5)
        path = _save_nifti(tmp_path / "a.nii", stored, affine)
        image = read_image(path)
        assert len(image.pixels) == stored.shape[thick]
        labels = np.ascontiguousarray(image.pixels[..., 0])
        mask = nibabel.load(write_mask(labels, tmp_path / "mask", image, True))
        np.testing.assert_array_equal(mask.affine, affine)
        np.testing.assert_array_equal(np.asarray(mask.dataobj), stored)


def test_of_equal_voxels_axial_planes_are_read_from_head_to_feet(tmp_path: Path):
    stored = np.zeros((20, 30, 4), np.uint8)
    stored[..., 3] = 9
    image = read_image(_save_nifti(tmp_path / "a.nii", stored, np.eye(4)))
    assert image.extent == (4, 30, 20)
    assert image.plane(0).max() == 9
    assert image.plane(1).max() == 0


def test_a_series_of_volumes_is_refused(tmp_path: Path):
    path = _save_nifti(tmp_path / "a.nii", np.zeros((20, 20, 4, 2), np.uint8), np.eye(4))
    with pytest.raises(LocaldiscError, match=r"shape \(20, 20, 4, 2\).*one grey image or volume"):
        read_image(path)


def test_what_a_nifti_header_tells_of_the_patient_stays_out_of_the_mask(tmp_path: Path):
    source = nibabel.Nifti1Image(UPRIGHT, np.eye(4))
    source.header["db_name"] = source.header["descrip"] = b"Doe^Jane"
    source.header.extensions.append(nibabel.nifti1.Nifti1Extension(6, b"Doe^Jane"))
    nibabel.save(source, tmp_path / "a.nii")
    image = read_image(tmp_path / "a.nii")
    written = write_mask(np.ones(image.extent, np.uint8), tmp_path / "m", image, True)
    assert b"Doe" not in gzip.decompress(written.read_bytes())


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


def test_a_dicom_mask_is_a_segmentation_of_the_same_study(dicom_file: Path, tmp_path: Path):
    image = read_image(dicom_file)
    labels = (UPRIGHT % 3).astype(np.uint8)
    source = pydicom.dcmread(dicom_file)
    written = write_mask(labels, tmp_path / "out" / "a", image, False, ("disc", "cup"))
    mask = pydicom.dcmread(written)
    assert mask.SOPClassUID == pydicom.uid.SegmentationStorage
    assert [segment.SegmentLabel for segment in mask.SegmentSequence] == ["disc", "cup"]
    np.testing.assert_array_equal(mask.pixel_array, np.stack([labels == 1, labels == 2]))
    for same in ("StudyInstanceUID", "PatientID"):
        assert mask[same].value == source[same].value
    for own in ("SOPInstanceUID", "SeriesInstanceUID"):
        assert mask[own].value != source[own].value
    spacing = mask.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    assert spacing == source.PixelSpacing
    np.testing.assert_array_equal(read_mask(written), labels)


def test_a_slice_keeps_its_place_and_orientation(tmp_path: Path):
    place, directions = [-10.5, 20.25, -30.0], [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]
    data = dataset(
        UPRIGHT.astype(np.uint16),
        bits=16,
        SOPClassUID=pydicom.uid.CTImageStorage,
        ImagePositionPatient=place,
        ImageOrientationPatient=directions,
        FrameOfReferenceUID="1.2.3.4",
        SliceThickness=2.5,
    )
    (tmp_path / "a.dcm").write_bytes(content_of(data))
    image = read_image(tmp_path / "a.dcm")
    written = write_mask((UPRIGHT > 99).astype(np.uint8), tmp_path / "m", image, True)
    mask = pydicom.dcmread(written)
    shared, frame = mask.SharedFunctionalGroupsSequence[0], mask.PerFrameFunctionalGroupsSequence[0]
    assert frame.PlanePositionSequence[0].ImagePositionPatient == place
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == directions
    assert shared.PixelMeasuresSequence[0].PixelSpacing == data.PixelSpacing
    assert mask.FrameOfReferenceUID == "1.2.3.4"
    np.testing.assert_array_equal(mask.pixel_array, UPRIGHT > 99)


def test_masks_of_a_series_are_one_series_and_a_mask_made_twice_is_one_mask(tmp_path: Path):
    masks = []
    for number, name in ((1, "a"), (2, "b"), (1, "c")):
        data = dataset(UPRIGHT.astype(np.uint8), SOPInstanceUID=f"1.2.3.{number}")
        (tmp_path / f"{name}.dcm").write_bytes(content_of(data))
        image = read_image(tmp_path / f"{name}.dcm")
        labels = (UPRIGHT > 99).astype(np.uint8)
        masks.append(pydicom.dcmread(write_mask(labels, tmp_path / f"{name}-mask", image, True)))
    assert len({mask.SeriesInstanceUID for mask in masks}) == 1
    assert masks[0].SOPInstanceUID == masks[2].SOPInstanceUID != masks[1].SOPInstanceUID


def test_a_folder_from_a_scanner_needs_no_endings(tmp_path: Path):
    (tmp_path / "IM0001").write_bytes(content_of(dataset(UPRIGHT.astype(np.uint8))))
    (tmp_path / "README").write_text("about the disc")
    assert find_images([tmp_path]) == [tmp_path / "IM0001"]
    assert mask_suffix(tmp_path / "IM0001") == ".dcm"


def test_what_is_said_of_a_damaged_dicom_file_does_not_tell_the_patient(tmp_path: Path):
    whole = content_of(dataset(UPRIGHT.astype(np.uint8)))
    path = tmp_path / "a.dcm"
    for end in range(140, len(whole) - 1, 41):
        path.write_bytes(whole[:end])
        with pytest.raises(LocaldiscError) as caught:
            read_image(path)
        assert not any(word in str(caught.value) for word in ("Doe", "4711", "1950"))


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
