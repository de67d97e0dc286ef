"""``evaluate`` on volumes and results of other folders, each in its place."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile

from napari_localdisc.formats.images import Image, read_image, write_mask
from tests.corpus.dicoms import content_of, dataset
from tests.formats.test_dicom_series import write_series

nibabel = pytest.importorskip("nibabel")

SPACING = (0.5, 0.8, 3.0)


def ball(centre=(20, 22, 4), radius=9.0) -> np.ndarray:
    """A ball in millimetres, stored (x, y, z)."""
    places = np.stack(np.meshgrid(np.arange(40), np.arange(36), np.arange(9), indexing="ij"), -1)
    apart = (places - np.array(centre)) * SPACING
    return (np.linalg.norm(apart, axis=-1) < radius).astype(np.uint8)


def save(path: Path, labels: np.ndarray, origin=(0.0, 0.0, 0.0), spacing=SPACING) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    nibabel.save(nibabel.Nifti1Image(labels, affine), path)
    return path


def scores(command, *arguments: object) -> list[dict]:
    result = command("evaluate", *arguments, "--json")
    assert result.code == 0, result.err
    return json.loads(result.out)["files"]


def test_distances_of_volumes_are_in_millimetres(command, tmp_path: Path):
    true = save(tmp_path / "true.nii.gz", ball())
    found = save(tmp_path / "found.nii.gz", np.roll(ball(), 1, axis=2))
    (row,) = scores(command, found, true, "--tolerance", 2.9)
    assert (row["unit"], row["size_unit"], row["difference"]) == ("mm", "ml", 0)
    assert row["hd95"] == pytest.approx(3.0, abs=0.6)
    assert row["size"] == pytest.approx(ball().sum() * np.prod(SPACING) / 1000)
    assert row["surface_dice"] < 1
    assert scores(command, found, true, "--tolerance", 3.01)[0]["surface_dice"] == 1
    (pixels,) = scores(command, found, true, "--unit", "px")
    assert (pixels["unit"], pixels["hd95"]) == ("px", 1.0)


def test_masks_of_another_place_are_refused_or_resampled(command, tmp_path: Path):
    true = save(tmp_path / "true.nii.gz", ball())
    far = save(tmp_path / "far.nii.gz", ball(), origin=(300, 0, 0))
    result = command("evaluate", far, true, "-q")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "lie up to 300 mm apart" in result.err
    assert "--resample" in result.err
    (row,) = scores(command, far, true, "--resample")
    assert row["dice"] == 0
    assert row["size"] == row["true_size"]  # nothing of it is cut off
    assert row["hd95"] > 270
    (half,) = scores(
        command, save(tmp_path / "moved.nii.gz", ball(), origin=(0.26, 0, 0)), true, "--resample"
    )
    assert 0.9 < half["dice"] < 1


def test_masks_of_another_spacing(command, tmp_path: Path):
    true = save(tmp_path / "true.nii.gz", ball())
    fine = ball().repeat(2, axis=0)
    spacing = (SPACING[0] / 2, *SPACING[1:])
    found = save(tmp_path / "found.nii.gz", fine, (-spacing[0] / 2, 0, 0), spacing)
    result = command("evaluate", found, true, "-q")
    assert result.code == 2
    assert "80 x 36 x 9 pixels of 0.25 x 0.8 x 3 mm" in result.err
    assert scores(command, found, true, "--resample")[0]["dice"] == 1


def test_axes_may_be_stored_in_any_order(command, tmp_path: Path):
    true = save(tmp_path / "true.nii.gz", ball((14, 20, 3)))
    image = nibabel.load(true)
    turned = image.as_reoriented([[2, 1], [0, -1], [1, -1]])
    nibabel.save(turned, tmp_path / "found.nii")
    assert scores(command, tmp_path / "found.nii", true)[0]["dice"] == 1


def test_a_segmentation_against_a_nifti_of_the_same_scan(command, tmp_path: Path):
    sitk = pytest.importorskip("SimpleITK")
    series = write_series(tmp_path / "ct")
    image = read_image(series)
    labels = np.zeros(image.extent, np.uint8)
    labels[1:3, 4:15, 5:20], labels[3, 2:9, 1:12] = 2, 1
    write_mask(labels, tmp_path / "found" / "ct", image, False, ("lung", "heart"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(series))
        scan = sitk.ReadImage(files)
    is_same_order = np.array_equal(sitk.GetArrayFromImage(scan), image.pixels[..., 0])
    theirs = sitk.GetImageFromArray(labels if is_same_order else labels[::-1])
    theirs.CopyInformation(scan)
    (tmp_path / "true").mkdir()
    sitk.WriteImage(theirs, str(tmp_path / "true" / "ct.nii.gz"))
    rows = scores(command, tmp_path / "found", tmp_path / "true")
    assert {row["target"]: (row["dice"], row["unit"]) for row in rows} == {
        "lung": (1, "mm"), "heart": (1, "mm"),
    }  # fmt: skip
    (row,) = scores(command, tmp_path / "found", tmp_path / "true", "--target", "heart")
    assert (row["label"], row["size"]) == (2, pytest.approx(330 * 0.25 * 0.5 * 2.5 / 1000))


def slices_of(folder: Path, image: Image) -> list[Any]:
    """The slices of a series, in the order of its planes."""
    pydicom = pytest.importorskip("pydicom")
    slices = [pydicom.dcmread(path) for path in folder.iterdir()]
    by_name = {one.SOPInstanceUID: one for one in slices}
    return [by_name[one.header.SOPInstanceUID] for one in image.geometry.slices]


def test_empty_slices_that_a_segmentation_leaves_out(command, tmp_path: Path):
    highdicom = pytest.importorskip("highdicom")
    seg = __import__("highdicom.seg", fromlist=["seg"])
    image = read_image(write_series(tmp_path / "ct"))
    labels = np.zeros(image.extent, np.uint8)
    labels[2, 4:15, 5:20] = 1
    true = write_mask(labels, tmp_path / "true", image, False, ("lung",))
    whole = seg.segread(true)
    volume = whole.get_volume(combine_segments=True, dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sparse = seg.Segmentation(
            slices_of(tmp_path / "ct", image), volume.array, "BINARY",
            [whole.get_segment_description(1)], series_instance_uid=highdicom.UID(),
            series_number=3, sop_instance_uid=highdicom.UID(), instance_number=1,
            manufacturer="x", manufacturer_model_name="x", software_versions="1",
            device_serial_number="1", omit_empty_frames=True,
        )  # fmt: skip
    sparse.save_as(tmp_path / "sparse.dcm")
    assert int(sparse.NumberOfFrames) == 1
    for pair in ((tmp_path / "sparse.dcm", true), (true, tmp_path / "sparse.dcm")):
        (row,) = scores(command, *pair)
        assert (row["dice"], row["size"], row["size_unit"]) == (1, row["true_size"], "ml")


def test_label_maps_of_many_structures(command, tmp_path: Path):
    """As whole-body segmenters write them, with more than a hundred labels."""
    labels = ball() * 117
    labels[:5, :5, :2], labels[10:15, :5, :2] = 50, 51
    true = save(tmp_path / "true.nii.gz", labels)
    moved = np.where(labels == 117, 0, labels) + np.roll(ball(), 1, axis=0) * 117
    found = save(tmp_path / "found.nii.gz", moved.astype(np.uint8))
    rows = {row["label"]: row["dice"] for row in scores(command, found, true)}
    shared = (ball() * np.roll(ball(), 1, axis=0)).sum()
    assert rows == {50: 1, 51: 1, 117: pytest.approx(shared / ball().sum())}


def test_a_white_mask_of_a_volume_is_one_target(command, tmp_path: Path):
    true = save(tmp_path / "true.nii.gz", ball())
    (row,) = scores(command, save(tmp_path / "found.nii.gz", ball() * 255), true)
    assert (row["label"], row["dice"]) == (1, 1)


def test_many_segments_of_dicom(command, tmp_path: Path):
    pytest.importorskip("highdicom")
    image = read_image(write_series(tmp_path / "ct"))
    labels = np.zeros(image.extent, np.uint8)
    labels[2, 4, :30] = labels[3, 5, :30] = np.arange(1, 31) + 10
    names = [f"part {number}" for number in range(1, 41)]
    path = write_mask(labels, tmp_path / "true", image, False, names)
    rows = scores(command, path, path)
    assert {row["label"] for row in rows if row["true_size"]} == set(range(11, 41))
    assert {row["dice"] for row in rows} == {1}


def test_segments_that_overlap_are_not_told_apart(command, tmp_path: Path):
    highdicom = pytest.importorskip("highdicom")
    seg = __import__("highdicom.seg", fromlist=["seg"])
    image = read_image(write_series(tmp_path / "ct"))
    labels = np.zeros(image.extent, np.uint8)
    labels[2, 4:15, 5:20], labels[2, 5:9, 6:9] = 1, 2
    true = write_mask(labels, tmp_path / "true", image, False, ("disc", "cup"))
    whole = seg.segread(true)
    masks = np.stack([labels > 0, labels == 2], axis=-1).astype(np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seg.Segmentation(
            slices_of(tmp_path / "ct", image), masks, "BINARY",
            [whole.get_segment_description(number) for number in (1, 2)],
            series_instance_uid=highdicom.UID(), series_number=3,
            sop_instance_uid=highdicom.UID(), instance_number=1, manufacturer="x",
            manufacturer_model_name="x", software_versions="1", device_serial_number="1",
        ).save_as(tmp_path / "both.dcm")  # fmt: skip
    result = command("evaluate", tmp_path / "both.dcm", true, "-q")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "both.dcm holds segments that overlap" in result.err


def test_a_film_without_place_has_a_pixel_size(command, tmp_path: Path):
    pytest.importorskip("highdicom")
    film = dataset(np.random.default_rng(0).integers(0, 200, (40, 36), np.uint8))
    (tmp_path / "film.dcm").write_bytes(content_of(film))
    image = read_image(tmp_path / "film.dcm")
    labels = np.zeros((40, 36), np.uint8)
    labels[5:15, 5:25] = 1
    found = write_mask(labels, tmp_path / "found", image, False, ("heart",))
    PIL.Image.fromarray(np.roll(labels, 2, axis=0) * 255).save(tmp_path / "true.png")
    (row,) = scores(command, found, tmp_path / "true.png")
    down, along = map(float, film.PixelSpacing)
    assert (row["target"], row["unit"], row["size_unit"]) == ("heart", "mm", "mm²")
    assert row["size"] == pytest.approx(200 * down * along)
    assert row["hd95"] == pytest.approx(2 * down)
    small = np.roll(labels, 2, axis=0)[::2, ::2] * 255
    PIL.Image.fromarray(small).save(tmp_path / "small.png")
    (row,) = scores(command, found, tmp_path / "small.png", "--resample")
    assert row["true_size"] == pytest.approx((small > 0).sum() * 4 * down * along)


def test_pages_of_a_tiff_and_their_spacing(command, tmp_path: Path):
    pages = ball().T
    for name, stack in (("found", np.roll(pages, 1, axis=0)), ("true", pages)):
        tifffile.imwrite(tmp_path / f"{name}.tif", stack * 255)
    files = tmp_path / "found.tif", tmp_path / "true.tif"
    (row,) = scores(command, *files)
    assert (row["unit"], row["hd95"]) == ("px", 1.0)
    (row,) = scores(command, *files, "--spacing", "3,0.8,0.5")
    assert (row["unit"], row["hd95"]) == ("mm", pytest.approx(3.0, abs=0.6))
    for options, problem in (
        (["--unit", "mm"], "does not say how large its pixels are"),
        (["--spacing", "1,2"], "has 2 numbers"),
        (["--spacing", "x"], "is no distance"),
        (["--unit", "inch"], "give auto, mm or px"),
        (["--label", 1, "--target", "x"], "not both"),
        (["--target", "x"], "no mask has a target x"),
    ):
        result = command("evaluate", *files, "-q", *options)
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert problem in result.err
    PIL.Image.fromarray(pages[0]).save(tmp_path / "one.png")
    result = command("evaluate", tmp_path / "one.png", files[1], "-q")
    assert "40 x 36 pixels and" in result.err
    assert "40 x 36 x 9 pixels" in result.err


def test_pictures_of_another_size_show_the_same(command, tmp_path: Path):
    small = ball()[..., 4].T * 255
    PIL.Image.fromarray(small).save(tmp_path / "true.png")
    PIL.Image.fromarray(small.repeat(3, axis=0).repeat(3, axis=1)).save(tmp_path / "found.png")
    files = tmp_path / "found.png", tmp_path / "true.png"
    assert "--resample" in command("evaluate", *files, "-q").err
    assert scores(command, *files, "--resample")[0]["dice"] == 1
    view = np.zeros((72, 80), np.uint8)
    view[:, :40] = 255
    PIL.Image.fromarray(view).save(tmp_path / "view.png")
    (row,) = scores(command, *files, "--resample", "--fov", tmp_path / "view.png")
    assert row["true_size"] == (small[:, :20] > 0).sum()


@pytest.fixture
def results(command, tmp_path: Path) -> Path:
    """What ``segment -r`` makes of images in sub-folders."""
    from napari_localdisc.core.phantoms import fundus_phantom

    for person in ("anna", "ben"):
        (tmp_path / "in" / person).mkdir(parents=True)
        for eye in ("left", "right"):
            image = fundus_phantom(len(person) + len(eye), 96).image
            PIL.Image.fromarray(image).save(tmp_path / "in" / person / f"{eye}.png")
    made = command("segment", tmp_path / "in", "-r", "-o", tmp_path / "out", "--segmenter",
                   "optic-cup", "--device", "cpu")  # fmt: skip
    assert made.code == 0, made.err
    return tmp_path / "out"


def test_results_with_sub_folders_are_paired_by_themselves(command, results: Path, tmp_path: Path):
    for mask in results.rglob("*.png"):
        if mask.name != "overview.png":
            labels = np.array(PIL.Image.open(mask))
            true = tmp_path / "true" / mask.relative_to(results)
            true.parent.mkdir(parents=True, exist_ok=True)
            PIL.Image.fromarray(labels).save(true)
            for number, name in ((1, "neuroretinal-rim"), (2, "optic-cup")):
                own = tmp_path / "by-target" / name / mask.relative_to(results)
                own.parent.mkdir(parents=True, exist_ok=True)
                PIL.Image.fromarray(np.uint8(labels == number) * 255).save(own)
    rows = scores(command, results, tmp_path / "true")
    assert {Path(row["prediction"]).parent.name for row in rows} == {"anna", "ben"}
    assert {row["target"] for row in rows} == {"neuroretinal-rim", "optic-cup"}
    assert [row["dice"] for row in rows] == [1.0] * 8
    assert len(scores(command, results, tmp_path / "true", "--target", "optic-cup")) == 4
    rows = scores(command, results, tmp_path / "by-target")
    assert [row["dice"] for row in rows] == [1.0] * 8
    result = command("evaluate", results, tmp_path / "true", "--target", "fovea", "-q")
    assert "no mask has a target fovea (targets of the predictions: neuro" in result.err


def test_a_folder_of_an_overview_alone(command, tmp_path: Path):
    (tmp_path / "none").mkdir()
    PIL.Image.fromarray(ball()[..., 4]).save(tmp_path / "none" / "overview.png")
    result = command("evaluate", tmp_path / "none", tmp_path / "none", "-q")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "holds no mask, only an overview" in result.err


def test_two_raters(command, tmp_path: Path):
    sizes = {"a": (6.0, 6.5), "b": (8.0, 7.0), "c": (9.0, 9.5), "d": (7.5, 7.5)}
    for name, radii in sizes.items():
        for rater, radius in zip(("one", "two"), radii, strict=True):
            save(tmp_path / rater / f"{name}.nii.gz", ball(radius=radius))
    raters, out = (tmp_path / "one", tmp_path / "two"), tmp_path / "agreement"
    result = command("evaluate", *raters, "--agreement", out, "--json")
    (figures,) = json.loads(result.out)["agreement"]
    volumes = np.array([[float(ball(radius=r).sum()) for r in pair] for pair in sizes.values()])
    apart = (volumes[:, 0] - volumes[:, 1]) * np.prod(SPACING) / 1000
    assert (figures["pairs"], figures["unit"]) == (4, "ml")
    assert figures["bias"] == pytest.approx(apart.mean())
    assert figures["upper"] == pytest.approx(apart.mean() + 1.96 * apart.std(ddof=1))
    assert figures["correlation"] == pytest.approx(np.corrcoef(volumes.T)[0, 1])
    assert (out / "agreement.csv").read_text().startswith("target,unit,pairs,bias")
    assert len((out / "sizes.csv").read_text().splitlines()) == 5
    with PIL.Image.open(out / "bland-altman.png") as picture:
        assert picture.size[0] > 500
    assert "limits of agreement" in command("evaluate", *raters, "--agreement", out).out
    (tmp_path / "file").touch()
    refused = command("evaluate", *raters, "--agreement", tmp_path / "file", "-q")
    assert "is a file; name a folder" in refused.err
