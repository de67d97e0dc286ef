"""Images that go through the network together: found as they would be alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from skimage.io import imread

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.batch import executor
from napari_localdisc.batch.executor import QUEUE_DEPTH
from napari_localdisc.batch.journal_record import read_journal
from napari_localdisc.batch.run_files import FileResult, RunOptions, run_files
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.formats.images import Image, write_mask
from napari_localdisc.stores.segmenters import load_segmenter
from napari_localdisc.tasks.segment import segment_files
from tests.results import content_of

SIDE = 24
ROUNDING = 1e-3
"""Share of the pixels whose probability may be at the threshold to rounding."""


@dataclass(frozen=True)
class Noted:
    """Work that notes which images it was given at once, and fails at some."""

    at_once: int = 4
    fails_at: tuple[str, ...] = ()
    seconds: float = 0.0
    groups: list[list[str]] = field(default_factory=list)

    def compute(self, image: Image) -> np.ndarray:
        (found,) = self.compute_together([image])
        return found

    def compute_together(self, images: Sequence[Image]) -> list[np.ndarray]:
        names = [image.path.stem for image in images]
        self.groups.append(names)
        time.sleep(self.seconds)
        for name in names:
            if name in self.fails_at:
                raise LocaldiscError(f"{name} cannot be done.")
        return [(image.pixels > 100).astype(np.uint8) for image in images]

    def write(self, image: Image, found: np.ndarray, place: Path) -> FileResult:
        path = write_mask(found, place, image, scale_to_255=True)
        return FileResult(image.path, path, "done", 0.0, int(found.sum()), 0.5)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Twenty small pictures."""
    folder = tmp_path / "in"
    folder.mkdir()
    paths = [folder / f"{number:02}.png" for number in range(20)]
    for number, path in enumerate(paths):
        pixels = np.random.default_rng(number).integers(0, 255, (SIDE, SIDE), np.uint8)
        PIL.Image.fromarray(pixels).save(path)
    return paths


@pytest.fixture
def phantoms(tmp_path: Path) -> list[Path]:
    """Seven X-ray phantoms of several sizes, and a stack of five planes among them."""
    folder = tmp_path / "phantoms"
    folder.mkdir()
    shown = [xray_phantom(seed, 64 + 8 * (seed % 3)).image for seed in range(12)]
    paths = [folder / f"{number}.png" for number in range(7)]
    for path, pixels in zip(paths, shown, strict=False):
        PIL.Image.fromarray(pixels).save(path)
    stack = [PIL.Image.fromarray(xray_phantom(seed, 64).image) for seed in range(7, 12)]
    stack[0].save(folder / "s.tif", save_all=True, append_images=stack[1:])
    return [*paths[:3], folder / "s.tif", *paths[3:]]


def test_what_waits_meanwhile_is_computed_together(files: list[Path], tmp_path: Path):
    work = Noted(seconds=0.05)
    report = drain(run_files(files, work, tmp_path / "out", "segment"))
    assert [result.path for result in report.done] == files
    assert sorted(name for group in work.groups for name in group) == [f.stem for f in files]
    assert max(map(len, work.groups)) == work.at_once
    assert len(work.groups) <= 9
    assert sum(result.seconds for result in report.done) >= 0.05 * len(work.groups)


def test_results_are_those_of_one_at_a_time(
    phantoms: list[Path], segmenter_file: Path, tmp_path: Path
):
    segmenter = load_segmenter(segmenter_file)
    for at_once in (1, 3):
        output = tmp_path / str(at_once)
        drain(segment_files(phantoms, segmenter, output, run_options=RunOptions(at_once=at_once)))
    apart, together = (content_of(tmp_path / at_once) for at_once in ("1", "3"))
    assert apart.keys() == together.keys()
    for name in (f"{path.stem}{path.suffix}" for path in phantoms):
        one, other = (imread(tmp_path / at_once / name) for at_once in ("1", "3"))
        assert differing(one, other) < ROUNDING


def differing(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the pixels that differ."""
    return float(np.mean(one != other))


def test_shares_of_images_together_are_those_of_each(segmenter_file: Path):
    segmenter = load_segmenter(segmenter_file)
    images = [xray_phantom(seed, 64 + 8 * seed).image for seed in range(5)]
    for image, found in zip(images, segmenter.segment_together(images), strict=True):
        alone = segmenter.segment(image)
        assert differing(found.labels, alone.labels) < ROUNDING
        np.testing.assert_allclose(found.confidence, alone.confidence, atol=1e-4)
        assert found.score == pytest.approx(alone.score, abs=1e-5)


def test_an_image_that_fails_fails_alone(files: list[Path], tmp_path: Path):
    work = Noted(fails_at=("03", "11"), seconds=0.01)
    report = drain(run_files(files, work, tmp_path / "out", "segment"))
    assert [result.error for result in report.failed] == [
        "03 cannot be done.",
        "11 cannot be done.",
    ]
    assert len(report.done) == 18
    assert sorted(read_journal(tmp_path / "out").done) == sorted(
        path.stem for path in files if path.stem not in work.fails_at
    )


def test_short_of_memory_fewer_go_together(segmenter_file: Path):
    segmenter, tried = load_segmenter(segmenter_file), []

    def refuse(_: torch.nn.Module, given: tuple[torch.Tensor]) -> None:
        tried.append(len(given[0]))
        if tried[-1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    images = [xray_phantom(seed, 64).image for seed in range(8)]
    expected = segmenter.segment_together(images)
    segmenter.network.body.register_forward_pre_hook(refuse)
    most = 3
    for _ in range(2):
        found = segmenter.segment_together(images)
        for one, same in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one.labels, same.labels)
    assert tried == [8, 4, 2, 2, 2, 2, 2, 2, 2, 2]
    most = 0
    with pytest.raises(LocaldiscError, match="cpu has no memory left for a canvas of 64 pixels"):
        segmenter.segment_together(images)


def test_of_large_images_few_are_in_hand(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(executor, "_BYTES", 5 * SIDE * SIDE)
    read, most, lock = set[Path](), [0], threading.Lock()

    @dataclass(frozen=True)
    class Watched(Noted):
        def compute_together(self, images: Sequence[Image]) -> list[np.ndarray]:
            time.sleep(0.02)
            return super().compute_together(images)

        def write(self, image: Image, found: np.ndarray, place: Path) -> FileResult:
            with lock:
                read.discard(image.path)
            return super().write(image, found, place)

    real = executor.read_image

    def note(path: Path, **options: bool) -> Image:
        with lock:
            read.add(path)
            most[0] = max(most[0], len(read))
        return real(path, **options)

    monkeypatch.setattr(executor, "read_image", note)
    drain(run_files(files, Watched(at_once=8), tmp_path / "out", "segment"))
    assert QUEUE_DEPTH < most[0] <= 5 + 1


def test_cancelled_it_leaves_no_thread_and_goes_on_later(files: list[Path], tmp_path: Path):
    before = set(threading.enumerate())
    run = run_files(files, Noted(seconds=0.02), tmp_path / "out", "segment")
    for _ in range(6):
        next(run)
    run.close()
    assert set(threading.enumerate()) == before
    done = sorted(read_journal(tmp_path / "out").done)
    assert 5 <= len(done) < 20
    again = Noted()
    assert len(drain(run_files(files, again, tmp_path / "out", "segment")).done) == 20
    assert sorted([*done, *(name for group in again.groups for name in group)]) == [
        path.stem for path in files
    ]
