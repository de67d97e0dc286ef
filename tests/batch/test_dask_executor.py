"""Folder runs on a real Dask scheduler with workers in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
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
from napari_localdisc.batch.journal_record import JOURNAL, read_journal
from napari_localdisc.batch.run_files import FileResult, RunOptions, run_files
from napari_localdisc.formats.images import Image, write_mask

pytest.importorskip("distributed")
from napari_localdisc.batch.dask_executor import existing_cluster

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Slow:
    """Work that notes which process did it."""

    log: Path
    seconds: float = 0.0

    def compute(self, image: Image) -> np.ndarray:
        with self.log.open("a") as file:
            file.write(f"{image.path.stem} {os.getpid()}\n")
        time.sleep(self.seconds)
        return (image.pixels > 100).astype(np.uint8)

    def write(self, image: Image, found: np.ndarray, place: Path) -> FileResult:
        path = write_mask(found, place, image, scale_to_255=True)
        return FileResult(image.path, path, "done", 0.0, int(found.sum()), 0.5)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "in" / f"{number:02}.png" for number in range(30)]
    paths[0].parent.mkdir()
    for number, path in enumerate(paths):
        pixels = np.random.default_rng(number).integers(0, 255, (20, 20), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(path)
    paths[3].write_text("no image")
    return paths


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """The address of a scheduler with two workers, which nobody starts again."""
    with _cluster(tmp_path) as address:
        yield address


@contextmanager
def _cluster(tmp_path: Path, *options: str) -> Iterator[str]:
    place = tmp_path / "scheduler.json"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    dask = [sys.executable, "-m", "dask"]
    started = [
        [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", *options],
        *[[*dask, "worker", "--no-nanny", "--nthreads", "1", "--no-dashboard", *options]] * 2,
    ]
    processes = [
        subprocess.Popen(
            [*command, "--scheduler-file", str(place)],
            cwd=tmp_path,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for command in started
    ]
    try:
        end = time.monotonic() + 60
        while not place.exists() and time.monotonic() < end:
            time.sleep(0.1)
        yield json.loads(place.read_text())["address"]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def _content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix == ".png"}


def test_a_worker_that_is_killed_loses_no_file(
    files: list[Path], scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = drain(run_files(files, Slow(tmp_path / "log-0"), tmp_path / "whole", "segment"))
    log = tmp_path / "log"
    monkeypatch.chdir(tmp_path)  # workers are elsewhere: what is relative here is not there
    relative = [file.relative_to(tmp_path) for file in files]
    run_options = RunOptions(make_executor=existing_cluster(scheduler))
    killed: list[int] = []

    def kill_one(event) -> None:
        who = {int(line.split()[1]) for line in log.read_text().splitlines()} if event.done else {0}
        if len(who) == 2 and not killed:
            killed.append(min(who))
            os.kill(killed[0], signal.SIGKILL)

    work = Slow(log, 0.05)
    report = drain(
        run_files(relative, work, Path("out"), "segment", run_options=run_options), kill_one
    )
    assert killed
    assert [result.status for result in report.results] == [r.status for r in whole.results]
    assert [result.path for result in report.results] == relative
    assert str(tmp_path) not in report.failed[0].error
    assert _content(tmp_path / "out") == _content(tmp_path / "whole")
    journal = (tmp_path / "out" / JOURNAL).read_text().splitlines()
    assert sum('"done"' in line for line in journal) == 29
    assert not list((tmp_path / "out").glob(".*"))
    assert len(log.read_text().splitlines()) <= 29 + 2

    # The same folder is continued by this process alone, and cancelled on the cluster.
    again = drain(run_files(relative, Slow(log), Path("out"), "segment"))
    assert len(again.kept) == 29
    run = run_files(files, Slow(log, 0.05), tmp_path / "short", "segment", run_options=run_options)
    for _ in range(5):
        next(run)
    run.close()
    done = {path.stem for path in (tmp_path / "short").glob("*.png")}
    assert set(read_journal(tmp_path / "short").done) == done
    assert 0 < len(done) < 15


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense"])
def test_no_scheduler_there(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("napari_localdisc.batch.dask_executor._PATIENCE", 0.5)
    with pytest.raises(LocaldiscError, match=f"no Dask scheduler answers at {address}"):
        existing_cluster(address)


def _certificate(folder: Path) -> Path:
    """One that vouches for itself, with its key, for scheduler, workers and client."""
    openssl = shutil.which("openssl") or pytest.skip("needs openssl to make a certificate")
    path = folder / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"]
    files = ["-keyout", str(path), "-out", str(folder / "only.pem")]
    subprocess.run([*command, "/CN=localdisc", *files], check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / "only.pem").read_text())
    return path


def test_an_encrypted_scheduler(files: list[Path], tmp_path: Path):
    dask = pytest.importorskip("dask")
    pem = str(_certificate(tmp_path))
    options = ["--tls-ca-file", pem, "--tls-cert", pem, "--tls-key", pem, "--protocol", "tls"]
    tls = "distributed.comm.tls"
    ours = {f"{tls}.ca-file": pem, f"{tls}.client.cert": pem, f"{tls}.client.key": pem}
    with _cluster(tmp_path, *options) as address:
        assert address.startswith("tls://")
        with pytest.raises(LocaldiscError, match="needs certificates; name them in Dask's"):
            existing_cluster(address)
        with dask.config.set(ours):
            run_options = RunOptions(make_executor=existing_cluster(address))
            work = Slow(tmp_path / "log")
            run = run_files(files[:6], work, tmp_path / "out", "segment", run_options=run_options)
            assert len(drain(run).done) == 5
        with (
            dask.config.set({**ours, f"{tls}.ca-file": str(tmp_path / "gone.pem")}),
            pytest.raises(LocaldiscError, match="certificates in Dask's configuration cannot be"),
        ):
            existing_cluster(address)
