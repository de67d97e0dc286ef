from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.batch.run_files import FileResult, run_files
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.formats.images import Image, write_mask
from napari_localdisc.stores.segmenters import load_segmenter
from napari_localdisc.tasks import segment
from napari_localdisc.tasks.segment import segment_files


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Four pictures with a bright half, and a stray text among them."""
    half = np.zeros((32, 40), np.uint8)
    half[:, 20:] = 200
    folder = tmp_path / "in"
    folder.mkdir()
    paths = [folder / f"{name}.png" for name in "abcd"]
    for path in paths:
        PIL.Image.fromarray(half).save(path)
    stray = folder / "stray.png"
    stray.write_text("no image")
    return [*paths[:2], stray, *paths[2:]]


@dataclass(frozen=True)
class Bright:
    """Work that finds what is bright."""

    confidence: float = 0.5
    raises_at: str = ""

    def compute(self, image: Image) -> np.ndarray:
        if image.path.stem == self.raises_at:
            raise RuntimeError("out of\nmemory")
        return (image.pixels > 100).astype(np.uint8)

    def write(self, image: Image, found: np.ndarray, place: Path) -> FileResult:
        path = write_mask(found, place, image, scale_to_255=True)
        return FileResult(image.path, path, "done", 0.0, int(found.sum()), self.confidence)


def _run(files: list[Path], output: Path, work: Bright | None = None, **options):
    return run_files(files, work or Bright(), output, "segment", **options)


def _rows(report: Path) -> list[dict[str, str]]:
    with report.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_bad_file_is_reported_and_the_rest_are_done(files: list[Path], tmp_path: Path):
    output = tmp_path / "out"
    report = drain(_run(files, output))
    assert [result.status for result in report.results] == ["done"] * 2 + ["failed"] + ["done"] * 2
    assert "stray.png" in report.failed[0].error
    names = sorted(path.name for path in output.iterdir())
    assert names == ["a.png", "b.png", "c.png", "d.png", "journal.jsonl", "report.csv"]
    rows = _rows(output / "report.csv")
    assert [row["status"] for row in rows] == [result.status for result in report.results]
    assert [row["area"] for row in rows] == ["640", "640", "", "640", "640"]


def test_a_blank_image_fails_and_the_rest_are_done(files: list[Path], tmp_path: Path):
    PIL.Image.new("L", (40, 32), 90).save(files[2])
    report = drain(_run(files, tmp_path / "o"))
    assert [result.path for result in report.failed] == [files[2]]
    assert report.failed[0].error.startswith(f"{files[2]} is blank")


def test_every_file_is_an_event_with_its_result(files: list[Path], tmp_path: Path):
    events = []
    drain(
        _run(files, tmp_path / "out"),
        events.append,
    )
    assert [(event.done, event.total) for event in events] == [(n, 5) for n in range(6)]
    assert sorted(event.payload.path for event in events[1:]) == sorted(files)


def test_what_one_image_does_to_the_work_does_not_stop_it(files: list[Path], tmp_path: Path):
    report = drain(_run(files, tmp_path / "out", Bright(raises_at="b")))
    assert len(report.done) == 3
    assert report.failed[0].error == (
        f"{files[1]} could not be processed (out of memory); check the image."
    )


def test_a_very_low_mean_confidence_is_warned_of(files: list[Path], tmp_path: Path):
    def judged(confidence: float):
        return drain(_run(files, tmp_path / str(confidence), Bright(confidence)))

    assert judged(0.5).warnings == ()
    (warning,) = judged(0.19).warnings
    assert "very low (0.19)" in warning


def test_cancelled_it_leaves_what_is_done_and_its_report(files: list[Path], tmp_path: Path):
    run = _run(files, tmp_path / "out")
    for _ in range(3):
        next(run)
    run.close()
    masks = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert 1 <= len(masks) < 5
    done = [row["output"] for row in _rows(tmp_path / "out" / "report.csv") if row["output"]]
    assert sorted(done) == masks


def test_nothing_done_leaves_nothing(files: list[Path], tmp_path: Path):
    for path in files:
        path.write_text("no image")
    with pytest.raises(LocaldiscError, match=r"none of 5 files.*a\.png"):
        drain(_run(files, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_single_bad_file_is_told_in_its_own_words(files: list[Path], tmp_path: Path):
    with pytest.raises(LocaldiscError, match=r"^\S*stray\.png is not an image"):
        drain(_run(files[2:3], tmp_path / "out"))


def test_files_of_one_name_do_not_replace_each_other(files: list[Path], tmp_path: Path):
    twin = tmp_path / "other" / "a.png"
    twin.parent.mkdir()
    twin.write_bytes(files[0].read_bytes())
    report = drain(_run([files[0], twin], tmp_path / "out"))
    assert [result.output.name for result in report.done] == ["in_a.png", "other_a.png"]
    assert len(report.notes) == 2


def test_names_that_end_twice_do_not_meet_either(files: list[Path], tmp_path: Path):
    names = ("scan.png", "scan.dcm.png", "scan.png.png")
    twins = [files[0].rename(files[0].with_name(names[0]))]
    twins += [twins[0].with_name(name) for name in names[1:]]
    for twin in twins[1:]:
        twin.write_bytes(twins[0].read_bytes())
    report = drain(_run(twins, tmp_path / "out"))
    assert [result.output.name for result in report.done] == list(names)


def test_results_do_not_go_among_the_images(files: list[Path], tmp_path: Path):
    with pytest.raises(LocaldiscError, match="name another folder"):
        drain(_run(files, tmp_path / "in"))


def test_segmenting_writes_masks_report_overview_and_recipe(
    xray_files: list[Path], segmenter_file: Path, tmp_path: Path
):
    output = tmp_path / "out"
    segmenter = load_segmenter(segmenter_file)
    report = drain(segment_files(xray_files, segmenter, output, recipe={"seed": 7}))
    names = sorted(path.name for path in output.iterdir())
    masks = [f"{path.stem}.png" for path in xray_files]
    assert names == sorted([*masks, "journal.jsonl", "overview.png", "recipe.json", "report.csv"])
    for path, row in zip(xray_files, _rows(output / "report.csv"), strict=True):
        mask = np.asarray(PIL.Image.open(output / path.name))
        assert mask.shape == np.asarray(PIL.Image.open(path)).shape
        assert set(np.unique(mask)) <= {0, 255}
        assert int(row["area"]) == int((mask > 0).sum())
        expected = segmenter.segment(np.asarray(PIL.Image.open(path)))
        np.testing.assert_array_equal(mask > 0, expected.labels > 0)
        assert float(row["confidence"]) == pytest.approx(expected.score, abs=1e-4)
    recipe = json.loads((output / "recipe.json").read_text("utf-8"))
    assert recipe["run"] == {"seed": 7, "images": [str(path) for path in xray_files]}
    assert recipe["segmenter"]["prior"] == "lungs"
    assert len(report.done) == 3


def test_of_many_files_the_overview_shows_some(
    xray_files: list[Path], segmenter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    segmenter = load_segmenter(segmenter_file)
    drain(segment_files(xray_files[:1], segmenter, tmp_path / "one"))
    monkeypatch.setattr(segment, "MOST_TILES", 1)
    drain(segment_files(xray_files, segmenter, tmp_path / "three"))
    sheets = [PIL.Image.open(tmp_path / name / "overview.png") for name in ("one", "three")]
    assert sheets[0].size == sheets[1].size


def test_a_nifti_image_gets_a_nifti_mask(segmenter_file: Path, tmp_path: Path):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(xray_phantom(1, 64).image.T, np.diag([-0.5, -0.5, 1, 1]))
    nibabel.save(image, tmp_path / "a.nii.gz")
    segmenter = load_segmenter(segmenter_file)
    report = drain(segment_files([tmp_path / "a.nii.gz"], segmenter, tmp_path / "out"))
    mask = nibabel.load(report.done[0].output)
    expected = segmenter.segment(xray_phantom(1, 64).image).labels
    np.testing.assert_array_equal(np.asarray(mask.dataobj).T, expected)
    np.testing.assert_array_equal(mask.affine, image.affine)
