"""The same command twice, and what is different about it then."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import PIL.Image
import pytest

from napari_localdisc.core.segmenter.segmenter import Segmenter
from napari_localdisc.files.naming import JOURNAL
from napari_localdisc.tasks import guide


@pytest.fixture
def segmented(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of the images that were segmented."""
    shapes: list[tuple[int, ...]] = []
    real = Segmenter.segment

    def segment(self, image, *how, **options):
        shapes.append(image.shape)
        return real(self, image, *how, **options)

    monkeypatch.setattr(Segmenter, "segment", segment)
    return shapes


def _results(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != JOURNAL
    }


def test_nothing_is_done_twice(command, xray_files, segmenter_file, tmp_path: Path, segmented):
    out = tmp_path / "out"
    line = ["segment", *xray_files, "--segmenter", segmenter_file, "-o", out]
    assert command(*line).code == 0
    before = _results(out)
    segmented.clear()
    again = command(*line)
    assert (again.code, segmented) == (0, [])
    assert "3 of 3 images done (3 by an earlier run)" in again.out
    assert _results(out) == before
    told = json.loads(command(*line, "--json").out)
    assert [(row["status"], row["kept"]) for row in told["files"]] == [("done", True)] * 3


def test_a_failure_is_told_again(command, xray_files, segmenter_file, tmp_path: Path, segmented):
    xray_files[1].write_text("no image")
    line = ["segment", *xray_files, "--segmenter", segmenter_file, "-o", tmp_path / "out", "-q"]
    first = command(*line)
    segmented.clear()
    second = command(*line)
    assert (second.code, second.err) == (first.code, first.err) == (1, first.err)
    assert "xray-1.png is not an image" in first.err
    assert segmented == []


def test_another_segmenter_needs_overwrite(command, xray_files, segmenter_file, tmp_path: Path):
    out = tmp_path / "out"
    line = ["segment", *xray_files, "-o", out, "-q"]
    assert command(*line, "--segmenter", segmenter_file).code == 0
    before = _results(out)
    refused = command(*line, "--segmenter", "optic-disc")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "targets lungs there and optic-disc here" in refused.err
    assert "--overwrite" in refused.err
    assert _results(out) == before
    assert command(*line, "--segmenter", "optic-disc", "--overwrite").code == 0
    recipe = json.loads((out / "recipe.json").read_text("utf-8"))
    assert recipe["segmenter"]["prior"] == "optic-disc"


def test_sub_folders_are_kept_and_chosen(command, xray_files, segmenter_file, tmp_path: Path):
    folder = xray_files[0].parent
    (folder / "more").mkdir()
    xray_files[1].rename(folder / "more" / xray_files[0].name)
    out = folder / "out"
    line = ["segment", folder, "--segmenter", segmenter_file, "-o", out, "-q"]
    line += ["--recursive", "--exclude", "*-2*", "--pattern", "*.PNG"]
    for _ in range(2):
        assert command(*line).code == 0
        masks = [name for name in _results(out) if "xray" in name]
        assert sorted(masks) == ["more/xray-0.png", "xray-0.png"]
    assert PIL.Image.open(out / "more" / "xray-0.png").size == (72, 72)
    assert ",more/xray-0.png,done," in (out / "report.csv").read_text()
    clusters = ["clusters", folder, "-r", "--encoder", "chest-xray", "-o", tmp_path / "c", "-q"]
    assert command(*clusters, "--pattern", "more/*").code == 0
    assert (tmp_path / "c" / "more" / "xray-0_clusters.png").exists()


def test_no_prior_guides_twice(
    command, xray_files, encoder_file, tmp_path: Path, segmented, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"
    line = ["segment", xray_files[0].parent, "--prior", "lungs", "--references", 4, "-o", out]
    line += ["--encoder", encoder_file, "--quick"]
    assert command(*line).code == 0
    before = _results(out)
    assert "segmenter.safetensors" in before
    journal = (out / JOURNAL).read_text().splitlines()
    kept = [text for text in journal if '"done": "xray-2"' not in text]
    (out / JOURNAL).write_text("\n".join(kept) + "\n")  # as a kill leaves it
    segmented.clear()

    def no_guide(*_):
        raise AssertionError("guided again")

    monkeypatch.setattr(guide, "guide", no_guide)
    again = command(*line)
    assert again.code == 0, again.err
    assert "guided by an earlier run" in again.err
    assert len(segmented) == 1
    assert _results(out).keys() == before.keys()
    same = {name for name, content in _results(out).items() if content == before[name]}
    assert same >= before.keys() - {"report.csv"}
    refused = command(*line, "--seed", 1)
    assert refused.code == 2
    assert "seed 0 there and 1 here" in refused.err
    other = tmp_path / "other"
    other.mkdir()
    xray_files[1].rename(other / "x.png")
    refused = command(*line)
    assert refused.code == 2
    assert "guided on other images" in refused.err


def test_a_missing_library_and_a_contradiction_are_told(
    command, xray_files, segmenter_file, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    line = ["segment", *xray_files, "--segmenter", segmenter_file, "-o", tmp_path / "out"]
    both = command(*line, "--workers", 2, "--scheduler", "tcp://127.0.0.1:1")
    assert both.code == 2
    assert "not both" in both.err
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "napari_localdisc.batch.dask_executor", raising=False)
    missing = command(*line, "--scheduler", "tcp://127.0.0.1:1")
    assert (missing.code, missing.err.count("\n")) == (2, 1)
    assert "pip install 'napari-localdisc[cluster]'" in missing.err


def test_processes_make_the_same_masks(command, xray_files, segmenter_file, tmp_path: Path):
    line = ["segment", *xray_files, "--segmenter", segmenter_file, "--device", "cpu", "-o"]
    assert command(*line, tmp_path / "alone").code == 0
    result = command(*line, tmp_path / "shared", "--workers", 2)
    assert (result.code, "Warning" in result.err) == (0, False)
    masks = [_results(tmp_path / name) for name in ("alone", "shared")]
    for name in (f"xray-{number}.png" for number in range(3)):
        assert masks[0][name] == masks[1][name]
