"""Runs that were stopped, however it was done, and what the same run does again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.batch.executor import QUEUE_DEPTH, ThreadExecutor
from napari_localdisc.batch.journal_record import read_journal
from napari_localdisc.batch.run_files import BatchReport, FileResult, RunOptions, run_files
from napari_localdisc.files.naming import JOURNAL
from napari_localdisc.formats.images import Image, write_mask
from tests.conftest import little_space
from tests.results import content_of

SIDE = 24


@dataclass(frozen=True)
class Counted:
    """Work that notes in a file what it was asked to do."""

    log: Path
    seconds: float = 0.0

    def compute(self, image: Image) -> np.ndarray:
        with self.log.open("a") as file:
            file.write(f"{image.path.stem}\n")
        time.sleep(self.seconds)
        return (image.pixels > 100).astype(np.uint8)

    def write(self, image: Image, found: np.ndarray, place: Path) -> FileResult:
        path = write_mask(found, place, image, scale_to_255=True)
        return FileResult(image.path, path, "done", 0.0, int(found.sum()), 0.5)


class Case:
    """A folder of images, one of results, and the work in between."""

    def __init__(self, folder: Path, count: int, seconds: float = 0.0) -> None:
        self.folder, self.output = folder, folder / "out"
        self.files = [folder / "in" / f"{number:03}.png" for number in range(count)]
        self.files[0].parent.mkdir(parents=True)
        for number, file in enumerate(self.files):
            self.paint(file, number)
        self.work = Counted(folder / "log", seconds)

    @staticmethod
    def paint(file: Path, seed: int) -> None:
        pixels = np.random.default_rng(seed).integers(0, 255, (SIDE, SIDE), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(file)

    def run(self, output: Path | None = None, recipe=None, **run_options):
        output = output or self.output
        return run_files(
            self.files,
            self.work,
            output,
            "segment",
            recipe=recipe,
            run_options=RunOptions(**run_options),
        )

    def computed(self) -> list[str]:
        """What was computed since it was asked last."""
        found = self.work.log.read_text().split() if self.work.log.exists() else []
        self.work.log.unlink(missing_ok=True)
        return sorted(found)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path, 8)


def test_the_same_run_again_does_nothing(case: Case):
    first = drain(case.run())
    assert len(case.computed()) == 8
    report = (case.output / "report.csv").read_bytes()
    events = []
    second = drain(case.run(), events.append)
    assert case.computed() == []
    assert [result.status for result in second.results] == ["done"] * 8
    assert len(second.kept) == 8
    assert not first.kept
    assert [event.payload.path for event in events[1:]] == case.files
    assert (case.output / "report.csv").read_bytes() == report


def test_a_changed_file_is_done_again_and_a_touched_one_is_not(case: Case):
    drain(case.run())
    case.computed()
    case.paint(case.files[2], 100)
    os.utime(case.files[3], (1, 1))
    expected = (np.asarray(PIL.Image.open(case.files[2])) > 100) * 255
    for done in (["002"], []):
        report = drain(case.run())
        assert case.computed() == done
    np.testing.assert_array_equal(PIL.Image.open(report.results[2].output), expected)


def test_a_folder_that_was_moved_is_known_by_itscontent_of(case: Case):
    drain(case.run())
    case.computed()
    moved = case.files[0].parent.rename(case.folder / "moved")
    case.files = [moved / file.name for file in case.files]
    os.utime(case.files[1], (1, 1))
    case.paint(case.files[4], 50)
    os.utime(case.files[4], (2, 2))
    report = drain(case.run())
    assert case.computed() == ["004"]
    assert [result.path for result in report.results] == case.files


def test_a_mask_that_is_gone_is_made_again(case: Case):
    drain(case.run())
    case.computed()
    (case.output / "005.png").unlink()
    drain(case.run())
    assert case.computed() == ["005"]


def test_what_failed_is_tried_again(case: Case):
    good = case.files[1].read_bytes()
    case.files[1].write_text("no image")
    assert len(drain(case.run()).failed) == 1
    case.files[1].write_bytes(good)
    case.computed()
    assert len(drain(case.run()).done) == 8
    assert case.computed() == ["001"]


def test_no_mask_of_an_older_file_stays_where_the_new_one_fails(case: Case):
    drain(case.run())
    case.files[1].write_text("no image")
    (failed,) = drain(case.run()).failed
    assert failed.path == case.files[1]
    assert not (case.output / "001.png").exists()


def test_another_recipe_is_refused_or_overwrites_what_is_ours(case: Case):
    drain(case.run(recipe={"segmenter": "one"}))
    with pytest.raises(LocaldiscError, match="segmenter one there and two here"):
        drain(case.run(recipe={"segmenter": "two"}))
    case.computed()
    stranger = case.output / "000_more.png"
    stranger.write_text("mine")
    drain(case.run(recipe={"segmenter": "two"}, overwrite=True))
    assert len(case.computed()) == 8
    drain(case.run(recipe={"segmenter": "two"}, overwrite=True))
    assert case.computed() == []
    assert stranger.read_text() == "mine"


def test_a_mask_that_the_journal_does_not_know_is_redone_if_it_was_announced(case: Case):
    drain(case.run())
    case.computed()
    journal = case.output / JOURNAL
    lines = [line for line in journal.read_text().splitlines() if '"done": "006"' not in line]
    journal.write_text("\n".join(lines) + "\n")
    (case.output / "006.png").write_text("half")
    assert len(drain(case.run()).done) == 8
    assert case.computed() == ["006"]
    assert PIL.Image.open(case.output / "006.png").size == (SIDE, SIDE)


def test_a_power_cut_finds_a_mask_before_the_journal_tells_of_it(case: Case, monkeypatch):
    events: list[tuple[str, str]] = []
    sync, replace = os.fsync, Path.replace

    def note_sync(handle: int) -> None:
        events.append(("sync", Path(f"/proc/self/fd/{handle}").resolve().name))
        sync(handle)

    def note_replace(self: Path, target: Path) -> Path:
        events.append(("replace", self.name))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    case.files = case.files[:1]
    drain(case.run())
    part = next(name for what, name in events if what == "replace" and "000.png" in name)
    begin = events.index(("sync", JOURNAL))
    placed = events.index(("replace", part))
    assert events.index(("sync", case.folder.name)) < begin  # the new folder itself
    assert begin < events.index(("sync", part)) < placed
    after = events[placed + 1 :]
    assert after.index(("sync", "out")) < after.index(("sync", JOURNAL))


def test_cancelled_it_has_journalled_what_is_done_and_leaves_no_thread(tmp_path: Path):
    case = Case(tmp_path, 12, seconds=0.02)
    before = set(threading.enumerate())
    run = case.run()
    for _ in range(4):
        next(run)
    run.close()
    assert set(threading.enumerate()) == before
    masks = sorted(path.stem for path in case.output.glob("*.png"))
    assert sorted(read_journal(case.output).done) == masks
    assert 3 <= len(masks) <= 3 + QUEUE_DEPTH
    assert sorted(path.name for path in case.output.iterdir()) == [
        *(f"{name}.png" for name in masks), JOURNAL, "report.csv",
    ]  # fmt: skip
    first = case.computed()
    drain(case.run())
    assert sorted([*first, *case.computed()]) == [f"{number:03}" for number in range(12)]


def test_few_images_are_in_memory_and_they_overlap(tmp_path: Path):
    case = Case(tmp_path, 20)
    lock, held, most, computing = threading.Lock(), set(), [0], [0]

    @dataclass(frozen=True)
    class Watched:
        def compute(self, image: Image) -> np.ndarray:
            with lock:
                held.add(image.path)
                computing[0] += 1
                most[0] = max(most[0], len(held))
            assert computing[0] == 1
            time.sleep(0.005)
            with lock:
                computing[0] -= 1
            return np.zeros(image.pixels.shape, np.uint8)

        def write(self, image: Image, found: np.ndarray, place: Path) -> FileResult:
            time.sleep(0.005)
            path = write_mask(found, place, image, scale_to_255=True)
            with lock:
                held.discard(image.path)
            return FileResult(image.path, path, "done", 0.0)

    report = drain(run_files(case.files, Watched(), case.output, "segment"))
    assert [result.error for result in report.results] == [""] * 20
    assert 2 <= most[0] <= QUEUE_DEPTH


def test_a_crew_may_shrink(case: Case):
    class Shrinking(ThreadExecutor):
        @property
        def queue_depth(self) -> int:
            return 3 if not case.work.log.exists() else 1

    assert len(drain(case.run(make_executor=Shrinking)).done) == 8


def test_a_crew_that_is_gone_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    case = Case(tmp_path, 8, seconds=0.1)

    class Leaving(ThreadExecutor):
        def check_workers(self) -> None:
            if len(case.work.log.read_text().split()) > 3:
                raise LocaldiscError("all are gone")

    monkeypatch.setattr("napari_localdisc.batch.executor.CHECK_AFTER", 0.02)
    with pytest.raises(LocaldiscError, match="all are gone"):
        drain(case.run(make_executor=Leaving))
    assert 3 <= len(read_journal(case.output).done) < 8
    assert len(drain(case.run()).done) == 8


def _run_until_killed(case: Case) -> None:
    drain(case.run())


def test_killed_at_any_moment_it_goes_on_to_the_same_end(tmp_path: Path):
    case = Case(tmp_path / "killed", 40, seconds=0.004)
    drain(case.run(tmp_path / "whole"))
    case.computed()
    rng = np.random.default_rng(0)
    kills = 0
    while kills < 8:
        child = multiprocessing.get_context("fork").Process(target=_run_until_killed, args=(case,))
        child.start()
        time.sleep(rng.uniform(0.02, 0.12))
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        kills += 1
    report = drain(case.run())
    assert len(report.done) == 40
    assert content_of(case.output) == content_of(tmp_path / "whole")
    done = [line for line in (case.output / JOURNAL).read_text().splitlines() if '"done"' in line]
    assert len(done) == 40
    assert 40 <= len(case.computed()) <= 40 + kills * QUEUE_DEPTH


def _stops_and_goes_on(case: Case, report: BatchReport, whole: Path) -> None:
    assert len(report.done) == len(case.files)
    assert 0 < len(report.kept) < len(case.files)
    assert content_of(case.output) == content_of(whole)


def test_a_full_disk_stops_the_run_and_leaves_all_that_is_done(tmp_path: Path):
    case = Case(tmp_path / "case", 40)
    whole = tmp_path / "whole"
    drain(case.run(whole))
    size = (whole / JOURNAL).stat().st_size
    with (
        little_space(size // 2),
        pytest.raises(
            LocaldiscError,
            match=r"^\d+ of 40 files are done and kept; cannot write \S+out\S+ \(File too large\);"
            r" free some space and run it again to go on\.$",
        ),
    ):
        drain(case.run())
    done = set(read_journal(case.output).done)
    assert 0 < len(done) < 40
    assert not list(case.output.glob(".*"))
    for name in done:
        assert PIL.Image.open(case.output / f"{name}.png").size == (SIDE, SIDE)
    _stops_and_goes_on(case, drain(case.run()), whole)


@contextmanager
def _small_disk(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no small disk can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_small_disk_that_gets_full_and_then_larger(tmp_path: Path):
    case = Case(tmp_path / "case", 40)
    whole = tmp_path / "whole"
    drain(case.run(whole))
    with _small_disk(tmp_path / "disk", "100k") as disk:
        case.output = disk / "out"
        with pytest.raises(LocaldiscError, match=r"of 40 files .*No space left.*free some space"):
            drain(case.run())
        assert len(list(case.output.glob("*.png"))) >= len(read_journal(case.output).done) > 0
        assert not list(case.output.glob(".*"))
        subprocess.run(["mount", "-o", "remount,size=10m", str(disk)], check=True)
        _stops_and_goes_on(case, drain(case.run()), whole)
