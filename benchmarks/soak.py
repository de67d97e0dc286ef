"""Memory and open files over a run of very many small images.

python benchmarks/soak.py [--files 10000] [-o soak.csv] [--plot soak.png]
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from tiny import write_images, write_segmenter

from napari_localdisc.base.progress import Progress, drain
from napari_localdisc.stores.segmenters import load_segmenter
from napari_localdisc.tasks.segment import segment_files

COLUMNS = ("files", "seconds", "resident_mib", "open_files", "threads")

Row = tuple[int, float, float, int, int]


def state(files: int, start: float) -> Row:
    """Look at this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    resident = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    handles = sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1
    seconds = round(time.perf_counter() - start, 2)
    return files, seconds, round(resident, 2), handles, threading.active_count()


def soak(folder: Path, count: int) -> list[Row]:
    """Segment many images, looking at the process two hundred times."""
    files = write_images(folder / "images", count)
    write_segmenter(folder / "tiny.safetensors")
    segmenter = load_segmenter(folder / "tiny.safetensors")
    start, every, rows = time.perf_counter(), max(1, count // 200), list[Row]()

    def look(event: Progress) -> None:
        if event.stage == "segment" and event.done % every == 0:
            rows.append(state(event.done, start))

    report = drain(segment_files(files, segmenter, folder / "out"), look)
    rows.append(state(len(report.done), start))
    return rows


def tell(rows: list[Row]) -> None:
    """Print what grew between a tenth of the files and the last of them."""
    early = next(row for row in rows if row[0] >= rows[-1][0] // 10)
    last = rows[-2]  # the overview comes after it
    later = np.array([row for row in rows[:-1] if row[0] >= early[0]])
    growth = np.polyfit(later[:, 0], later[:, 2], 1)[0] * 1000
    print(f"{last[0]} files in {last[1]:.0f} s; resident {early[2]:.0f} MiB at {early[0]} files,")
    print(f"  {last[2]:.0f} MiB at {last[0]}: {growth:+.2f} MiB per 1000 files")
    print(f"  open files {early[3]} and {last[3]}, {rows[-1][3]} after the run")
    print(f"  threads {early[4]} and {last[4]}, {rows[-1][4]} after the run")


def plot(rows: list[Row], path: Path) -> None:
    """Draw both curves."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    left = figure.subplots()
    right = left.twinx()
    files = [row[0] for row in rows[:-1]]
    left.plot(files, [row[2] for row in rows[:-1]], color="tab:blue")
    right.plot(files, [row[3] for row in rows[:-1]], color="tab:orange")
    left.set(xlabel="files done", ylim=(0, 1.4 * max(row[2] for row in rows)))
    left.set_ylabel("resident memory, MiB", color="tab:blue")
    right.set(ylim=(0, 4 * max(row[3] for row in rows)))
    right.set_ylabel("open files", color="tab:orange")
    figure.savefig(path, dpi=100)


def main() -> None:
    """Soak, and write the curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("-o", "--output", type=Path, default=Path("soak.csv"))
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = soak(Path(name), options.files)
    with options.output.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    if options.plot:
        plot(rows, options.plot)
    tell(rows)


if __name__ == "__main__":
    main()
