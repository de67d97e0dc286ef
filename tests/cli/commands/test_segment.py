from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.formats.images import read_image
from napari_localdisc.formats.masks import read_mask
from napari_localdisc.reports.report import read_report
from napari_localdisc.stores.segmenters import load_segmenter
from tests.corpus import picture, stack
from tests.corpus.zarrs import write_omezarr
from tests.formats.test_dicom_series import write_series


def test_a_segmenter_is_applied_to_a_folder(command, xray_files, segmenter_file, tmp_path: Path):
    out = tmp_path / "out"
    result = command("segment", xray_files[0].parent, "--segmenter", segmenter_file, "-o", out)
    assert result.code == 0
    assert "3 of 3 images done" in result.out
    assert {path.name for path in out.iterdir()} == {
        "journal.jsonl", "overview.png", "recipe.json", "report.csv",
        *(path.name for path in xray_files),
    }  # fmt: skip


def test_how_sure_every_pixel_is(command, xray_files, segmenter_file, tmp_path: Path):
    line = ["segment", *xray_files, "--segmenter", segmenter_file, "-o", tmp_path / "out"]
    assert command(*line).code == 0
    again = command(*line, "--confidence")
    assert (again.code, "earlier run" in again.out) == (0, False)
    segmenter = load_segmenter(segmenter_file)
    for path in xray_files:
        found = segmenter.segment(np.asarray(PIL.Image.open(path)))
        written = np.asarray(PIL.Image.open(tmp_path / "out" / "confidence" / path.name))
        np.testing.assert_allclose(written / 255, found.confidence, atol=0.003)
    assert "3 by an earlier run" in command(*line, "--confidence").out


def test_the_same_twice(command, xray_files, segmenter_file, tmp_path: Path):
    for name in ("one", "two"):
        command("segment", *xray_files, "--segmenter", segmenter_file, "-o", tmp_path / name)
    for path in xray_files:
        masks = [(tmp_path / name / path.name).read_bytes() for name in ("one", "two")]
        assert masks[0] == masks[1]


def test_images_together_get_the_masks_that_they_get_alone(
    command, xray_files, segmenter_file, tmp_path: Path
):
    given = ["segment", *xray_files, "--segmenter", segmenter_file]
    for batch in (1, 2):
        assert command(*given, "-o", tmp_path / str(batch), "--batch", batch).code == 0
    for path in xray_files:
        masks = [(tmp_path / batch / path.name).read_bytes() for batch in ("1", "2")]
        assert masks[0] == masks[1]
    refused = command(*given, "-o", tmp_path / "3", "--batch", 2, "--workers", 2)
    assert refused.code == 2
    assert "--batch is for this process" in refused.err


def test_a_series_gets_one_mask_and_a_film_its_own(
    command, xray_files, segmenter_file, tmp_path: Path
):
    pytest.importorskip("highdicom")
    images = xray_files[0].parent
    write_series(images / "patient" / "ct")
    given = ["segment", images, "-r", "--segmenter", segmenter_file, "-o", tmp_path / "out"]
    told = command(*given)
    assert told.code == 0, told.err
    assert "4 of 4 images done" in told.out
    assert (tmp_path / "out" / "patient" / "ct.dcm").is_file()
    mask = read_mask(tmp_path / "out" / "patient" / "ct.dcm", may_be_stack=True)
    assert mask.shape == read_image(images / "patient" / "ct").extent
    assert "4 by an earlier run" in command(*given).out


def test_a_prior_guides_on_the_slices_of_a_series(command, encoder_file, tmp_path: Path):
    pytest.importorskip("highdicom")
    phantoms = np.stack([xray_phantom(seed, 64).image for seed in range(5)]).astype(np.uint16)
    folder = write_series(tmp_path / "ct", planes=phantoms)
    given = ["segment", folder, "--prior", "lungs", "--references", "4", "--quick"]
    out = tmp_path / "out"
    told = command(*given, "--encoder", encoder_file, "-o", out)
    assert told.code == 0, told.err
    recipe = json.loads((out / "recipe.json").read_text("utf-8"))
    assert recipe["segmenter"]["images"] == 5
    assert recipe["run"]["images"] == [str(folder)]
    again = command(*given, "--encoder", encoder_file, "-o", out)
    assert "guided by an earlier run" in again.err


def test_a_prior_guides_on_the_images_first(command, xray_files, encoder_file, tmp_path: Path):
    options = ["--prior", "lungs", "--references", "4", "--encoder", encoder_file, "--quick"]
    out = tmp_path / "out"
    result = command("segment", *xray_files, *options, "-o", out, "--seed", "3")
    assert result.code == 0
    assert "encoder: tiny (phantoms)" in result.err
    recipe = json.loads((out / "recipe.json").read_text("utf-8"))
    assert recipe["run"]["seed"] == recipe["segmenter"]["guidance"]["seed"] == 3
    assert recipe["segmenter"]["prior"] == recipe["run"]["guided"]["prior"] == "lungs"
    assert recipe["run"]["guided"]["references"] == 4


def test_a_stray_file_is_reported_and_the_rest_are_written(
    command, xray_files, segmenter_file, tmp_path: Path
):
    (xray_files[0].parent / "broken.png").write_text("no image")
    out = tmp_path / "out"
    result = command(
        "segment", xray_files[0].parent, "--segmenter", segmenter_file, "-o", out, "-q"
    )
    assert (result.code, result.out) == (1, "")
    assert "broken.png is not an image" in " ".join(result.err.split())
    with (out / "report.csv").open(encoding="utf-8-sig") as file:
        rows = {Path(row["file"]).name: row for row in csv.DictReader(file)}
    assert rows["broken.png"]["status"] == "failed"
    assert "not an image" in rows["broken.png"]["error"]
    assert not (out / "broken.png").exists()
    assert all((out / path.name).exists() for path in xray_files)


