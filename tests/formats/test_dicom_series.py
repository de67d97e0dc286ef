"""Folders of slices: one volume and one mask for each whole series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.batch.outputs import check_output_folder
from napari_localdisc.files.discovery import Choice
from napari_localdisc.formats.images import find_images, mask_suffix, read_image, write_mask
from napari_localdisc.formats.masks import read_mask
from napari_localdisc.stores.segmenters import load_segmenter
from napari_localdisc.tasks.segment import segment_files
from tests.corpus.dicoms import content_of, dataset

pydicom = pytest.importorskip("pydicom")

PLANES = np.random.default_rng(0).integers(0, 900, (5, 20, 30), np.uint16)
ORDER = (3, 0, 4, 1, 2)
"""In which the files of a series are named: not that in which they lie."""
LYING = [1.0, 0.0, 0.0, 0.0, 0.8, -0.6]

Change = Callable[[int, Any], None]


def write_series(
    folder: Path, uid: str = "1.2.3", planes: np.ndarray = PLANES, change: Change | None = None
) -> Path:
    """Write slices, 2.5 mm apart and tilted, in files whose names do not tell their order."""
    folder.mkdir(parents=True, exist_ok=True)
    across = np.cross(LYING[:3], LYING[3:])
    for name, index in enumerate(ORDER):
        data = dataset(
            planes[index],
            bits=16,
            SOPClassUID=pydicom.uid.CTImageStorage,
            Modality="CT",
            SeriesInstanceUID=uid,
            SOPInstanceUID=f"{uid}.{index}",
            FrameOfReferenceUID="1.2.3.4",
            ImagePositionPatient=[float(v) for v in (-40, 12, 7) + across * 2.5 * index],
            ImageOrientationPatient=LYING,
            SliceThickness=2.5,
        )
        if change:
            change(index, data)
        (folder / f"IM{name:04}").write_bytes(content_of(data))
    return folder


def _volumes(*paths: Path) -> list[Path]:
    return Choice(recursive=True, volumes=True).find(paths)


def test_slices_are_read_in_the_order_in_which_they_lie(tmp_path: Path):
    image = read_image(write_series(tmp_path / "ct"))
    assert image.is_stack
    np.testing.assert_array_equal(image.pixels[..., 0], PLANES)


def test_a_mask_is_one_segmentation_of_all_slices(tmp_path: Path):
    folder = write_series(tmp_path / "ct")
    image = read_image(folder)
    labels = (PLANES % 3).astype(np.uint8)
    labels[2] = 0
    path = write_mask(labels, tmp_path / "out" / "ct", image, False, ("disc", "cup"))
    assert path.name == f"ct{mask_suffix(folder)}" == "ct.dcm"
    np.testing.assert_array_equal(read_mask(path, may_be_stack=True), labels)
    mask = pydicom.dcmread(path)
    assert mask.SOPClassUID == pydicom.uid.SegmentationStorage
    assert [segment.SegmentLabel for segment in mask.SegmentSequence] == ["disc", "cup"]
    shared = mask.SharedFunctionalGroupsSequence[0]
    np.testing.assert_allclose(shared.PlaneOrientationSequence[0].ImageOrientationPatient, LYING)
    assert shared.PixelMeasuresSequence[0].PixelSpacing == [0.25, 0.5]
    slices = {
        str(data.SOPInstanceUID): data for data in map(pydicom.dcmread, find_images([folder]))
    }
    for frame, about in zip(mask.pixel_array, mask.PerFrameFunctionalGroupsSequence, strict=True):
        source = about.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        place = about.PlanePositionSequence[0].ImagePositionPatient
        np.testing.assert_allclose(place, slices[source].ImagePositionPatient)
        number = about.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        index = int(source.rsplit(".", 1)[1])
        np.testing.assert_array_equal(frame > 0, labels[index] == number)


def test_a_series_is_segmented_slice_by_slice_once(segmenter_file: Path, tmp_path: Path):
    folder, segmenter = write_series(tmp_path / "ct"), load_segmenter(segmenter_file)
    report = drain(segment_files([folder], segmenter, tmp_path / "out"))
    found = read_mask(report.done[0].output, may_be_stack=True)
    for plane, labels in zip(PLANES, found, strict=True):
        np.testing.assert_array_equal(segmenter.segment(plane).labels, labels)
    assert len(drain(segment_files([folder], segmenter, tmp_path / "out")).kept) == 1
    changed = pydicom.dcmread(folder / "IM0002")
    changed.PixelData = changed.PixelData[::-1]
    changed.save_as(folder / "IM0002")
    assert not drain(segment_files([folder], segmenter, tmp_path / "out")).kept


def test_what_is_a_volume(tmp_path: Path):
    one, other = write_series(tmp_path / "one"), write_series(tmp_path / "p" / "other", "1.2.4")
    (one / "README").write_text("about the disc")
    report = dataset(PLANES[0], bits=16, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
    for name in ("PixelData", "Rows", "Columns"):
        delattr(report, name)
    (one / "report.dcm").write_bytes(content_of(report))
    PIL.Image.fromarray(np.uint8(PLANES[0] % 256)).save(tmp_path / "a.png")
    assert _volumes(tmp_path) == [tmp_path / "a.png", one, other]
    assert _volumes(one, *find_images([other])) == [one, *find_images([other])]
    assert Choice(volumes=True).find([one]) == [one]
    assert Choice().find([one]) == find_images([one])


def _numbered(number: int) -> Change:
    def change(_: int, data: Any) -> None:
        data.SeriesNumber = number

    return change


def _two_series(folder: Path, numbers: tuple[int, int] = (3, 7)) -> Path:
    """Two volumes and a scout in one folder, as they come off a disc."""
    for uid, number in zip(("1.2.3", "1.2.4"), numbers, strict=True):
        planes = PLANES if uid == "1.2.3" else PLANES[::-1]
        write_series(folder / uid, uid, planes, _numbered(number))
        for file in sorted((folder / uid).iterdir()):
            file.rename(folder / f"{uid}-{file.name}")
        (folder / uid).rmdir()
    scout = dataset(PLANES[0], bits=16, SeriesInstanceUID="1.2.5", SOPInstanceUID="1.2.5.1")
    (folder / "scout").write_bytes(content_of(scout))
    return folder


def test_each_of_several_series_in_a_folder_is_a_volume(tmp_path: Path):
    folder = _two_series(tmp_path / "disc")
    found = Choice(volumes=True).find([folder])
    assert found == [folder / "series-3", folder / "series-7", folder / "scout"]
    for path, planes in ((found[0], PLANES), (found[1], PLANES[::-1])):
        image = read_image(path)
        np.testing.assert_array_equal(image.pixels[..., 0], planes)
        assert mask_suffix(path) == ".dcm"
    assert len(find_images(found)) == 11


def test_series_of_one_number_are_counted(tmp_path: Path):
    folder = _two_series(tmp_path / "disc", (1, 1))
    assert [path.name for path in _volumes(folder)] == ["series-1", "series-2", "scout"]


def test_several_series_are_segmented_and_kept_each_on_its_own(
    segmenter_file: Path, tmp_path: Path
):
    folder, segmenter = _two_series(tmp_path / "disc"), load_segmenter(segmenter_file)
    files = Choice(volumes=True).find([folder])
    report = drain(segment_files(files, segmenter, tmp_path / "out"))
    masks = [result.output.name for result in report.done]
    assert masks == ["series-3.dcm", "series-7.dcm", "scout.dcm"]
    changed = pydicom.dcmread(folder / "1.2.4-IM0002")
    changed.PixelData = changed.PixelData[::-1]
    changed.save_as(folder / "1.2.4-IM0002")
    kept = drain(segment_files(files, segmenter, tmp_path / "out")).kept
    assert [result.path.name for result in kept] == ["series-3", "scout"]


def test_a_series_that_is_not_there_is_told(tmp_path: Path):
    folder = _two_series(tmp_path / "disc")
    with pytest.raises(LocaldiscError, match="series-9 is not a file and holds no DICOM series"):
        read_image(folder / "series-9")


def test_what_is_chosen_from_a_series_is_no_volume(tmp_path: Path):
    folder = write_series(tmp_path / "ct")
    choice = Choice(volumes=True, exclude=("IM0000",))
    assert choice.find([folder]) == find_images([folder])[1:]


def test_a_folder_that_is_given_from_within_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = write_series(tmp_path / "ct")
    monkeypatch.chdir(folder)
    assert Choice(volumes=True).find([Path()]) == [folder]


def test_results_do_not_go_among_the_slices(tmp_path: Path):
    folder = write_series(tmp_path / "ct")
    with pytest.raises(LocaldiscError, match="name another folder"):
        check_output_folder(folder, [folder])
    check_output_folder(folder / "out", [folder])
    check_output_folder(tmp_path, [folder])


def _film(_: int, data: Any) -> None:
    del data.ImagePositionPatient


def _own_series(index: int, data: Any) -> None:
    data.SeriesInstanceUID = f"1.2.3.{index}"


def _frames(index: int, data: Any) -> None:
    if index == 1:
        data.set_pixel_data(np.stack([PLANES[1]] * 2), "MONOCHROME2", 16)


@pytest.mark.parametrize("change", [_film, _own_series, _frames])
def test_films_frames_and_mixed_folders_stay_single_files(tmp_path: Path, change: Change):
    folder = write_series(tmp_path / "dx", change=change)
    assert _volumes(folder) == find_images([folder])
    with pytest.raises(LocaldiscError, match="dx is not a file and holds no DICOM series"):
        read_image(folder)


def test_one_slice_is_a_single_file_and_so_is_one_among_pictures(tmp_path: Path):
    folder = write_series(tmp_path / "ct")
    for path in find_images([folder])[1:]:
        path.unlink()
    assert _volumes(folder) == [folder / "IM0000"]
    write_series(folder)
    PIL.Image.fromarray(np.uint8(PLANES[0] % 256)).save(folder / "a.png")
    assert _volumes(folder) == find_images([folder])


def _tagged(index: int, **tags: Any) -> Change:
    def change(number: int, data: Any) -> None:
        for name, value in tags.items() if number == index else ():
            setattr(data, name, value)

    return change


def _twice(index: int, data: Any) -> None:
    if index == 3:
        data.ImagePositionPatient = [-40.0, 12.0, 7.0]


def _smaller(index: int, data: Any) -> None:
    if index == 3:
        data.set_pixel_data(PLANES[3, :18], "MONOCHROME2", 16)


def _coloured(index: int, data: Any) -> None:
    if index == 3:
        data.set_pixel_data(np.zeros((20, 30, 3), np.uint8), "RGB", 8)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_twice, r"ct is no volume: IM0000 and IM0001 lie in the same place; name its files"),
        (_smaller, r"IM0001 and IM0000 differ in height; name its files one by one"),
        (_tagged(2, ImageOrientationPatient=[1, 0, 0, 0, 1, 0]), r"IM000\d differ in orientation"),
        (_tagged(2, PixelSpacing=[0.3, 0.5]), r"IM0001 and IM0004 differ in pixel spacing"),
        (_coloured, r"IM0000 is a slice in colour"),
    ],
)
def test_slices_that_make_no_volume_are_refused_in_a_line(
    tmp_path: Path, change: Change, says: str
):
    folder = write_series(tmp_path / "ct", change=change)
    assert _volumes(folder) == [folder]
    with pytest.raises(LocaldiscError, match=says):
        read_image(folder)


def test_a_missing_slice_is_told(tmp_path: Path):
    folder = write_series(tmp_path / "ct")
    (folder / "IM0004").unlink()
    with pytest.raises(
        LocaldiscError, match=r"IM0003 and IM0000 lie 5 mm apart, others 2\.5; add the slices"
    ):
        read_image(folder)


@pytest.mark.parametrize("end", [140, 500, -9])
def test_a_damaged_slice_is_named_and_nobody_else(tmp_path: Path, end: int):
    folder = write_series(tmp_path / "ct")
    path = folder / "IM0002"
    path.write_bytes(path.read_bytes()[:end])
    assert _volumes(folder) == [folder]
    with pytest.raises(LocaldiscError, match="IM0002 is") as caught:
        read_image(folder)
    assert not any(word in str(caught.value) for word in ("Doe", "4711", "1950"))


def test_slices_without_a_frame_of_reference(tmp_path: Path):
    def change(_: int, data: Any) -> None:
        del data.FrameOfReferenceUID

    image = read_image(write_series(tmp_path / "ct", change=change))
    labels = (PLANES > 450).astype(np.uint8)
    path = write_mask(labels, tmp_path / "ct-mask", image, True)
    np.testing.assert_array_equal(read_mask(path, may_be_stack=True), labels)
