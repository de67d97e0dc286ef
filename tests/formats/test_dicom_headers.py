"""Headers as hospitals have them: none costs the mask, and none of their secrets goes along."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.images import Image, read_image, write_mask
from napari_localdisc.formats.masks import read_mask
from tests.corpus.dicoms import content_of, dataset
from tests.formats.test_dicom_series import write_series

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")
"""Of odd headers as they are made."""

PIXELS = (np.arange(20 * 30, dtype=np.uint16) * 4).reshape(20, 30)
LABELS = (PIXELS > 800).astype(np.uint8)
FRAMES = np.stack([PIXELS, PIXELS[::-1], PIXELS[:, ::-1]])
PLACE = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "FrameOfReferenceUID": "1.2.3.4", "SliceThickness": 2.5,
    "ImagePositionPatient": [-10.0, 5.0, 30.0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
}  # fmt: skip
_STORAGE = "1.2.840.10008.5.1.4.1.1"

Change = Callable[[Any], None]


def _image(
    folder: Path, change: Change | None = None, pixels: np.ndarray = PIXELS, **tags
) -> Image:
    data = dataset(pixels, bits=16, **tags)
    if change:
        change(data)
    path = folder / "a.dcm"
    path.write_bytes(content_of(data))
    return read_image(path)


def _mask(image: Image, labels: np.ndarray = LABELS, targets: tuple[str, ...] = ()) -> Any:
    path = write_mask(labels, image.path.with_name("mask"), image, False, targets)
    np.testing.assert_array_equal(read_mask(path, may_be_stack=True), labels)
    return path


def _without(*names: str) -> Change:
    def change(data: Any) -> None:
        for name in names:
            del data[name]

    return change


def _raw(name: str, kind: str, content: bytes, charset: str = "") -> Change:
    """Put bytes into a tag, whatever its rules say."""

    def change(data: Any) -> None:
        if charset:
            data.SpecificCharacterSet = charset
        tag = pydicom.tag.Tag(name)
        data._dict[tag] = pydicom.dataelem.RawDataElement(
            tag, kind, len(content), content, 0, False, True
        )

    return change


def _emptied(*names: str) -> Change:
    def change(data: Any) -> None:
        for name in names:
            setattr(data, name, None)

    return change


PLACED = {f"placed, {name}": (change, PLACE) for name, change in {
    "whole": None,
    "no thickness": _without("SliceThickness"),
    "no spacing": _without("PixelSpacing"),
    "no position": _without("ImagePositionPatient"),
    "empty position": _emptied("ImagePositionPatient"),
    "empty orientation": _emptied("ImageOrientationPatient"),
    "empty spacing and thickness": _emptied("PixelSpacing", "SliceThickness"),
    "no frame of reference": _without("FrameOfReferenceUID"),
    "orientation of zeros": lambda data: setattr(data, "ImageOrientationPatient", [0] * 6),
    "position of two": _raw("ImagePositionPatient", "DS", b"1\\2 "),
    "spacing that is no number": _raw("PixelSpacing", "DS", b"a\\b "),
}.items()}  # fmt: skip

HEADERS: dict[str, tuple[Change | None, dict[str, Any]]] = {
    **{f"sex {sex}": (None, {"PatientSex": sex}) for sex in ("N/A", "U", "male", "W")},
    **{f"character set {charset}": (None, {"SpecificCharacterSet": charset}) for charset in (
        "ISO 2022 IR 6", "ISO_IR 6", "ISO_IR 100", "ISO IR 100", "ISO-IR 100", "ISO 2022-IR 100", "UTF-8", "latin1",
        "ISO_IR 999", "GB18030", ["", "ISO 2022 IR 87"], ["ISO 2022 IR 13", "ISO 2022 IR 87"], ["", "nonsense"],
    )},
    "japanese": (_raw("PatientName", "PN", b"Yamada=\x1b$B;3ED\x1b(B "), {"SpecificCharacterSet": ["", "ISO 2022 IR 87"]}),
    "bytes of an unknown set": (_raw("PatientName", "PN", b"M\xfcller "), {"SpecificCharacterSet": "ISO_IR 999"}),
    "empty rescale": (_emptied("RescaleSlope", "RescaleIntercept"), {}),
    "rescale that is no number": (_raw("RescaleSlope", "DS", b"one "), {"RescaleIntercept": 0}),
    "slope alone": (None, {"RescaleSlope": 2}),
    "no numbers": (_without("SeriesNumber", "InstanceNumber"), {}),
    "no patient": (_without("PatientID", "PatientName", "PatientSex", "PatientBirthDate"), {}),
    "no instance": (_without("SOPInstanceUID"), {}),
    "no representation": (_without("PixelRepresentation"), {}),
    "no photometric interpretation": (_without("PhotometricInterpretation"), {}),
    "frames that are no number": (_raw("NumberOfFrames", "IS", b"1A"), {}),
    "no frames": (None, {"NumberOfFrames": 0}),
    "modality of no list": (None, {"Modality": "ct, thorax"}),
    "modality as long as can be": (None, {"Modality": "CTCTCTCTCTCTCTCT"}),
    "no modality": (_without("Modality"), {}),
    "bad times": (None, {"StudyTime": "noon", "StudyDate": "2020-01-01"}),
    **{f"one frame of {name}": (None, {"SOPClassUID": uid, "NumberOfFrames": 1}) for name, uid in {
        "OP 8 bit": f"{_STORAGE}.77.1.5.1", "OP 16 bit": f"{_STORAGE}.77.1.5.2", "OCT": f"{_STORAGE}.77.1.5.4",
        "US": f"{_STORAGE}.6.1", "US multi-frame": f"{_STORAGE}.3.1", "XA": f"{_STORAGE}.12.1", "RF": f"{_STORAGE}.12.2",
        "NM": f"{_STORAGE}.20", "capture of bytes": f"{_STORAGE}.7.2", "capture of words": f"{_STORAGE}.7.3",
        "capture in colour": f"{_STORAGE}.7.4", "enhanced CT": f"{_STORAGE}.2.1", "no known class": "1.2.3.4.5",
    }.items()},
    **PLACED,
}  # fmt: skip


@pytest.mark.parametrize(("change", "tags"), HEADERS.values(), ids=HEADERS.keys())
def test_no_header_costs_the_mask(tmp_path: Path, change: Change | None, tags: dict[str, Any]):
    image = _image(tmp_path, change, **tags)
    path = _mask(image, targets=("lungs",))
    mask = highdicom.seg.segread(path)
    np.testing.assert_array_equal(mask.pixel_array, LABELS)
    source = pydicom.dcmread(image.path)
    (reference,) = mask.SourceImageSequence
    assert reference.ReferencedSOPClassUID == source.SOPClassUID
    if "SOPInstanceUID" in source:
        assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID


def test_a_name_in_any_character_set_is_the_same_name_in_the_mask(tmp_path: Path):
    change, tags = HEADERS["japanese"]
    mask = pydicom.dcmread(_mask(_image(tmp_path, change, **tags)))
    assert mask.SpecificCharacterSet == "ISO_IR 192"
    assert str(mask.PatientName) == "Yamada=山田"


@pytest.mark.parametrize(
    ("tags", "change", "says"),
    [
        ({"PatientSex": "N/A"}, None, "PatientSex"),
        ({"StudyDate": "2020-01-01"}, None, "StudyDate"),
        (PLACE, _without("SliceThickness"), "no slice thickness.*SliceThickness"),
        (PLACE, _without("PixelSpacing"), "no place in the patient.*lacks PixelSpacing"),
        (PLACE, _emptied("ImageOrientationPatient"), "lacks ImageOrientationPatient"),
        ({}, _without("PixelRepresentation"), "lacks a valid PixelRepresentation"),
    ],
)
def test_what_was_missing_is_told(tmp_path: Path, tags: dict[str, Any], change: Any, says: str):
    (note,) = _image(tmp_path, change, **tags).geometry.notes
    assert re.search(says, note)


def test_good_headers_have_no_notes(tmp_path: Path):
    assert _image(tmp_path).geometry.notes == ()
    assert _image(tmp_path, **PLACE).geometry.notes == ()


def test_without_a_whole_place_the_mask_has_none(tmp_path: Path):
    mask = pydicom.dcmread(_mask(_image(tmp_path, _without("PixelSpacing"), **PLACE)))
    assert "FrameOfReferenceUID" not in mask
    text = str(mask)
    assert "Plane Position" not in text
    assert "Pixel Measures" not in text


def _secrets(data: Any) -> None:
    data.PatientComments = data.ImageComments = data.OperatorsName = "SECRET"
    data.PatientAddress = data.InstitutionAddress = data.PerformingPhysicianName = "SECRET"
    data.OtherPatientIDs = data.RequestingPhysician = data.StudyDescription = "SECRET"
    data.add_new(0x60000010, "US", 20)
    data.add_new(0x60003000, "OW", b"SECRET" * 20)
    block = data.private_block(0x0029, "SECRET MAKER", create=True)
    block.add_new(0x01, "LO", "SECRET")
    icon = pydicom.Dataset()
    icon.PixelData = b"SECRET" * 20
    icon["PixelData"].VR = "OB"
    data.IconImageSequence = [icon]


@pytest.mark.parametrize("pixels", [PIXELS, FRAMES])
def test_nothing_but_the_white_list_goes_along(tmp_path: Path, pixels: np.ndarray):
    image = _image(tmp_path, _secrets, pixels)
    labels = (pixels > 800).astype(np.uint8)
    path = _mask(image, labels)
    assert b"SECRET" not in path.read_bytes()
    mask, source = pydicom.dcmread(path), pydicom.dcmread(image.path)
    assert (mask.PatientID, mask.StudyInstanceUID) == (source.PatientID, source.StudyInstanceUID)
    assert mask.SeriesInstanceUID != source.SeriesInstanceUID
    assert mask.SeriesNumber == 1001
    assert mask.Modality == ("SEG" if pixels.ndim == 2 else "OT")
    assert mask.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert "mask made by napari-localdisc" in mask.DerivationDescription


def test_nothing_else_of_a_series_goes_along(tmp_path: Path):
    image = read_image(write_series(tmp_path / "ct", change=lambda _, data: _secrets(data)))
    labels = (np.asarray(image.pixels[..., 0]) > 400).astype(np.uint8)
    path = write_mask(labels, tmp_path / "mask", image, False)
    assert b"SECRET" not in path.read_bytes()


def test_known_structures_are_coded_and_others_have_their_name(tmp_path: Path):
    names = ("lungs", "heart", "optic_disc", "cup", "vessels", "fovea", "left thumb")
    labels = (PIXELS // 8 % 8).astype(np.uint8)
    mask = highdicom.seg.segread(_mask(_image(tmp_path), labels, names))
    kinds = [segment.segmented_property_type for segment in mask.SegmentSequence]
    assert [kind.value for kind in kinds] == [
        "39607008", "80891009", "81016008", "91723000", "59820001", "67046006", "91723000",
    ]  # fmt: skip
    assert {kind.scheme_designator for kind in kinds} == {"SCT"}
    regions = [segment.get("AnatomicRegionSequence") for segment in mask.SegmentSequence]
    assert [one[0].CodeValue if one else "" for one in regions] == [
        "", "", "", "81016008", "5665001", "", "",
    ]  # fmt: skip
    assert [segment.SegmentLabel for segment in mask.SegmentSequence] == list(names)
    colours = {tuple(one.RecommendedDisplayCIELabValue) for one in mask.SegmentSequence}
    assert len(colours) == len(names)


def _enhanced(data: Any) -> None:
    """Rescale, window and place in groups, another intercept for each frame."""
    data.SOPClassUID, data.FrameOfReferenceUID = f"{_STORAGE}.2.1", "1.2.3.4"
    del data.PixelSpacing
    frames = []
    for index in range(len(FRAMES)):
        scale, position, direction, measures, frame = (pydicom.Dataset() for _ in range(5))
        scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = 2, -1024 - index, "HU"
        position.ImagePositionPatient = [0, 0, 3 * index]
        direction.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        measures.PixelSpacing, measures.SliceThickness = [0.5, 0.25], 3
        frame.PixelValueTransformationSequence = [scale]
        frame.PlanePositionSequence, frame.PlaneOrientationSequence = [position], [direction]
        frame.PixelMeasuresSequence = [measures]
        frames.append(frame)
    data.PerFrameFunctionalGroupsSequence = frames
    data.SharedFunctionalGroupsSequence = [pydicom.Dataset()]


def test_each_frame_of_an_enhanced_object_has_its_own_rescale(tmp_path: Path):
    image = _image(tmp_path, _enhanced, FRAMES)
    offsets = np.array([-1024, -1025, -1026])[:, None, None]
    np.testing.assert_array_equal(image.pixels[..., 0], FRAMES * 2.0 + offsets)


def test_a_mask_of_an_enhanced_object_holds_labels_in_place_and_no_rescale(tmp_path: Path):
    labels = (FRAMES > 800).astype(np.uint8)
    path = _mask(_image(tmp_path, _enhanced, FRAMES), labels)
    read = highdicom.imread(path)
    np.testing.assert_array_equal(
        np.stack([read.get_frame(number + 1) for number in range(3)]), labels
    )
    mask = pydicom.dcmread(path)
    assert "RescaleIntercept" not in str(mask)
    for index, frame in enumerate(mask.PerFrameFunctionalGroupsSequence):
        assert frame.PlanePositionSequence[0].ImagePositionPatient == [0, 0, 3 * index]
        assert frame.PixelMeasuresSequence[0].PixelSpacing == [0.5, 0.25]


def test_windows_of_a_frame_are_its_own(tmp_path: Path):
    def change(data: Any) -> None:
        _enhanced(data)
        for index, frame in enumerate(data.PerFrameFunctionalGroupsSequence):
            window = pydicom.Dataset()
            window.WindowCenter, window.WindowWidth = [1000 + index * 100, 9e5], [1000, 9]
            frame.FrameVOILUTSequence = [window]

    pixels = _image(tmp_path, change, FRAMES).pixels[..., 0]
    white = [FRAMES[index][shown == shown.max()].min() for index, shown in enumerate(pixels)]
    assert np.diff(np.array(white) * 2.0).tolist() == pytest.approx([100, 100], abs=8)


@pytest.mark.parametrize(
    ("centre", "width"), [(0, 1), (-5000, 100), (60000, 200), (2399, 2), (1e9, 1e3)]
)
def test_a_window_that_shows_nothing_is_not_used_and_told(tmp_path: Path, centre, width):
    image = _image(tmp_path, WindowCenter=centre, WindowWidth=width)
    np.testing.assert_array_equal(image.pixels, PIXELS)
    (note,) = image.geometry.notes
    assert f"WindowCenter {centre:g}, WindowWidth {width:g}" in note
    assert "from 0 to 2396" in note


def test_the_next_window_is_tried(tmp_path: Path):
    image = _image(tmp_path, WindowCenter=[-5000, 1200], WindowWidth=[10, 2400])
    assert image.geometry.notes == ()
    assert len(np.unique(image.pixels)) > 500


def test_narrow_windows_and_pictures_in_black_and_white_stay_as_they_are(tmp_path: Path):
    narrow = _image(tmp_path, WindowCenter=1200, WindowWidth=100)
    assert len(np.unique(narrow.pixels)) < 40
    two = (PIXELS > 800).astype(np.uint16) * 1000
    white = _image(tmp_path, pixels=two, WindowCenter=500, WindowWidth=100)
    assert white.geometry.notes == narrow.geometry.notes == ()


def _implicit(data: Any) -> bytes:
    memory = pydicom.filebase.DicomBytesIO()
    memory.is_implicit_VR, memory.is_little_endian = True, True
    pydicom.filewriter.write_dataset(memory, data)
    return memory.getvalue()


def _explicit(data: Any) -> bytes:
    whole = content_of(data)
    meta = 128 + 4 + 12 + int.from_bytes(whole[140:144], "little")
    return whole[meta:]


def _big_endian(data: Any) -> bytes:
    memory = pydicom.filebase.DicomBytesIO()
    memory.is_implicit_VR, memory.is_little_endian = False, False
    data.PixelData = PIXELS.astype(">u2").tobytes()
    pydicom.filewriter.write_dataset(memory, data)
    return memory.getvalue()


@pytest.mark.parametrize(
    "content",
    [_implicit, _explicit, _big_endian, lambda data: content_of(data)[132:]],
    ids=["implicit", "explicit", "big-endian", "meta"],
)
@pytest.mark.parametrize("name", ["a.dcm", "1.2.840.113619.7", "IM0001", "a.IMA"])
def test_dicom_without_its_beginning_is_read_whatever_its_name(tmp_path: Path, content, name):
    path = tmp_path / name
    path.write_bytes(content(dataset(PIXELS, bits=16)))
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, PIXELS)
    _mask(image)


def test_compressed_without_its_beginning_names_the_tag(tmp_path: Path):
    data = dataset(PIXELS, bits=16)
    data.compress(pydicom.uid.RLELossless, encoding_plugin="pydicom")
    (tmp_path / "a.dcm").write_bytes(_explicit(data))
    with pytest.raises(LocaldiscError, match="lacks the TransferSyntaxUID"):
        read_image(tmp_path / "a.dcm")


class TestSimpleITK:
    """What another library makes of the masks."""

    @pytest.fixture(autouse=True)
    def _library(self) -> None:
        self.itk = pytest.importorskip("SimpleITK")

    def test_a_slice_lies_where_its_image_lies(self, tmp_path: Path):
        image = _image(tmp_path, **PLACE)
        mask, source = (self.itk.ReadImage(str(path)) for path in (_mask(image), image.path))
        np.testing.assert_array_equal(self.itk.GetArrayFromImage(mask)[0] > 0, LABELS)
        assert mask.GetOrigin() == pytest.approx(source.GetOrigin())
        assert mask.GetSpacing()[:2] == pytest.approx(source.GetSpacing()[:2])
        assert mask.GetDirection() == pytest.approx(source.GetDirection())

    def test_a_slice_without_thickness(self, tmp_path: Path):
        image = _image(tmp_path, _without("SliceThickness"), **PLACE)
        mask = self.itk.ReadImage(str(_mask(image)))
        np.testing.assert_array_equal(self.itk.GetArrayFromImage(mask)[0] > 0, LABELS)
        assert mask.GetOrigin() == pytest.approx((-10, 5, 30))

    def test_a_series_lies_where_its_slices_lie(self, tmp_path: Path):
        image = read_image(write_series(tmp_path / "ct"))
        labels = (np.asarray(image.pixels[..., 0]) > 400).astype(np.uint8)
        path = write_mask(labels, tmp_path / "mask", image, False)
        mask = self.itk.ReadImage(str(path))
        assert mask.GetSpacing() == pytest.approx((0.5, 0.25, 2.5))
        planes = self.itk.GetArrayFromImage(mask) > 0
        for index, source in enumerate(image.geometry.slices):
            place = source.places[0].position
            *corner, plane = mask.TransformPhysicalPointToIndex(place)
            assert corner == [0, 0]
            np.testing.assert_array_equal(planes[plane], labels[index] > 0)

    def test_frames_hold_labels(self, tmp_path: Path):
        labels = (FRAMES > 800).astype(np.uint8)
        mask = self.itk.ReadImage(str(_mask(_image(tmp_path, _enhanced, FRAMES), labels)))
        np.testing.assert_array_equal(self.itk.GetArrayFromImage(mask), labels)
