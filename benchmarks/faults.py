"""What becomes of a folder run that is killed, finds its disk full, or loses a worker.

python benchmarks/faults.py [--files 200] [--kills 50] [--segmenter lungs] [kill disk worker]

Every case ends with a comparison, byte by byte, with a run that nothing disturbed. ``disk`` mounts
a small file system, and ``worker`` needs the extra ``cluster``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tiny import write_images, write_segmenter

from napari_localdisc.batch.executor import QUEUE_DEPTH
from napari_localdisc.cli import main as command_line
from napari_localdisc.core.segmenter.segmenter import Segmenter
from napari_localdisc.files.discovery import Choice  # noqa: F401  # before the fork, to save time
from napari_localdisc.files.naming import JOURNAL
from napari_localdisc.tasks.segment import segment_files  # noqa: F401

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


@dataclass(frozen=True)
class Case:
    """A folder of images, a segmenter, and a log of what was computed."""

    folder: Path
    segmenter: str
    files: int

    @property
    def log(self) -> Path:
        """Has a line for every image that was computed, by whatever process."""
        return self.folder / "computed"

    @property
    def told(self) -> Path:
        """What the last run wrote on standard error."""
        return self.folder / "told"

    def arguments(self, output: Path) -> list[str]:
        """Make the command line of the run, always the same."""
        images = str(self.folder / "images")
        return ["segment", images, "--segmenter", self.segmenter, "-o", str(output), "-q"]

    def start(self, output: Path, *more: str) -> int:
        """Run the command in a process of its own, and return its number."""
        process = os.fork()
        if process == 0:
            os.setpgid(0, 0)
            told = os.open(self.told, os.O_WRONLY | os.O_TRUNC | os.O_CREAT)
            os.dup2(told, sys.stderr.fileno())
            os._exit(self._count_and_run([*self.arguments(output), *more]))
        return process

    def finish(self, output: Path, *more: str) -> float:
        """Run the command to its end, and return the seconds that it took."""
        start = time.perf_counter()
        code = os.waitstatus_to_exitcode(os.waitpid(self.start(output, *more), 0)[1])
        if code != 0:
            raise SystemExit(f"the command ended with {code}: {self.told.read_text()}")
        return time.perf_counter() - start

    def computed(self) -> int:
        """Count what was computed since it was asked last."""
        count = len(self.log.read_text().splitlines()) if self.log.exists() else 0
        self.log.unlink(missing_ok=True)
        return count

    def _count_and_run(self, arguments: list[str]) -> int:
        real = Segmenter.segment
        log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

        def segment(self: Segmenter, *given: object) -> object:
            os.write(log, b"1\n")
            return real(self, *given)  # type: ignore[arg-type]

        Segmenter.segment = segment  # type: ignore[assignment,method-assign]
        return command_line(arguments)


def compare(case: Case, output: Path, whole: Path) -> None:
    """Stop unless both folders are the same, and no file was finished twice."""
    from tests.results import content_of

    ours, theirs = content_of(output), content_of(whole)
    other = [name for name in ours | theirs if ours.get(name) != theirs.get(name)]
    if other:
        raise SystemExit(f"differ from the undisturbed run: {', '.join(sorted(other))}")
    lines = [json.loads(line) for line in (output / JOURNAL).read_text().splitlines()]
    twice = [
        name for name, n in Counter(line.get("done") for line in lines).items() if name and n > 1
    ]
    if twice:
        raise SystemExit(f"finished twice: {', '.join(twice)}")
    print(f"  {len(ours)} files equal, byte by byte; {case.files} finished once each")


def kill(case: Case, whole: Path, kills: int) -> None:
    """Kill the run again and again, at moments spread over all of it."""
    output, rng, alive, states = case.folder / "killed", np.random.default_rng(0), 0, Counter[str]()
    rest = case.finish(whole)  # again: what is left to do where all is done
    case.computed()
    step = 2 * _size(whole) / kills
    while alive < kills:
        process = case.start(output)
        _wait_for_a_moment(process, output, case.files, rng.uniform(0, step), rng.uniform(0, rest))
        if not _has_ended(process):
            os.kill(process, signal.SIGKILL)
            states[_state(output)] += 1
            alive += 1
        os.waitpid(process, 0)
    case.finish(output)
    print(f"kill: {kills} times kill -9; left behind: {dict(states)}")
    compare(case, output, whole)
    again = case.computed() - case.files
    print(f"  computed {case.files + again} images: {again} again after {kills} kills")
    if again > kills * QUEUE_DEPTH:
        raise SystemExit("more was done again than was in hand")


def _wait_for_a_moment(
    process: int, output: Path, files: int, growth: float, seconds: float
) -> None:
    """Wait until the journal has grown so far, and a little more; where all is done, so long."""
    journal = output / JOURNAL
    if journal.exists() and journal.read_bytes().count(b'{"done"') == files:
        time.sleep(seconds)
        return
    until = _size(output) + growth
    while _size(output) < until and not _has_ended(process):
        time.sleep(0.001)
    time.sleep(seconds % 0.03)


def _has_ended(process: int) -> bool:
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _size(output: Path) -> int:
    journal = output / JOURNAL
    return journal.stat().st_size if journal.exists() else 0


def _state(output: Path) -> str:
    if not (output / JOURNAL).exists():
        return "no journal"
    half = any(path.name.startswith(".") for path in output.iterdir())
    content = (output / JOURNAL).read_bytes()
    done = content.count(b'{"done"')
    if not content.endswith(b"\n"):
        return "a torn line"
    masks = sum(path.name != "overview.png" for path in output.glob("*.png"))
    if half:
        return "a half-written file"
    return "masks that the journal does not know" if masks > done else "a journal that fits"


def disk(case: Case, whole: Path) -> None:
    """Give the run a small disk, and a larger one each time that it is full."""
    with tempfile.TemporaryDirectory() as place:
        mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", place]
        subprocess.run(mount, check=True)
        try:
            full, size = 0, 200
            while (code := _code(case, Path(place) / "out")) != 0:
                full += 1
                half = [path for path in (Path(place) / "out").iterdir() if path.name[0] == "."]
                told = case.told.read_text()
                if code != 2 or half or told.count("\n") != 1 or "free some space" not in told:
                    raise SystemExit(f"ended with {code}, leaving {half}, saying {told}")
                size += size // 5
                subprocess.run(["mount", "-o", f"remount,size={size}k", place], check=True)
            print(f"disk: full {full} times, from 200 KiB to {size} KiB, one line told each time")
            compare(case, Path(place) / "out", whole)
            again = case.computed() - case.files
            print(f"  computed {case.files + again} images: {again} again after {full} full disks")
        finally:
            subprocess.run(["umount", "-l", place], check=True)


def _code(case: Case, output: Path) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(case.start(output), 0)[1])


def worker(case: Case, whole: Path) -> None:
    """Run on two workers, and kill one of them in the middle, for good."""
    output, place = case.folder / "cluster", case.folder / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    common = ["--scheduler-file", str(place), "--no-dashboard"]
    started = [
        subprocess.Popen([*dask, "scheduler", "--port", "0", *common], stderr=subprocess.DEVNULL)
    ]
    alone = [*dask, "worker", "--no-nanny", "--nthreads", "2", *common]
    started += [subprocess.Popen(alone, stderr=subprocess.DEVNULL) for _ in range(2)]
    try:
        _wait(place.exists)
        address = json.loads(place.read_text())["address"]
        process = case.start(output, "--scheduler", address)
        _wait(lambda: len(list(output.glob("*.png"))) > case.files // 3)
        started[1].kill()
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        if code != 0:
            raise SystemExit(f"the command ended with {code}: {case.told.read_text()}")
        print("worker: one of two killed after a third of the files")
        compare(case, output, whole)
    finally:
        for one in reversed(started):
            one.kill()
            one.wait()


def _wait(ready: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise SystemExit("waited in vain")
        time.sleep(0.02)


def main() -> None:
    """Run the cases that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=[])
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--segmenter", help="a shipped one, or a file; a tiny one if not given")
    options = parser.parse_args()
    wanted = options.cases or ["kill", "disk", "worker"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder / "images", options.files)
        if options.segmenter is None:
            write_segmenter(folder / "tiny.safetensors")
        segmenter = options.segmenter or str(folder / "tiny.safetensors")
        case, whole = Case(folder, segmenter, options.files), folder / "whole"
        seconds = case.finish(whole)
        print(f"undisturbed: {options.files} files in {seconds:.1f} s, {case.computed()} computed")
        if "kill" in wanted:
            kill(case, whole, options.kills)
        if "disk" in wanted:
            disk(case, whole)
        if "worker" in wanted:
            worker(case, whole)


if __name__ == "__main__":
    main()
