"""Folder runs in processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.batch.journal_record import JOURNAL, read_journal
from napari_localdisc.batch.process_executor import worker_processes
from napari_localdisc.batch.run_files import BatchReport, FileResult, RunOptions, run_files
from napari_localdisc.formats.images import Image, write_mask

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Slow:
    """Work that notes which process did it, and dies of some images."""

    log: Path
    seconds: float = 0.0
    deadly: str = ""

    def compute(self, image: Image) -> np.ndarray:
        with self.log.open("a") as file:
            file.write(f"{image.path.stem} {os.getpid()} {os.environ.get('OMP_NUM_THREADS')}\n")
        if image.path.stem == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds)
        return (image.pixels > 100).astype(np.uint8)

    def write(self, image: Image, found: np.ndarray, place: Path) -> FileResult:
        path = write_mask(found, place, image, scale_to_255=True)
        return FileResult(image.path, path, "done", 0.0, int(found.sum()), 0.5)

    def pids(self) -> set[int]:
        """Processes that did something."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return {int(line.split()[1]) for line in lines}


class Untaken(Slow):
    """Work that no other process can take."""

    def __reduce__(self):
        return _refuse, ()


def _refuse() -> None:
    raise ImportError("no such module there")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "in" / f"{number:02}.png" for number in range(20)]
    paths[0].parent.mkdir()
    for number, path in enumerate(paths):
        pixels = np.random.default_rng(number).integers(0, 255, (20, 20), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(path)
    paths[3].write_text("no image")
    return paths


def _run(files: list[Path], work: Slow, output: Path, on_event: Callable | None = None):
    options = RunOptions(make_executor=worker_processes(2))
    run = run_files(files, work, output, "segment", run_options=options)
    return run if on_event is None else drain(run, on_event)


def _content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix == ".png"}


def _ended(pids: set[int], seconds: float = 10) -> bool:
    """Whether processes are gone, or nothing but a last word to their parent is left of them."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(_lives(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_worker_that_is_killed_loses_no_file(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    psutil = pytest.importorskip("psutil")
    whole = drain(run_files(files, Slow(tmp_path / "log-0"), tmp_path / "whole", "segment"))
    work = Slow(tmp_path / "log", 0.05)
    monkeypatch.chdir(tmp_path)
    relative = [file.relative_to(tmp_path) for file in files]
    killed, ports = list[int](), []

    def kill_one(event) -> None:
        if len(work.pids()) == 2 and not killed:
            for child in psutil.Process().children(recursive=True):
                ports.extend(child.net_connections("inet"))
            killed.append(min(work.pids()))
            os.kill(killed[0], signal.SIGKILL)

    before = psutil.Process().net_connections("inet")
    report: BatchReport = _run(relative, work, Path("out"), kill_one)
    assert killed
    assert ports == []
    assert psutil.Process().net_connections("inet") == before
    assert [result.status for result in report.results] == [r.status for r in whole.results]
    assert [result.path for result in report.results] == relative
    assert str(tmp_path) not in report.failed[0].error
    assert _content(tmp_path / "out") == _content(tmp_path / "whole")
    journal = (tmp_path / "out" / JOURNAL).read_text().splitlines()
    assert sum('"done"' in line for line in journal) == 19
    assert not list((tmp_path / "out").glob(".*"))
    assert len(work.log.read_text().splitlines()) <= 19 + 2
    assert work.log.read_text().splitlines()[0].endswith(" 1")  # a core each
    assert os.getpid() not in work.pids()
    assert _ended(work.pids())


def test_a_run_that_is_closed_keeps_what_is_done_and_ends_its_processes(files, tmp_path: Path):
    work = Slow(tmp_path / "log", 0.05)
    run = _run(files, work, tmp_path / "short")
    for _ in range(5):
        next(run)
    run.close()
    done = {path.stem for path in (tmp_path / "short").glob("*.png")}
    assert set(read_journal(tmp_path / "short").done) == done
    assert 0 < len(done) < 15
    assert _ended(work.pids())
    assert len(_run(files, work, tmp_path / "short", lambda _: None).kept) == len(done)


def test_an_image_that_ends_every_worker_fails_alone(files, tmp_path: Path):
    work = Slow(tmp_path / "log", deadly="05")
    report = _run(files[4:9], work, tmp_path / "out", lambda _: None)
    (failed,) = report.failed
    assert failed.path == files[5]
    assert "4 workers ended over it" in failed.error
    assert len(report.done) == 4


def test_work_that_a_process_cannot_take(files, tmp_path: Path):
    with pytest.raises(LocaldiscError, match=r"cannot take the work .*no such module there"):
        _run(files, Untaken(tmp_path / "log"), tmp_path / "out", lambda _: None)
    assert not (tmp_path / "out").exists()


def test_processes_outlive_no_run_that_was_killed(files, tmp_path: Path):
    output = tmp_path / "out"
    work = Slow(tmp_path / "log")
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from napari_localdisc.base.progress import drain\n"
        "from tests.batch.test_process_executor import Slow, _run\n"
        "if __name__ == '__main__':\n"
        "    files = sorted(Path(sys.argv[1]).iterdir())\n"
        "    work = Slow(Path(sys.argv[2]), 0.3)\n"
        "    drain(_run(files, work, Path(sys.argv[3])))\n"
    )
    program = tmp_path / "program.py"
    program.write_text(script)
    process = subprocess.Popen(
        [sys.executable, str(program), str(files[0].parent), str(work.log), str(output)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + 60
    while len(work.pids()) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert len(work.pids()) == 2
    assert _ended(work.pids())
