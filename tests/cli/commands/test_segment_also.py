"""Further outputs of segment, read by other libraries."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from napari_localdisc.api import segmenters
from napari_localdisc.base.atomic import remove
from napari_localdisc.formats.masks import read_mask
from napari_localdisc.reports.report import read_report
from tests.formats.test_dicom_series import write_series

nibabel = pytest.importorskip("nibabel")
shapely = pytest.importorskip("shapely")
coco = pytest.importorskip("pycocotools.coco")
ngff_zarr = pytest.importorskip("ngff_zarr")
itk = pytest.importorskip("SimpleITK")

ALL = ("--also", "coco,geojson,nifti,omezarr")


@pytest.fixture
def line(xray_files: list[Path], segmenter_file: Path, tmp_path: Path) -> list[object]:
    return ["segment", *xray_files, "--segmenter", segmenter_file, "-o", tmp_path / "out"]


def test_each_is_the_mask_by_another_library(command, line, xray_files, tmp_path: Path):
    told = command(*line, *ALL, "--confidence")
    assert told.code == 0, told.err
    also = tmp_path / "out" / "also"
    read = coco.COCO(str(also / "coco.json"))
    images = {one["file_name"]: one["id"] for one in read.imgs.values()}
    scores = {one.path.name: one.confidence for one in read_report(tmp_path / "out")}
    for path in xray_files:
        mask = read_mask(tmp_path / "out" / path.name)
        assert mask.any()
        stored = np.asarray(nibabel.load(also / "nifti" / f"{path.stem}.nii.gz").dataobj)
        np.testing.assert_array_equal(stored.reshape(stored.shape[:2]).T, mask)
        zarr = ngff_zarr.from_ngff_zarr(str(also / "omezarr" / f"{path.stem}.ome.zarr"))
        np.testing.assert_array_equal(np.asarray(zarr.images[0].data), mask)
        annotations = read.loadAnns(read.getAnnIds(images[path.name]))
        assert {one["score"] for one in annotations} == {round(scores[path.name], 4)}
        np.testing.assert_array_equal(sum(map(read.annToMask, annotations)), mask)
        _check_features(also / "geojson" / f"{path.stem}.geojson", mask)


def _check_features(path: Path, mask: np.ndarray) -> None:
    features = json.loads(path.read_text())["features"]
    rows, columns = np.indices(mask.shape)
    sure = read_mask_of_confidence(path.parents[2] / "confidence" / f"{path.stem}.png")
    found = np.zeros(mask.shape, bool)
    for feature in features:
        about, polygon = feature["properties"], shapely.geometry.shape(feature["geometry"])
        inside = shapely.contains_xy(polygon, columns + 0.5, rows + 0.5)
        assert (about["target"], about["area"]) == ("lungs", polygon.area)
        assert about["confidence"] == pytest.approx(sure[inside].mean(), abs=0.003)
        found |= inside
    np.testing.assert_array_equal(found, mask > 0)


def read_mask_of_confidence(path: Path) -> np.ndarray:
    import PIL.Image

    return np.asarray(PIL.Image.open(path)) / 255


def test_a_run_goes_on_where_one_is_missing(command, line, xray_files, tmp_path: Path):
    assert command(*line).code == 0
    assert "by an earlier run" not in command(*line, *ALL).out
    assert "3 by an earlier run" in command(*line, *ALL).out
    remove(tmp_path / "out" / "also" / "omezarr" / f"{xray_files[0].stem}.ome.zarr")
    assert "2 by an earlier run" in command(*line, *ALL).out
    assert (tmp_path / "out" / "also" / "omezarr" / f"{xray_files[0].stem}.ome.zarr").is_dir()


def test_what_no_run_wrote_is_not_replaced(command, line, xray_files, tmp_path: Path):
    for name in ("coco.json", f"geojson/{xray_files[0].stem}.geojson"):
        theirs = tmp_path / "out" / "also" / name
        theirs.parent.mkdir(parents=True, exist_ok=True)
        theirs.write_text("mine")
        told = command(*line, *ALL, "--overwrite")
        assert (told.code, name in told.err) == (2, True), told.err
        assert theirs.read_text() == "mine"
        theirs.unlink()


def test_a_failed_image_has_none_of_them(command, line, xray_files, tmp_path: Path):
    assert command(*line, *ALL).code == 0
    xray_files[1].write_bytes(b"torn")
    assert command(*line, *ALL).code == 1
    stems = {one.name.split(".")[0] for one in (tmp_path / "out" / "also" / "omezarr").iterdir()}
    assert stems == {xray_files[0].stem, xray_files[2].stem}


def test_evaluate_passes_them_over(command, line, tmp_path: Path):
    assert command(*line, *ALL).code == 0
    told = command("evaluate", tmp_path / "out", tmp_path / "out", "--json")
    assert (told.code, len(json.loads(told.out)["files"])) == (0, 3)


def test_workers_write_them_too(command, line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    told = command(*line[:-1], os.fspath(Path("out")), *ALL, "--workers", 1)
    assert told.code == 0, told.err
    assert len(list((tmp_path / "out" / "also" / "geojson").iterdir())) == 3


def test_one_that_is_not_there_is_named(command, line):
    told = command(*line, "--also", "coco,svg")
    assert told.code == 2
    assert "'svg'; choose from coco, geojson, nifti, omezarr" in told.err


def test_a_dicom_series_as_nifti_lies_where_it_lies(command, segmenter_file, tmp_path: Path):
    pytest.importorskip("highdicom")
    write_series(tmp_path / "ct")
    report = segmenters.segment_folder(
        tmp_path / "ct", tmp_path / "out", segmenter_file, also=("nifti",)
    )
    assert len(report.done) == 1
    found = itk.ReadImage(str(tmp_path / "out" / "also" / "nifti" / "ct.nii.gz"))
    reader = itk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "ct")))
    source = reader.Execute()
    assert found.GetSize() == source.GetSize()
    corners = [(0, 0, 0), (5, 0, 0), (0, 7, 0), (0, 0, 1)]
    for corner in corners:
        place = found.TransformIndexToPhysicalPoint(corner)
        assert place == pytest.approx(source.TransformIndexToPhysicalPoint(corner), abs=1e-3)