def test_json_tells_of_every_file(command, xray_files, segmenter_file, tmp_path: Path):
    out = tmp_path / "out"
    result = command("segment", *xray_files, "--segmenter", segmenter_file, "-o", out, "--json")
    content = json.loads(result.out)
    assert result.err.splitlines() == [f"warning: {line}" for line in content["warnings"]]
    recipe = json.loads((out / "recipe.json").read_text("utf-8"))
    for told in (content["run"], recipe):
        assert (told["encoder"], told["encoder_version"]) == ("tiny", "1")
    assert [row["status"] for row in content["files"]] == ["done"] * 3
    assert [row["output"] for row in content["files"]] == [str(out / p.name) for p in xray_files]


def test_what_failed_has_no_confidence_and_what_is_no_image_is_counted(
    command, xray_files, segmenter_file, tmp_path: Path
):
    out, folder = tmp_path / "out", xray_files[0].parent
    xray_files[1].write_bytes(xray_files[1].read_bytes()[:300])
    (folder / "notes.txt").write_text("about the films")
    (folder / "=1+1.png").write_bytes(xray_files[0].read_bytes())
    result = command("segment", folder, "--segmenter", segmenter_file, "-o", out, "--json")
    files = {Path(row["path"]).name: row for row in json.loads(result.out)["files"]}
    assert files["xray-1.png"]["confidence"] is None
    assert files["xray-0.png"]["confidence"] > 0
    again = command("segment", folder, "--segmenter", segmenter_file, "-o", out)
    assert "1 file is no image and passed over" in again.err
    told = {row.path.name: row for row in read_report(out)}
    assert told["xray-1.png"].confidence is None
    assert told["=1+1.png"].output == out / "=1+1.png"


def test_a_shipped_segmenter_by_its_name(command, xray_files, tmp_path: Path):
    out = tmp_path / "out"
    result = command("segment", *xray_files, "--segmenter", "lungs", "-o", out, "-q")
    assert result.code == 0
    recipe = json.loads((out / "recipe.json").read_text("utf-8"))
    assert recipe["run"]["segmenter"] == "lungs"
    assert recipe["segmenter"]["prior"] == "lungs"


def test_a_segmenter_that_is_not_there(command, xray_files, tmp_path: Path):
    result = command("segment", *xray_files, "--segmenter", "livers", "-o", tmp_path / "out")
    assert result.code == 2
    assert "'livers' is neither shipped (lungs, optic-cup, optic-disc, vessels)" in result.err


def test_two_files_of_one_name(command, xray_files, segmenter_file, tmp_path: Path):
    twin = xray_files[0].with_suffix(".bmp")
    PIL.Image.open(xray_files[0]).save(twin)
    files = [xray_files[0], twin]
    result = command("segment", *files, "--segmenter", segmenter_file, "-o", tmp_path / "out")
    assert result.code == 0
    assert "shares its name" in result.err
    masks = [
        np.asarray(PIL.Image.open(tmp_path / "out" / f"xray-0_{n}.png")) for n in ("png", "bmp")
    ]
    np.testing.assert_array_equal(*masks)


@pytest.mark.parametrize("extra", [[], ["--segmenter", "s.safetensors", "--prior", "lungs"]])
def test_one_of_segmenter_and_prior_is_needed(command, xray_files, tmp_path: Path, extra):
    result = command("segment", *xray_files, "-o", tmp_path / "out", *extra)
    assert result.code == 2
    assert "--segmenter NAME|FILE or --prior" in result.err


def test_two_targets_are_told_apart(command, xray_files, encoder_file, tmp_path: Path):
    options = [
        "--prior",
        "lungs-left-right",
        "--references",
        4,
        "--encoder",
        encoder_file,
        "--quick",
    ]
    out = tmp_path / "out"
    assert command("segment", *xray_files, *options, "-o", out).code == 0
    with (out / "report.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    for path, row in zip(xray_files, rows, strict=True):
        labels = np.asarray(PIL.Image.open(out / path.name))
        areas = [int((labels == number).sum()) for number in (1, 2)]
        assert [int(row["area right-lung"]), int(row["area left-lung"])] == areas
        assert labels.max() <= 2


def test_a_second_run_replaces_only_what_the_first_wrote(
    command, xray_files, segmenter_file, tmp_path: Path
):
    out = tmp_path / "out"
    arguments = ["--segmenter", segmenter_file, "-o", out, "-q"]
    for files in (xray_files[:1], xray_files[1:2], xray_files[:2]):
        assert command("segment", *files, *arguments).code == 0
    stranger = out / xray_files[2].name
    stranger.write_text("mine")
    result = command("segment", *xray_files, *arguments)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert f"{stranger} would be replaced" in result.err
    assert stranger.read_text() == "mine"


def test_an_ome_zarr_is_one_image(command, segmenter_file, tmp_path: Path):
    pytest.importorskip("zarr")
    images = tmp_path / "images"
    write_omezarr(images / "flat.ome.zarr", picture(), "yx")
    write_omezarr(images / "deep.ome.zarr", stack(), "zyx", 3)
    line = ["segment", images, "--segmenter", segmenter_file, "-o", tmp_path / "out"]
    assert command(*line).code == 0
    assert read_image(tmp_path / "out" / "flat.tif").extent == picture().shape
    assert read_image(tmp_path / "out" / "deep.tif").extent == stack().shape
    assert "2 by an earlier run" in command(*line).out
